"""Tokenizers from wherever they lie; the step, its tables, and what is refused."""

import csv
import json
import shutil
from dataclasses import replace

import pytest

import isogloss
from isogloss import registry
from isogloss.corpus import read_corpus
from isogloss.errors import ModelError, NetworkRefused, SettingsError, UsageError
from isogloss.recipe.tokenizers import audit_tokenizers, open_tokenization

ENG = ["red heart", "green circle", "blue book", "up", "man running fast", "dog"]
DEU = ["rotes Herz", "grüner Kreis", "blaues Buch", "hoch", "schnell laufender Mann", "Hund"]


@pytest.fixture
def text(tmp_path):
    folder = tmp_path / "text"
    folder.mkdir()
    for tag, lines in (("eng", ENG), ("deu", DEU)):
        (folder / f"{tag}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def saved(tokenizer, place):
    place.parent.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(place))
    return place


@pytest.fixture
def learned():
    """A small WordPiece tokenizer, and others by the size of their vocabulary."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    def make(size=200):
        made = Tokenizer(models.WordPiece(unk_token="[UNK]"))
        made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
        trainer = trainers.WordPieceTrainer(
            vocab_size=size, special_tokens=["[UNK]"], show_progress=False
        )
        made.train_from_iterator(ENG, trainer)
        return made

    return make


def table(file):
    with file.open(encoding="utf-8", newline="") as opened:
        return list(csv.DictReader(opened, delimiter="\t"))


def test_every_way_to_name_a_tokenizer(tmp_path, learned, minilm):
    file = saved(learned(), tmp_path / "mine" / "tokenizer.json")
    cut = open_tokenization(str(file)).cut(ENG).ids.tolist()
    assert open_tokenization(str(file)).name == "mine"
    assert open_tokenization(f"other={file}").name == "other"
    assert (
        open_tokenization(f"other={file}").fingerprint == open_tokenization(str(file)).fingerprint
    )
    assert open_tokenization(str(saved(learned(), tmp_path / "wp.json"))).name == "wp"
    alone = open_tokenization(str(file.parent))  # a folder that holds nothing else
    assert alone.name == "mine" and alone.cut(ENG).ids.tolist() == cut
    for name in ("bytes", "bytes.v1", "characters"):
        assert open_tokenization(name).name == name.removesuffix(".v1")
    demo = open_tokenization("all-MiniLM-L6-v2")
    folder = open_tokenization(minilm)
    assert (demo.name, demo.window, demo.added) == ("all-MiniLM-L6-v2", 256, 2)
    assert folder.fingerprint == demo.fingerprint and folder.size == 30522


def test_a_model_folder_needs_no_weights(tmp_path, minilm):
    folder = tmp_path / "light"
    shutil.copytree(minilm, folder, ignore=shutil.ignore_patterns("*.safetensors"))
    assert open_tokenization(str(folder)).cut(["red heart"]).lengths.tolist() == [2]


def test_a_registered_one_may_read_a_file(monkeypatch):
    def spelled(path="none"):
        return replace(open_tokenization("bytes"), name=f"spelled by {path}")

    monkeypatch.setitem(registry._objects, ("tokenization", "spelled.v1"), spelled)
    assert open_tokenization("spelled").name == "spelled by none"
    assert open_tokenization("spelled:a=b.json").name == "spelled by a=b.json"
    assert open_tokenization("short=spelled.v1:x").name == "short"
    with pytest.raises(UsageError, match="bytes reads no file"):
        open_tokenization("bytes:x")


def test_static_vectors_have_a_tokenizer_too(bilingual):
    made = open_tokenization(str(bilingual))
    assert made.cut(["s1 t2 q"]).unknown.tolist() == [False, False, True] and made.added == 0


def test_what_is_no_tokenizer(tmp_path):
    wrong = tmp_path / "wrong.json"
    wrong.write_text(json.dumps({"version": "1.0"}), encoding="utf-8")
    with pytest.raises(ModelError, match=r"wrong\.json: no tokenizer that can be read"):
        open_tokenization(str(wrong))
    model = tmp_path / "sp.model"
    model.write_bytes(b"\x00\x01")
    with pytest.raises(ModelError, match="read from its model folder"):
        open_tokenization(str(model))
    random = tmp_path / "random.json"
    state = {"model": {"type": "BPE", "dropout": 0.1, "vocab": {"a": 0}, "merges": []}}
    random.write_text(json.dumps(state), encoding="utf-8")
    with pytest.raises(ModelError, match=r"cuts words at random \(BPE dropout 0.1\)"):
        open_tokenization(str(random))
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match="not a model folder"):
        open_tokenization(str(tmp_path / "empty"))
    with pytest.raises(NetworkRefused):
        open_tokenization("nobody/nothing-like-this")


def test_the_job_leaves_scores_tables_and_a_report(tmp_path, text, learned):
    file = saved(learned(), tmp_path / "mine" / "tokenizer.json")
    run = audit_tokenizers([str(file), "bytes", "two=bytes"], text, out=tmp_path / "run")
    assert {row.system for row in run.scores} == {"mine", "bytes", "two"}
    assert {row.dataset for row in run.scores} == {"text"} and run.report.is_file()
    premium = run.scores.one(system="bytes", measure="premium")
    rows = table(run.folder / "files" / "audit" / "languages.tsv")
    row = next(r for r in rows if (r["tokenizer"], r["language"]) == ("bytes", "deu_Latn"))
    assert float(row["premium"]) == pytest.approx(premium.value, rel=1e-5)
    assert float(row["window_holds"]) == pytest.approx(1 / premium.value, rel=1e-5)
    assert row["name"] == "German" and int(row["n"]) == 6
    assert [r["language"] for r in rows if r["tokenizer"] == "mine"] == ["deu_Latn", "eng_Latn"]
    pairs = table(run.folder / "files" / "audit" / "pairs.tsv")
    assert len(pairs) == 3
    first = next(r for r in pairs if r["tokenizer"] == "bytes")
    assert (first["language"], first["other"]) == ("eng_Latn", "deu_Latn")
    assert float(first["parity"]) == pytest.approx(1 / premium.value, rel=1e-4)
    assert any("needs 1." in note for note in run.provenance["notes"])


def test_a_tokenizer_that_changes_is_audited_anew(tmp_path, text, learned):
    file = saved(learned(), tmp_path / "mine" / "tokenizer.json")

    def tokens(out):
        run = audit_tokenizers([str(file)], text, out=tmp_path / out)
        measure = "tokens_per_sentence"
        return run.scores.one(measure=measure, language="eng_Latn").value, run.provenance

    before, _ = tokens("one")
    again, provenance = tokens("two")
    assert again == before and provenance["steps"][0]["cached"]
    saved(learned(25), file)
    after, provenance = tokens("three")
    assert after > before and not provenance["steps"][0]["cached"]


def test_models_of_the_run_are_audited_beside(tmp_path, text, minilm):
    step = {"use": "audit_tokenizers.v1", "name": "audit", "text": "text",
            "models": ["teacher"], "tokenizers": ["characters"], "pairs": False}  # fmt: skip
    recipe = {
        "name": "both",
        "model": minilm,
        "text": {"text": {"path": str(text)}},
        "steps": [step],
    }
    run = isogloss.run(recipe, out=tmp_path / "run")
    assert len({row.system for row in run.scores}) == 2
    assert run.scores.where(measure="over_window_share")
    assert not (run.folder / "files" / "audit" / "pairs.tsv").exists()


def test_what_a_recipe_cannot_ask(tmp_path, text):
    step = {"use": "audit_tokenizers.v1", "name": "audit", "text": "text"}
    recipe = {"name": "none", "text": {"text": {"path": str(text)}}, "steps": [step]}
    with pytest.raises(SettingsError, match="at least one is needed"):
        isogloss.run(recipe, out=tmp_path / "run")
    recipe["steps"] = [{**step, "models": ["teacher"]}]
    with pytest.raises(
        SettingsError, match=r"models\.teacher: nothing earlier is called 'teacher'"
    ):
        isogloss.run(recipe, out=tmp_path / "run")


def test_two_of_one_name_and_a_missing_language(tmp_path, text):
    with pytest.raises(UsageError, match="two tokenizers are called 'bytes'"):
        audit_tokenizers(["bytes", "bytes"], text, out=tmp_path / "a")
    with pytest.raises(isogloss.errors.UnknownLanguage, match="fra"):
        audit_tokenizers(["bytes"], text, out=tmp_path / "b", languages=["fra"])


def test_tokenizer_unfairness(shorter):
    run = shorter("Tokenizer-Unfairness", tags=("deu_Latn", "rus_Cyrl", "jpn_Jpan"), held_out=80)
    value = {(row.system, row.language): row.value for row in run.scores.where(measure="premium")}
    assert value["bytes", "rus_Cyrl"] > 1.6 * value["characters", "rus_Cyrl"]
    assert value["characters", "jpn_Jpan"] < 1 < value["all-MiniLM-L6-v2", "deu_Latn"]
    assert (run.folder / "files" / "audit" / "pairs.tsv").is_file()


def test_how_good_is_your_tokenizer(shorter):
    run = shorter("HowGoodIsYourTokenizer", tags=("deu_Latn", "jpn_Jpan"), held_out=80)
    value = {(r.measure, r.language): r.value for r in run.scores}
    assert value["fertility", "eng_Latn"] < 1.5 < value["fertility", "deu_Latn"]
    assert value["continued_share", "deu_Latn"] > 2 * value["continued_share", "eng_Latn"]
    assert value["fertility", "jpn_Jpan"] is None
    corpus = read_corpus("emoji", languages=["eng"])
    assert corpus.licence != "" and run.provenance["inputs"]["teacher"]["kind"] == "model"

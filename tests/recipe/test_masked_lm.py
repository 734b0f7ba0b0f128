"""Training on hidden tokens as a step: what is left behind, what is told, what is refused."""

import json

import numpy as np
import pytest

import isogloss
from isogloss.errors import IsoglossError, ModelError, SettingsError, UsageError
from isogloss.measure.catalogue import MEASURES
from isogloss.recipe.recipe import read_recipe

SHORT = {"steps": 3, "batch": 8, "threads": 1, "tuning_rows": 20}


@pytest.fixture(scope="module")
def folders(tiny, tiny_body):
    """A BERT with a language head of random weights, and its body alone."""
    return [tiny, tiny_body]


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    corpus = isogloss.read_corpus("emoji?split=train", languages=["eng", "deu"])
    folder = tmp_path_factory.mktemp("text")
    for tag in ("eng_Latn", "deu_Latn"):
        lines = corpus.texts(tag)[:200]
        lines[3] = " ".join(lines[4:40])  # one text over several windows
        (folder / f"{tag}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def recipe(model, text, *steps):
    return {
        "name": "masked", "model": str(model), "pivot": "eng", "languages": ["deu"],
        "text": {"train": {"path": str(text)}},
        "steps": [s if s["use"] == "compare.v1" else {"text": "train", **s} for s in steps],
    }  # fmt: skip


@pytest.fixture(scope="module")
def run(folders, text, tmp_path_factory):
    """A head, a vocabulary at random, and that vocabulary learned under the body and the head."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ISOGLOSS_CACHE", str(tmp_path_factory.mktemp("cache")))
        source = recipe(
            folders[1], text,
            {"use": "word_head.v1", "name": "head", **SHORT, "steps": 40, "learning_rate": 0.01},
            {"use": "replace_vocabulary.v1", "name": "drawn", "initialiser": "random.v1",
             "size": 300},
            {"use": "masked_lm.v1", "name": "learned", "model": "drawn", "head": "head",
             "parameters": "embeddings", "read": "languages", "longest": 20, **SHORT},
            {"use": "masked_lm.v1", "name": "free", "model": "drawn", "parameters": "factors",
             "rank": 7, "source": "teacher", **SHORT},
            {"use": "measure.v1", "name": "with-learned", "model": "learned",
             "pivot_model": "teacher", "measures": ["retrieval_p1"], "stage": "after"},
            {"use": "compare.v1", "name": "change", "before": "free", "after": "learned"},
        )  # fmt: skip
        return isogloss.run(source, out=tmp_path_factory.mktemp("run") / "masked")


def test_losses_are_told_before_and_after_on_rows_kept_back(run):
    for name, tags in (
        ("head", ["eng_Latn"]), ("learned", ["deu_Latn"]), ("free", ["eng_Latn", "deu_Latn"])
    ):  # fmt: skip
        rows = {
            stage: run.scores.where(measure="masked_loss", system=name, stage=stage)
            for stage in ("before", "after")
        }
        assert MEASURES["masked_loss"].better == "lower"
        for stage in rows.values():
            assert [row.language for row in stage] == tags
            assert all(row.low < row.value < row.high for row in stage)
    head = run.scores.where(measure="masked_loss", system="head")
    assert head[1].value != head[0].value and head[0].n == 20


def test_change_is_a_paired_test_over_texts(run):
    row = run.scores.one(measure="masked_loss", stage="change", language="deu_Latn")
    assert row.low <= row.value <= row.high and "p_holm" in row.settings


def test_notes_tell_of_parts_and_of_a_head_that_is_not_saved(run):
    notes = run.provenance["notes"]
    assert any("learned: 1 texts of deu_Latn over 20 tokens were read in parts" in n for n in notes)
    told = [n for n in notes if "no language head" in n]
    assert len(told) == 1 and told[0].startswith("free: ")


def test_the_last_model_is_a_plain_folder_with_a_table_of_that_rank(run, folders):
    from transformers import AutoModel, AutoTokenizer

    model, before = AutoModel.from_pretrained(run.model), AutoModel.from_pretrained(folders[1])
    new, old = model.state_dict(), before.state_dict()
    name = "embeddings.word_embeddings.weight"
    table = new.pop(name)
    assert len(table) == len(AutoTokenizer.from_pretrained(run.model))
    assert np.linalg.matrix_rank(table.double().numpy(), tol=1e-4) == 7
    old.pop(name)
    assert all(np.array_equal(new[n], old[n]) for n in old)
    training = run.provenance["training"]
    assert training["parameters"] == "factors.v1" and training["on"] == "text of single languages"
    assert set(training["tokens_by_language"]) == {"eng_Latn", "deu_Latn"}
    assert set(training["held_out_loss"]["after"]) == {"eng_Latn", "deu_Latn"}
    assert "trained by mlm.v1 on text of single languages" in (
        (run.folder / "model" / "README.md").read_text(encoding="utf-8").replace("\n", " ")
    )


def test_the_pivot_is_read_by_another_model(run, folders, text):
    """Retrieval is that of vectors of two models, each of its language."""
    from isogloss.encode import load_encoder

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ISOGLOSS_CACHE", str(run.folder.parent / "cache"))
        source = recipe(
            folders[1], text,
            {"use": "measure.v1", "name": "own", "measures": ["retrieval_p1"]},
            {"use": "masked_lm.v1", "name": "other", **SHORT, "learning_rate": 0.1},
            {"use": "measure.v1", "name": "both", "model": "other", "measures": ["retrieval_p1"],
             "pivot_model": "teacher"},
        )  # fmt: skip
        both = isogloss.run(source, out=run.folder.parent / "both")
    corpus = isogloss.read_corpus(str(text), languages=["eng", "deu"])
    x, y = (
        next(iter(load_encoder(f).encode(corpus.texts(tag), language=tag).values())).array
        for f, tag in ((both.model, "deu_Latn"), (folders[1], "eng_Latn"))
    )
    x, y = (side / np.linalg.norm(side, axis=1, keepdims=True) for side in (x, y))
    wanted = ((x @ y.T).argmax(1) == np.arange(len(x))).mean()
    found = both.scores.one(measure="retrieval_p1", system="other", direction="deu_Latn>eng_Latn")
    assert found.value == pytest.approx(wanted, abs=0.011)
    assert not both.scores.where(system="other", measure="fertility")


def test_a_head_that_is_there_is_used_and_saved(folders, text, tmp_path):
    from transformers import BertForMaskedLM

    source = recipe(
        folders[0], text, {"use": "masked_lm.v1", "name": "learned", "read": "pivot", **SHORT}
    )
    made = isogloss.run(source, out=tmp_path / "run")
    model, info = BertForMaskedLM.from_pretrained(made.model, output_loading_info=True)
    assert not info["missing_keys"] and model.config.architectures == ["BertForMaskedLM"]
    assert not any("no language head" in note for note in made.provenance["notes"])


def test_a_killed_step_goes_on(folders, text, tmp_path, monkeypatch):
    from safetensors.numpy import load_file

    monkeypatch.setenv("ISOGLOSS_CACHE", str(tmp_path / "cache"))
    step = {"use": "masked_lm.v1", "name": "learned", **SHORT, "steps": 6, "checkpoint_every": 2}
    source = recipe(folders[1], text, step)

    def start(what, total):
        left = iter(range(3))

        def advance(count, text=""):
            if what == "learned: train":
                next(left)

        return advance

    with pytest.raises((StopIteration, RuntimeError)):
        isogloss.run(source, out=tmp_path / "run", start=start)
    resumed = isogloss.run(source, out=tmp_path / "run")
    monkeypatch.setenv("ISOGLOSS_CACHE", str(tmp_path / "other"))
    whole = isogloss.run(source, out=tmp_path / "whole")
    a, b = (load_file(r.model / "model.safetensors") for r in (resumed, whole))
    assert a.keys() == b.keys() and all(np.array_equal(a[n], b[n]) for n in a)
    assert json.dumps(resumed.provenance["training"]["log"]) == json.dumps(
        whole.provenance["training"]["log"]
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"parameters": "static"}, "a model is trained by full.v1, embeddings.v1, factors.v1"),
        ({"parameters": "fuul"}, "there is no parameters called 'fuul'"),
        ({"head": "before"}, "head: 'before' is a masked_lm.v1, not a word_head.v1"),
        ({"read": "some"}, "read"),
    ],
)
def test_bad_settings_are_refused(change, message, folders, text):
    steps = ({"use": "masked_lm.v1", "name": name} for name in ("before", "learned"))
    source = recipe(folders[1], text, *steps)
    source["steps"][1] |= change
    with pytest.raises(SettingsError, match=message):
        read_recipe(source)


def test_what_cannot_be_read_is_refused(folders, text, bilingual, tmp_path):
    def attempt(model, **more):
        use = more.pop("use", "masked_lm.v1")
        source = recipe(model, text, {"use": use, "name": "learned", **SHORT, **more})
        return isogloss.run(source, out=tmp_path / f"{len(list(tmp_path.iterdir()))}")

    with pytest.raises(ModelError, match="by a transformer with a fast tokenizer"):
        attempt(bilingual)
    with pytest.raises(UsageError, match="longest = 511 and 2 special tokens are over the model's"):
        attempt(folders[1], longest=511)
    with pytest.raises(ModelError, match="has a language head of its own"):
        attempt(folders[0], use="word_head.v1")
    with pytest.raises(IsoglossError, match="cannot keep 199 of 200 rows apart"):
        attempt(folders[1], tuning_rows=199)


def test_languages_without_text_to_tell_a_loss_on_are_told(folders, tmp_path):
    for tag, lines in (("eng", ["a dog", "a cat"] * 5), ("deu", ["ein Hund"] * 5 + [""] * 5)):
        (tmp_path / f"{tag}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    steps = {"use": "masked_lm.v1", "name": "lm", **SHORT, "steps": 1, "tuning_rows": 4}
    made = isogloss.run(recipe(folders[0], tmp_path, steps), out=tmp_path / "run")
    found = made.scores.where(measure="masked_loss", stage="after")
    assert [score.language for score in found] == ["eng_Latn"]
    assert any("deu_Latn has no masked_loss, as 0" in note for note in made.provenance["notes"])

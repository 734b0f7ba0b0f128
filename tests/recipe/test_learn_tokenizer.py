"""The steps that learn tokenizers: recipes of published systems on less text, and bad input."""

import json
import math

import numpy as np
import pytest
from tokenizers import Tokenizer

import isogloss
from isogloss import read_corpus
from isogloss.errors import SettingsError, UnknownLanguage, UsageError
from isogloss.measure.catalogue import MEASURES
from isogloss.recipe.share_vocabulary import most_frequent
from isogloss.vocabulary.capacity import average_log_probability
from isogloss.vocabulary.learn import learn
from isogloss.vocabulary.sharing import divergence, frequencies

ROWS = {"train": 120, "held_out": 80}
TAGS = ("arb_Arab", "rus_Cyrl", "tur_Latn")


def known(run):
    assert {row.measure for row in run.scores} <= MEASURES.keys()
    assert run.report.is_file()


def test_vocap_beside_a_joint_vocabulary(shorter):
    run = shorter("VoCap", TAGS, **ROWS)
    known(run)
    made = {
        name: Tokenizer.from_file(str(run.folder / "files" / name / "tokenizer.json"))
        for name in ("joint", "vocap")
    }
    held_out = read_corpus(run.folder.parent / "held_out")
    for tag in ("eng_Latn", *TAGS):
        for name, tokenizer in made.items():
            at = {"language": tag, "system": name, "stage": {"joint": "before"}.get(name, "after")}
            alp = run.scores.one(measure="average_log_probability", **at)
            wanted = average_log_probability(tokenizer, held_out.texts(tag))
            assert alp.value == pytest.approx(wanted) and alp.n == 80
        change = run.scores.one(
            measure="tokens_per_sentence", language=tag, stage="change", system="vocap"
        )
        counts = [
            np.mean([len(one.ids) for one in t.encode_batch(held_out.texts(tag))])
            for t in made.values()
        ]
        assert change.value == pytest.approx(counts[1] - counts[0])
    assert made["joint"].to_str() != made["vocap"].to_str()
    sizes = run.scores.where(measure="vocabulary_size")
    assert {int(r.value) for r in sizes} == {t.get_vocab_size() for t in made.values()}


def test_lavs_beside_frequent_tokens(shorter):
    run = shorter("LAVS", ("spa_Latn", "por_Latn", "ita_Latn"), train=500, held_out=80)
    known(run)
    texts = read_corpus(run.folder.parent / "held_out")
    tags = [str(tag) for tag in texts.languages]
    shared = Tokenizer.from_file(str(run.folder / "files/shared/tokenizer.json"))
    p = frequencies(shared, {tag: texts.texts(tag) for tag in tags})
    for at, tag in enumerate(tags[1:], 1):
        by = {
            row.settings["ids"]: row.value
            for row in run.scores.where(measure="token_divergence", language=tag)
        }
        assert by["shared"] == pytest.approx(divergence(p[[0, at]]))
        assert by["shared"] < by["most frequent"] < by["language-aware"]
    new = json.loads((run.folder / "files/language_aware/ids.json").read_text())
    one = Tokenizer.from_file(str(run.folder / "files/language_aware/spa_Latn/tokenizer.json"))
    assert one.get_vocab_size() == shared.get_vocab_size() + len(new)
    for line in texts.texts("spa")[:20]:
        ids = [int(new.get(str(i), i)) for i in one.encode(line).ids]
        assert ids == shared.encode(line).ids


def test_frequent_tokens_get_ids_in_turn():
    p = np.array([[0.6, 0.3, 0.1], [0.1, 0.8, 0.1], [0.3, 0.5, 0.2]])
    assert most_frequent(p, 3).tolist() == [[0, 1, 2], [5, 3, 2], [0, 4, 2]]


def test_premiums_at_sizes_of_their_own(shorter):
    run = shorter("Tokenizer-Premiums", ("tur_Latn", "zho_Hans"), train=900, held_out=200)
    known(run)
    away = {}
    for name in ("alike", "own"):
        at = {"system": "sizes", "settings": {"sizes": name}}
        rows = run.scores.where(measure="premium", **at)
        away[name] = max(abs(math.log(row.value)) for row in rows)
        sizes = {r.language: r.value for r in run.scores.where(measure="vocabulary_size", **at)}
        for tag, size in sizes.items() if name == "own" else ():
            made = Tokenizer.from_file(str(run.folder / f"files/sizes/{tag}/tokenizer.json"))
            assert made.get_vocab_size() == size != 600
    assert away["own"] < 0.6 * away["alike"]
    assert all(r.value < 0.15 for r in run.scores.where(measure="size_curve_error"))
    learned = Tokenizer.from_file(str(run.folder / "files/superwords/tokenizer.json"))
    assert any("Ġ" in piece[1:] for piece in learned.get_vocab())


@pytest.fixture
def run_step(tmp_path, minilm):
    for name, words in (("train", "red blue green grey"), ("held_out", "red grey")):
        lines = [f"{a} {b}" for a in words.split() for b in words.split()] * 3
        (tmp_path / name).mkdir()
        for tag in ("eng", "deu"):
            text = "".join(f"{line} {tag}\n" for line in lines)
            (tmp_path / name / f"{tag}.txt").write_text(text, encoding="utf-8")

    def run(*steps):
        texts = {name: {"path": str(tmp_path / name)} for name in ("train", "held_out")}
        both = {"text": "train", "held_out": "held_out"}
        recipe = {"name": "t", "model": "all-MiniLM-L6-v2", "text": texts,
                  "steps": [{**both, **step} for step in steps]}  # fmt: skip
        return isogloss.run(recipe, out=tmp_path / f"run-{len(list(tmp_path.iterdir()))}")

    return run


LEARN = {"use": "learn_tokenizer.v1", "name": "made", "algorithm": "bpe", "size": 60}


def test_a_step_learns_what_the_function_learns(run_step):
    step = {**LEARN, "settings": {"special": "bert"}, "lines": {"deu": 6}}
    run = run_step(step)
    corpus = read_corpus(run.folder.parent / "train")
    texts = {"eng_Latn": corpus.texts("eng"), "deu_Latn": corpus.texts("deu")[:6]}
    alone = learn("bpe", texts, size=60, special="bert")
    made = Tokenizer.from_file(str(run.folder / "files/made/tokenizer.json"))
    assert json.loads(made.to_str()) == json.loads(alone.to_str())
    assert any("6 lines of deu_Latn" in note for note in run.provenance["notes"])


def test_refused(run_step):
    with pytest.raises(SettingsError, match="no tokenizer called 'bqe'"):
        run_step({**LEARN, "algorithm": "bqe"})
    with pytest.raises(UsageError, match=r"bpe\.v1 has no setting beta"):
        run_step({**LEARN, "settings": {"beta": 1}})
    with pytest.raises(UnknownLanguage):
        run_step({**LEARN, "name": "b", "lines": {"fin": 3}})
    sizes = {"use": "premium_sizes.v1", "name": "s", "size": 300, "largest": 900}
    with pytest.raises(SettingsError, match="sizes"):
        run_step({**sizes, "sizes": [300, 400]})

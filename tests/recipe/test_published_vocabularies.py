"""Recipes of published ways to change a vocabulary, on a tiny model: each does what it says.

The model's weights are drawn, but for its Cyrillic tokens, which lie apart; so nothing can be read
from retrieval, and the rows themselves are looked at.
"""

import json
from pathlib import Path

import numpy as np
import pytest

import isogloss
import tiny_models as shapes
from isogloss.encode.resolve import find_model
from isogloss.recipe.initial_rows import Aids
from isogloss.vocabulary.initialise.rows import overlap
from isogloss.vocabulary.surgery import columns, open_model

ROWS = {"train": 900, "held_out": 40}
APART = 4.0


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A BERT that knows some English and German, and letters of Russian."""
    import torch
    from transformers import AutoModelForMaskedLM

    pytest.importorskip("emoji", reason="needs pip install isogloss[emoji]")
    corpus = isogloss.read_corpus("emoji", languages=["eng", "deu", "rus"])
    columns_ = {tag: corpus.texts(tag) for tag in ("eng", "deu", "rus")}
    texts = [t for tag, n in (("eng", 1900), ("deu", 300), ("rus", 300)) for t in columns_[tag][:n]]
    tokenizer = shapes.learn("wordpiece", texts, 1500)
    folder = tmp_path_factory.mktemp("bert")
    shapes.save_model("bert", tokenizer, folder)
    model = AutoModelForMaskedLM.from_pretrained(folder)
    with torch.no_grad():
        table = model.get_input_embeddings().weight
        table.copy_(torch.randn(table.shape, generator=torch.Generator().manual_seed(0)))
        table[[i for name, i in tokenizer.get_vocab().items() if cyrillic(name)]] += APART
    model.save_pretrained(folder)
    return folder


def cyrillic(name):
    return any("а" <= c <= "я" for c in name.lower())


@pytest.fixture
def models(shorter, tiny):
    """Run some steps of a recipe on the tiny model; the source and the models that they made."""

    def run(name, *steps, tags=("deu_Latn", "rus_Cyrl"), changes=None, only=()):
        changed = {step: {"keep": True, **(changes or {}).get(step, {})} for step in steps}
        done = shorter(name, tags, changed, str(tiny), {*steps, *only}, **ROWS)
        folders = [done.folder / "files" / step / "model" for step in steps]
        return done, *(open_model(find_model(str(folder))) for folder in (tiny, *folders))

    return run


def row(opened, token):
    return columns(opened)[opened.tokenizer.token_to_id(token), :32]


def nearest(source, vector):
    """The source token whose row is most like a vector."""
    table = columns(source)[:, :32]
    cosines = table @ vector / np.linalg.norm(table, axis=1)
    return source.tokenizer.id_to_token(int(cosines.argmax()))


def test_vocabulary_trimming_loses_rows_and_no_answer(models):
    done, before, trimmed, frequent = models(
        "VocabTrim", "trimmed", "frequent", tags=("deu_Latn",),
        only=("whole-train", "trimmed-train", "change-train"),
    )  # fmt: skip
    assert frequent.rows < trimmed.rows < before.rows
    assert done.scores.one(measure="same_states", system="trimmed").value == 1
    size = done.scores.one(measure="weight_bytes", system="trimmed")
    assert size.value < size.settings["before"]
    changes = done.scores.where(measure="retrieval_p1", stage="change", system="trimmed")
    assert [(c.value, c.n) for c in changes] == [(0, ROWS["train"])] * 2


def test_scripts_that_nobody_asked_for_are_left_out(models):
    done, before, trimmed = models("MAFT", "trimmed", only=("whole", "with-trimmed", "change"))
    left, there = ({n for n in m.tokenizer.get_vocab() if cyrillic(n)} for m in (trimmed, before))
    assert there and not left and trimmed.tokenizer.token_to_id("face")
    changes = done.scores.where(measure="retrieval_p1", stage="change", language="deu_Latn")
    assert [change.value for change in changes] == [0, 0]


def test_the_trimmed_model_learns_hidden_tokens_of_all_languages(shorter, tiny):
    changes = {  # the tiny model has a head of its own
        "trimmed": {"keep": True},
        "adapted": {"steps": 60, "batch": 16, "learning_rate": 5e-3, "head": None, "threads": 1},
    }
    done = shorter("MAFT", ("deu_Latn",), changes, str(tiny), {"trimmed", "adapted"}, **ROWS)
    folders = done.folder / "files" / "trimmed" / "model", done.folder / "model"
    trimmed, adapted = (open_model(find_model(str(folder))) for folder in folders)
    assert adapted.tokenizer.get_vocab() == trimmed.tokenizer.get_vocab()
    for tag in ("eng_Latn", "deu_Latn"):
        before, after = (
            done.scores.one(measure="masked_loss", system="adapted", language=tag, stage=stage)
            for stage in ("before", "after")
        )
        assert after.high < before.low
    changed = np.abs(columns(adapted)[:, :32] - columns(trimmed)[:, :32]).max(1) > 0
    assert changed.mean() > 0.2


@pytest.mark.parametrize(
    ("name", "step", "pairs"),
    [
        ("Trans-Tokenization", "aligned", {"лицо": "face", "человек": "person", "herz": "heart"}),
        ("Tik-to-Tok", "tik-to-tok", {"mond": "moon", "человек": "person"}),
    ],
)
def test_tokens_begin_as_what_translates_them(name, step, pairs, models):
    _, source, made, overlapping = models(name, step, "overlap")
    assert made.tokenizer.to_str() == overlapping.tokenizer.to_str()
    for token, meant in pairs.items():
        assert nearest(source, row(made, f"▁{token}")) == meant
        assert nearest(source, row(overlapping, f"▁{token}")) != meant


def test_new_words_are_tied_of_their_pieces(models):
    only_russian = {name: {"languages": ["rus_Cyrl"]} for name in ("drawn", "zip-tie")}
    _, source, drawn, tied = models("Bailong", "drawn", "zip-tie", changes=only_russian)
    new = sorted(set(tied.tokenizer.get_vocab()) - set(source.tokenizer.get_vocab()))
    assert "женщина" in new
    for word in new[:: len(new) // 20]:
        pieces = source.tokenizer.encode(word, add_special_tokens=False).ids
        wanted = columns(source)[pieces, :32].mean(0)
        np.testing.assert_allclose(row(tied, word), wanted, atol=1e-5)
        assert np.abs(row(drawn, word) - wanted).max() > 0.1


def test_russian_subwords_are_put_together_of_the_longest_old_ones(models):
    _, source, made, mean = models("RuBERT", "rubert", "mean", tags=("rus_Cyrl",))
    known, table = source.tokenizer.get_vocab(), columns(source)[:, :32]

    def slow(name):
        inside, text, found = name.startswith("##"), name.removeprefix("##"), []
        while text:
            for end in range(len(text), 0, -1):
                if (key := "##" * inside + text[:end]) in known:
                    found, text, inside = [*found, known[key]], text[end:], True
                    break
            else:
                return None
        return table[found].mean(0)

    names = [n for n in made.tokenizer.get_vocab() if cyrillic(n) and n not in known]
    wanted = {name: slow(name) for name in names}
    found = {name: vector for name, vector in wanted.items() if vector is not None}
    assert len(found) > 100
    for name, vector in found.items():
        np.testing.assert_allclose(row(made, name), vector, atol=1e-5)
    assert np.mean([np.abs(row(mean, n) - row(made, n)).max() > 1e-3 for n in found]) > 0.2


def test_rows_are_drawn_by_script(models):
    pytest.importorskip("gensim", reason="needs pip install isogloss[static]")
    done, _, script, normal, alone = models(
        "Script-Reinit", "script", "normal", "script-alone", only=("focus",)
    )
    for opened, apart in ((script, True), (alone, True), (normal, False)):
        names = opened.tokenizer.get_vocab()
        russian = [i for name, i in names.items() if cyrillic(name)]
        assert len(russian) > 100
        assert (columns(opened)[russian, :32].mean() > 0.8 * APART) == apart
    assert any(n.startswith("focus: rows made by focus.v1: ") for n in done.provenance["notes"])


def test_likeness_in_a_small_model_weighs_the_shared_tokens(models):
    pytest.importorskip("gensim", reason="needs pip install isogloss[static]")
    done, source, made = models("CLP-Transfer", "clp", tags=("deu_Latn",))
    [note] = [n for n in done.provenance["notes"] if n.startswith("clp: rows made by clp.v1: ")]
    assert int(note.partition(" combined")[0].rpartition(" ")[2].replace(",", "")) > 50
    corpus = isogloss.read_corpus("emoji?split=train", languages=["eng", "deu"])
    lines = [t for tag in ("eng", "deu") for t in corpus.texts(tag)[: ROWS["train"]]]
    small = Aids(target_text=lines).help(source.tokenizer, made.tokenizer).target_tokens
    a = small / np.maximum(np.linalg.norm(small, axis=1, keepdims=True), 1e-9)
    shared = overlap(source.tokenizer, made.tokenizer)
    known = (a[shared.target] != 0).any(1)
    anchors, rows = a[shared.target[known]], columns(source)[shared.source[known], :32]
    new = np.setdiff1d(np.flatnonzero((a != 0).any(1)), shared.target)
    weights = a[new] @ anchors.T
    weights /= weights.sum(1, keepdims=True)
    mixed = (weights**2).sum(1) < 0.5  # where they cancel out, rows are drawn
    assert mixed.sum() > 50
    found = columns(made)[new[mixed], :32]
    np.testing.assert_allclose(found, weights[mixed] @ rows, atol=1e-3)


def test_a_low_rank_stays_low_and_a_full_one_full(models):
    pytest.importorskip("gensim", reason="needs pip install isogloss[static]")
    low = {"ofa-100": {"settings": {"rank": 5}}, "factorised-100": {"settings": {"rank": 5}}}
    done, _, *made = models("OFA", "ofa-100", "factorised-100", "ofa-full", changes=low)
    ranks = [np.linalg.matrix_rank(columns(opened)[:, :32], tol=1e-2) for opened in made]
    assert ranks[0] <= 6 and ranks[1] <= 6 and ranks[2] == 32
    notes = [n for n in done.provenance["notes"] if n.startswith("ofa-full: rows made by ofa.v1")]
    assert "combined" in notes[0]
    drawn = [n for n in made[0].tokenizer.get_vocab() if n[1:].isalpha() and len(n) > 4]
    apart = [np.abs(row(made[0], n) - row(made[1], n)).max() > 1e-2 for n in drawn]
    assert np.mean(apart) > 0.1  # of words with vectors; shared ones keep the same coordinates


def test_embeddings_are_word_vectors_through_one_map(models):
    pytest.importorskip("gensim", reason="needs pip install isogloss[static]")
    done, source, vectors, overlapping = models("DecoupledVocab", "vectors", "overlap")
    [note] = [n for n in done.provenance["notes"] if n.startswith("vectors: rows made by word_")]
    assert "predicted" in note
    heart = row(source, "heart")
    np.testing.assert_array_equal(row(overlapping, "▁heart"), heart)
    assert np.abs(row(vectors, "▁heart") - heart).max() > 0.1  # not even shared tokens are copied


def test_every_recipe_says_what_it_is_beside():
    for name in ("VocabTrim", "MAFT", "Trans-Tokenization", "Tik-to-Tok", "OFA", "CLP-Transfer",
                 "Script-Reinit", "Bailong", "RuBERT", "DecoupledVocab"):  # fmt: skip
        text = (Path(__file__).parents[2] / "recipes" / f"{name}.toml").read_text(encoding="utf-8")
        head = text.partition("\nname = ")[0].lower()
        assert "beside" in head and "paper" in head and json.dumps(name) in text

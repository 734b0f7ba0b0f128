"""What initialisers need besides the vocabularies, made from parallel text."""

import numpy as np
import pytest

from isogloss import read_corpus
from isogloss.errors import CorpusError, ModelError, SettingsError, UsageError
from isogloss.recipe.aligned_words import read_words
from isogloss.recipe.initial_rows import (
    Aids,
    Parallel,
    _in_one_space,
    by_content,
    first_rows,
    own_settings,
    read_parallel,
    refuse_random,
)
from isogloss.vocabulary.initialise.rows import Rows, Source
from isogloss.vocabulary.learn import learn_unigram


@pytest.fixture(scope="module")
def case():
    corpus = read_corpus("emoji", languages=["eng", "deu"])
    texts = [{lang: [t for t in corpus.texts(lang) if t]} for lang in ("eng", "deu")]
    return Parallel(corpus, "eng", ["deu"]), [learn_unigram(text, size=600) for text in texts]


def help_for(case, **more):
    return Aids(parallel=case[0]).help(*case[1], **more)


def rows_for(case, name, aids, **settings):
    source, target = case[1]
    table = np.random.default_rng(0).normal(size=(source.get_vocab_size(), 6)).astype("f4")
    return first_rows(name, Source(table, source), target, aids, 0, settings)


def test_what_is_asked_for_is_made_and_nothing_else(case):
    source, target = case[1]
    made = help_for(case)
    assert made.translations.shape == (target.get_vocab_size(), source.get_vocab_size())
    [face], wanted = source.encode("face").ids, target.encode("gesicht").ids
    given = made.translations[wanted].toarray()[:, face]
    assert (given > 50).all()
    assert ("cat", "katze") in help_for(case).dictionary
    assert help_for(case).source_tokens is None
    for name, read in (("overlap.v1", 0), ("trans_tokenization.v1", 1)):
        aids = Aids(parallel=case[0])
        rows_for(case, name, aids)
        assert len(aids.notes) == read  # nothing was aligned or trained that was not looked at
    nothing = Aids().help(source, target)
    assert nothing.dictionary is nothing.translations is nothing.target_tokens is None
    assert nothing.source_words is nothing.target_words is None


def test_a_pivot_that_is_read_on_stands_for_itself(case):
    corpus, source = case[0].corpus, case[1][0]
    both = Aids(parallel=Parallel(corpus, "eng", ["eng", "deu"]))
    made = both.help(source, source).translations
    face = source.token_to_id("▁face")
    assert made[[face]].toarray().argmax() == face
    own = read_words(corpus, ["eng"])
    _, aligned = both.translations()
    for word, count in zip(own.names, own.counts.tolist(), strict=True):
        assert (word, word, count) in aligned[: len(own.names)]


def test_what_is_asked_of_parallel_text_is_there():
    found = read_parallel("emoji", "eng", ["deu", "spa"])
    assert found.pivot == "eng_Latn" and found.languages == ["deu_Latn", "spa_Latn"]
    assert "eng_Latn" in read_parallel("emoji", "eng", []).languages
    with pytest.raises(CorpusError, match="only eng is asked for"):
        read_parallel("emoji", "eng", ["eng"])


def test_tokens_and_words_get_vectors_of_the_text_and_one_space_is_one(case):
    pytest.importorskip("gensim", reason="needs pip install isogloss[static]")
    tokens = help_for(case).target_tokens
    assert len(tokens) == case[1][1].get_vocab_size() and (tokens != 0).any(1).mean() > 0.5
    both = help_for(case, one_space=True)
    (ours, x), (theirs, y) = both.source_words, both.target_words
    at = {word: i for i, word in enumerate(ours)}, {word: i for i, word in enumerate(theirs)}
    pairs = [("face", "gesicht"), ("cat", "katze"), ("woman", "frau"), ("man", "mann")]
    right = [x[at[0][a]] @ y[at[1][b]] for a, b in pairs]
    rng = np.random.default_rng(0)
    wrong = (x[rng.integers(0, len(x), 300)] * y[rng.integers(0, len(y), 300)]).sum(1)
    assert np.mean(right) > wrong.mean() + wrong.std()


def test_vectors_of_tokens_are_trained_on_their_names(case, monkeypatch):
    """Letters that tokens share make their vectors alike; those of their numbers say nothing."""
    seen = []

    def train(sentences, *, seed):
        seen.extend(sentences)
        return ["▁herz"], np.full((1, 3), 7, np.float32)

    monkeypatch.setattr("isogloss.recipe.initial_rows.train_vectors", train)
    target = case[1][1]
    made = Aids(target_text=["rotes Herz", "Hand"]).help(target, target).target_tokens
    assert seen == [target.encode(text).tokens for text in ("rotes Herz", "Hand")]
    assert np.flatnonzero(made.any(1)).tolist() == [target.token_to_id("▁herz")]


def test_a_dictionary_alone_aligns_tokens_and_does_not_hide_the_text(case, tmp_path):
    file = tmp_path / "d.tsv"
    file.write_text("heart\tgesicht\n")
    source, target = case[1]
    alone = Aids(dictionary=file).help(source, target).translations
    [heart], wanted = source.encode("heart").ids, target.encode("gesicht").ids
    assert (alone.toarray()[wanted][:, heart] > 0).all()
    both = Aids(dictionary=file, parallel=case[0]).help(source, target)
    assert abs(both.translations - help_for(case).translations).sum() == 0  # of the text
    assert both.dictionary == [("heart", "gesicht")]


def test_what_is_given_and_not_looked_at_is_told(case, tmp_path):
    file = tmp_path / "d.tsv"
    file.write_text("heart\tgesicht\n")
    for name, warned in (("mean.v1", True), ("trans_tokenization.v1", False)):
        aids = Aids(dictionary=file)
        rows_for(case, name, aids)
        assert any("does not look at the dictionary" in note for note in aids.notes) == warned


def test_settings_reach_the_initialiser_and_wrong_ones_do_not(case):
    narrow, wide = (rows_for(case, "factorised.v1", Aids(), rank=r).rows for r in (1, 6))
    assert [np.linalg.matrix_rank(rows, tol=1e-3) for rows in (narrow, wide)] == [1, 6]
    assert own_settings("factorised.v1", {"rank": "12"}) == {"rank": 12}
    assert own_settings("script.v1", {"shared": "false"}) == {"shared": False}
    assert own_settings("ofa.v1", {"rank": None}) == {"rank": None}
    with pytest.raises(SettingsError, match=r"ofa\.v1: rnk: unknown key; did you mean 'rank'"):
        own_settings("ofa.v1", {"rnk": 3})
    with pytest.raises(SettingsError, match=r"ofa\.v1: rank: .*integer"):
        own_settings("ofa.v1", {"rank": "three"})


def test_words_that_are_said_to_be_aligned_are_brought_into_one_space(case, monkeypatch):
    seen = []
    monkeypatch.setattr(
        Aids, "words", lambda self, seed, *, one_space: seen.append(one_space) or (None, None)
    )
    for name, settings in (
        ("wechsel.v1", {}), ("wechsel.v1", {"aligned": True}), ("ofa.v1", {}),
    ):  # fmt: skip
        with pytest.raises(UsageError, match="needs source_words") as caught:
            rows_for(case, name, Aids(), **settings)
        assert "--parallel" in caught.value.remedy and "--target-words" in caught.value.remedy
    assert seen == [False, True, True]


def test_a_folder_is_known_by_what_is_in_it(tmp_path):
    one, other = tmp_path / "a", tmp_path / "b"
    for folder in (one, other):
        folder.mkdir()
        (folder / "x").write_text("1")
    same = [by_content({"folder": str(f), "rank": 3}) for f in (one, other)]
    assert same[0] == same[1] and same[0]["rank"] == 3
    (one / "x").write_text("2")
    assert by_content({"folder": str(one), "rank": 3}) != same[1]


def test_another_text_is_another_aid(case):
    some = case[0]._replace(corpus=case[0].corpus.take(range(50)))
    prints = {Aids(parallel=p).fingerprint for p in (None, case[0], some)}
    assert len(prints) == 3


def test_a_dictionary_without_vectors_is_refused():
    one = (["a"], np.ones((1, 3), np.float32))
    with pytest.raises(CorpusError, match="0 pairs of words with vectors"):
        _in_one_space(one, one, [("b", "c")])


def test_drawing_is_a_failure_only_where_it_is_not_the_method():
    drawn = Rows(np.zeros((3, 2), np.float32), np.zeros(3, np.int8), np.zeros(3, np.int64))
    refuse_random(drawn, "normal.v1")
    with pytest.raises(ModelError, match=r"mean\.v1 could give no row but at random"):
        refuse_random(drawn, "mean.v1")

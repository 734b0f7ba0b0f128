"""What initialisers need besides the vocabularies, made from parallel text."""

import numpy as np
import pytest

from isogloss import read_corpus
from isogloss.errors import CorpusError, ModelError
from isogloss.recipe.aligned_words import read_words
from isogloss.recipe.initial_rows import (
    NEEDS,
    Aids,
    Parallel,
    _in_one_space,
    read_parallel,
    refuse_random,
)
from isogloss.registry import names
from isogloss.vocabulary.initialise.rows import Rows
from isogloss.vocabulary.learn import learn_unigram


@pytest.fixture(scope="module")
def case():
    corpus = read_corpus("emoji", languages=["eng", "deu"])
    texts = [{lang: [t for t in corpus.texts(lang) if t]} for lang in ("eng", "deu")]
    return Parallel(corpus, "eng", ["deu"]), [learn_unigram(text, size=600) for text in texts]


def help_for(case, name):
    return Aids(parallel=case[0]).help(name, *case[1], 0)


def test_each_gets_what_it_needs_and_nothing_else(case):
    source, target = case[1]
    made = help_for(case, "trans_tokenization.v1")
    assert made.translations.shape == (target.get_vocab_size(), source.get_vocab_size())
    assert made.dictionary is None and made.target_tokens is None
    [face], wanted = source.encode("face").ids, target.encode("gesicht").ids
    given = made.translations[wanted].toarray()[:, face]
    assert (given > 50).all()
    assert ("cat", "katze") in help_for(case, "tik_to_tok.v1").dictionary
    assert help_for(case, "overlap.v1").source_words is None
    assert set(NEEDS) <= set(names("initialiser"))


def test_a_pivot_that_is_read_on_stands_for_itself(case):
    corpus, source = case[0].corpus, case[1][0]
    both = Aids(parallel=Parallel(corpus, "eng", ["eng", "deu"]))
    made = both.help("trans_tokenization.v1", source, source, 0).translations
    face = source.token_to_id("▁face")
    assert made[[face]].toarray().argmax() == face
    own = read_words(corpus, ["eng"])
    _, aligned = both._translations()
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
    tokens = help_for(case, "focus.v1").target_tokens
    assert len(tokens) == case[1][1].get_vocab_size() and (tokens != 0).any(1).mean() > 0.5
    both = help_for(case, "ofa.v1")
    (ours, x), (theirs, y) = both.source_words, both.target_words
    at = {word: i for i, word in enumerate(ours)}, {word: i for i, word in enumerate(theirs)}
    pairs = [("face", "gesicht"), ("cat", "katze"), ("woman", "frau"), ("man", "mann")]
    right = [x[at[0][a]] @ y[at[1][b]] for a, b in pairs]
    rng = np.random.default_rng(0)
    wrong = (x[rng.integers(0, len(x), 300)] * y[rng.integers(0, len(y), 300)]).sum(1)
    assert np.mean(right) > wrong.mean() + wrong.std()


def test_a_dictionary_alone_aligns_tokens_and_does_not_hide_the_text(case, tmp_path):
    file = tmp_path / "d.tsv"
    file.write_text("heart\tgesicht\n")
    source, target = case[1]
    asked = ("trans_tokenization.v1", source, target, 0)
    alone = Aids(dictionary=file).help(*asked).translations
    [heart], wanted = source.encode("heart").ids, target.encode("gesicht").ids
    assert (alone.toarray()[wanted][:, heart] > 0).all()
    both = Aids(dictionary=file, parallel=case[0]).help(*asked).translations
    assert abs(both - help_for(case, asked[0]).translations).sum() == 0  # of the text
    assert Aids(dictionary=file, parallel=case[0]).help(
        "tik_to_tok.v1", source, target, 0
    ).dictionary == [("heart", "gesicht")]


def test_what_is_given_and_not_looked_at_is_told(case, tmp_path):
    file = tmp_path / "d.tsv"
    file.write_text("heart\tgesicht\n")
    aids = Aids(dictionary=file)
    aids.help("mean.v1", *case[1], 0)
    assert any("mean.v1 does not look at the dictionary" in note for note in aids.notes)


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

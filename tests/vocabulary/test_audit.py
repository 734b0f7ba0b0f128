"""The audit as a whole: its rows, what it refuses, what it warns of."""

from dataclasses import replace

import numpy as np
import pytest

from isogloss import registry
from isogloss.corpus.records import make_corpus
from isogloss.errors import CorpusError, ModelError, UnknownLanguage, UsageError
from isogloss.score import bootstrap_mean, bootstrap_ratio
from isogloss.vocabulary.audit import audit
from isogloss.vocabulary.tokenization import of_tokenizer

ENG = ["red heart", "green circle", "blue book", "up", "man running fast", "dog"]
DEU = ["rotes Herz", "grüner Kreis", None, "hoch", "schnell laufender Mann", "Hund"]
JPN = ["赤いハート", "緑の円", "青い本", "上", "走る男", "犬"]


@pytest.fixture
def corpus():
    texts = {"eng": ENG, "deu": DEU, "jpn": JPN}
    return make_corpus("mine", [str(i) for i in range(len(ENG))], texts)


@pytest.fixture
def kinds(tokenizer_of):
    made = [of_tokenizer(tokenizer_of(kind), kind) for kind in ("wordpiece", "bpe")]
    return [*made, *(registry.get("tokenization", name)() for name in ("bytes", "characters"))]


def run(kinds, corpus, **more):
    return audit(kinds, corpus, **{"pivot": "eng", "languages": ["deu", "jpn"], **more})


def test_rows_are_ratios_of_plain_counts(corpus, tokenizer_of, kinds):
    scores = run(kinds, corpus).scores
    tokenizer = tokenizer_of("bpe")

    def tokens(texts):
        return np.array([len(tokenizer.encode(t, add_special_tokens=False).ids) for t in texts])

    deu = [text for text in DEU if text]
    counts, words = tokens(deu), np.array([len(text.split()) for text in deu])
    row = scores.one(system="bpe", language="deu_Latn", measure="fertility")
    complete = bootstrap_ratio(tokens(ENG), [len(text.split()) for text in ENG])
    assert row.value == pytest.approx(counts.sum() / words.sum())
    eng = scores.one(system="bpe", language="eng_Latn", measure="fertility")
    assert (eng.value, eng.low, eng.high) == pytest.approx(complete)
    mean = scores.one(system="bpe", language="eng_Latn", measure="tokens_per_sentence")
    assert (mean.value, mean.low, mean.high) == pytest.approx(bootstrap_mean(tokens(ENG))[0])
    assert row.n == 5 and row.dropped == {"missing": 1} and row.pivot == "eng_Latn"
    premium = scores.one(system="bpe", language="deu_Latn", measure="premium")
    other = [text for text, own in zip(ENG, DEU, strict=True) if own]
    assert premium.value == pytest.approx(counts.sum() / tokens(other).sum())
    assert premium.n == 5 and premium.low <= premium.value <= premium.high
    used = scores.one(system="bpe", language="deu_Latn", measure="vocabulary_used").value
    distinct = {i for t in deu for i in tokenizer.encode(t, add_special_tokens=False).ids}
    assert used == len(distinct)
    share = scores.one(system="bpe", language="deu_Latn", measure="vocabulary_share").value
    assert share == pytest.approx(used / tokenizer.get_vocab_size())


def test_bytes_and_characters_have_closed_forms(corpus, kinds):
    scores = run(kinds, corpus).scores

    def value(system, measure, language):
        return scores.one(system=system, measure=measure, language=language).value

    deu, jpn = "".join(t for t in DEU if t), "".join(JPN)
    assert value("characters", "characters_per_token", "deu_Latn") == 1
    assert value("bytes", "characters_per_token", "jpn_Jpan") == pytest.approx(1 / 3)
    assert value("bytes", "byte_fallback_share", "jpn_Jpan") == 1
    assert value("bytes", "byte_fallback_share", "deu_Latn") == pytest.approx(2 / len(deu.encode()))
    eng = "".join(ENG)
    assert value("bytes", "premium", "jpn_Jpan") == pytest.approx(3 * len(jpn) / len(eng))
    assert value("characters", "premium", "jpn_Jpan") == pytest.approx(len(jpn) / len(eng))
    assert value("characters", "vocabulary_used", "jpn_Jpan") == len(set(jpn))
    assert not scores.where(system="characters", measure="vocabulary_share")


def test_words_that_are_not_known_give_no_number_but_a_reason(corpus, kinds):
    made = run(kinds, corpus).scores
    for measure in ("fertility", "continued_share"):
        row = made.one(system="bpe", language="jpn_Jpan", measure=measure)
        assert row.value is None and row.low is None and row.n == 0
        assert row.dropped == {"no space between words in Jpan": 6}
    cut = {"赤いハート": ["赤い", "ハート"], "緑の円": ["緑", "の", "円"]}
    segmented = run(kinds, corpus, segmenters={"ja": lambda t: cut.get(t, [t])}).scores
    row = segmented.one(system="characters", language="jpn_Jpan", measure="fertility")
    assert row.value == pytest.approx(len("".join(JPN)) / 9)
    row = segmented.one(system="characters", language="jpn_Jpan", measure="continued_share")
    assert row.value == pytest.approx(4 / 9)  # 赤い, ハート, 青い本, 走る男


def test_what_a_tokenizer_does_not_tell_is_said(corpus):
    from transformers import ByT5Tokenizer

    from isogloss.vocabulary.tokenization import of_python

    scores = run([of_python(ByT5Tokenizer(extra_ids=0), "byt5")], corpus).scores
    row = scores.one(language="deu_Latn", measure="continued_share")
    assert row.value is None and row.dropped == {"the tokenizer does not tell": 5}
    row = scores.one(language="jpn_Jpan", measure="byte_fallback_share")
    assert row.value is None and row.dropped == {"the tokenizer does not tell": 6}
    assert scores.one(language="deu_Latn", measure="fertility").value > 1


def test_all_pairs_agree_with_the_premium(corpus, kinds):
    made = run(kinds, corpus, pairs=True, seed=5)
    assert set(made.pairs) == {"wordpiece", "bpe", "bytes", "characters"}
    pairs = made.pairs["bytes"]
    assert pairs.languages == ("eng_Latn", "deu_Latn", "jpn_Jpan")
    row = made.scores.one(system="bytes", language="jpn_Jpan", measure="premium")
    assert (pairs.parity.value[2, 0], pairs.parity.low[2, 0]) == (row.value, row.low)
    assert pairs.overlap.jaccard[0, 1] > pairs.overlap.jaccard[0, 2]
    plain = run(kinds, corpus, seed=5)
    assert plain.scores == made.scores and not plain.pairs


def test_the_order_of_tokenizers_does_not_matter(corpus, kinds):
    forward, backward = run(kinds, corpus).scores, run(kinds[::-1], corpus).scores
    for name in ("bpe", "bytes"):
        assert forward.where(system=name) == backward.where(system=name)


def test_over_the_window_only_where_there_is_one(corpus, kinds):
    tight = replace(kinds[0], window=4, added=2)
    scores = run([tight, kinds[1]], corpus).scores
    assert scores.where(system="wordpiece", measure="over_window_share")
    assert not scores.where(system="bpe", measure="over_window_share")


def test_progress_counts_languages(corpus, kinds):
    seen = []
    run(kinds, corpus, progress=seen.append)
    assert sum(seen) == 3


def test_what_cannot_be_audited(corpus, kinds, tokenizer_of):
    with pytest.raises(UsageError, match="no tokenizer"):
        run([], corpus)
    with pytest.raises(UsageError, match="two tokenizers are called 'bpe'"):
        run([kinds[1], kinds[1]], corpus)
    with pytest.raises(UnknownLanguage):
        run(kinds, corpus, languages=["fra"])
    with pytest.raises(CorpusError, match="at least 2 rows"):
        run(kinds, replace(corpus, table=corpus.table.slice(0, 0)))


def test_a_tokenizer_of_unknowns_is_refused(corpus, kinds):
    from tokenizers import Tokenizer, models, pre_tokenizers

    blind = Tokenizer(models.WordLevel({"?": 0}, "?"))
    blind.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    with pytest.raises(ModelError, match="blind gives only unknown tokens in every language"):
        run([kinds[0], of_tokenizer(blind, "blind")], corpus)
    with pytest.raises(ModelError, match="empty gives no token in any language"):
        run([of_tokenizer(Tokenizer(models.BPE()), "empty")], corpus)


def test_warnings_name_tokenizer_and_language(corpus, tokenizer_of):
    from tokenizers import Tokenizer, models

    notes = run([of_tokenizer(tokenizer_of("wordpiece"), "wordpiece")], corpus).notes
    assert any("100% of the tokens of jpn_Jpan are unknown to wordpiece" in n for n in notes)
    letters = models.BPE(vocab={c: i for i, c in enumerate(sorted(set("".join(ENG))))}, merges=[])
    notes = run([of_tokenizer(Tokenizer(letters), "letters")], corpus).notes
    assert any("letters loses 100.0% of the characters of jpn_Jpan" in n for n in notes)
    assert not any("of eng_Latn" in n for n in notes)


def test_a_language_of_one_sentence_is_told_not_scored(kinds):
    texts = {"eng": ENG, "deu": ["rot", *[None] * 5]}
    corpus = make_corpus("few", [str(i) for i in range(6)], texts)
    made = run(kinds, corpus, languages=["deu"])
    assert made.notes == ["deu_Latn has 1 of 6 sentences: not scored"]
    assert not made.scores.where(language="deu_Latn")

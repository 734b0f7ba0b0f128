"""Drawn tokenizers read all text, vary, and depend on seed and step alone."""

from collections import Counter

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from isogloss.errors import TrainingError
from isogloss.train.mixtures.sampled_tokenizers import (
    OwnTokens,
    SampledTokenizers,
    sample_tokenizer,
)

WORDS = ["sun", "moon", "star", "rain", "snow", "wind", "fire", "leaf", "bird", "fish"]
TEXTS = [f"{a.title()} and, {b}light" for a in WORDS for b in WORDS]


@pytest.fixture(scope="module")
def source():
    """A WordPiece tokenizer of letters and a few words; no small letter r."""
    letters = "abcdefghijklmnopqstuvwxyz"
    names = ["[PAD]", "[UNK]", *WORDS, "and", "light", "##light", ","]
    names += [*letters, *(f"##{letter}" for letter in letters)]
    made = Tokenizer(models.WordPiece({n: i for i, n in enumerate(names)}, unk_token="[UNK]"))
    made.normalizer = normalizers.Lowercase()
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return made


@pytest.fixture
def mixture(source):
    rng = np.random.default_rng(0)
    table = rng.normal(size=(source.get_vocab_size(), 6)).astype(np.float32)
    teacher = rng.normal(size=(len(TEXTS), 4)).astype(np.float32)
    languages = ["eng_Latn"] * 50 + ["deu_Latn"] * 50
    return SampledTokenizers(
        TEXTS, languages, teacher, source, table, size=12, queue=30, vocabulary=(30, 300)
    )


def _words():
    return Counter(f"▁{word}" for text in TEXTS for word in text.lower().replace(",", "").split())


def test_with_little_noise_the_most_frequent_substrings_are_taken(monkeypatch):
    monkeypatch.setattr("isogloss.train.mixtures.sampled_tokenizers._NOISE", (-40.0, 0.0))
    words, counts = _words(), Counter()
    for word, count in words.items():
        for i in range(len(word)):
            for j in range(i + 1, len(word) + 1):
                counts[word[i:j]] += count
    made = sample_tokenizer(words, np.random.default_rng(0), size=90).get_vocab()
    single = {p for p in counts if len(p.lstrip("▁")) <= 1}
    assert single < made.keys() and len(made) == 91
    left = [n for p, n in counts.items() if p not in made]
    assert min(counts[p] for p in made if p != "<unk>" and p not in single) >= max(left)


def test_noise_gives_other_tokenizers_that_still_read_everything():
    words, cuts, tokens = _words(), set(), Counter()
    for seed in range(30):
        made = sample_tokenizer(words, np.random.default_rng(seed), size=120)
        ids = [made.encode(word).tokens for word in words]
        assert all("".join(cut) == word for cut, word in zip(ids, words, strict=True))
        cuts.add(str(ids))
        tokens.update(made.get_vocab().keys())
    assert len(cuts) > 10
    rare = sum(1 for count in tokens.values() if count < 15)
    assert rare > 50  # pieces that the frequent ones would never let in


def test_a_piece_is_no_longer_than_asked():
    made = sample_tokenizer(_words(), np.random.default_rng(0), size=10_000, longest=4)
    assert max(len(p.lstrip("▁")) for p in made.get_vocab() if p != "<unk>") == 4


def test_a_batch_is_the_texts_cut_by_pieces_that_the_source_spells(mixture, source):
    batch = mixture.batch(0, 3)
    bounds = [*batch["offsets"].tolist(), len(batch["ids"])]
    rows = mixture._draw(0, 3)
    np.testing.assert_array_equal(batch["teacher"].numpy(), mixture.teacher[rows])
    names = {i: name.removeprefix("##") for name, i in source.get_vocab().items()}
    for number, row in enumerate(rows):
        ids = batch["ids"][bounds[number] : bounds[number + 1]]
        spelled = "".join(names[int(i)] for token in batch["pieces"][ids] for i in token if i >= 0)
        wanted = TEXTS[row].lower().replace(" ", "")
        if "[UNK]" not in spelled:  # a piece with an r in it may be unknown as a whole
            assert spelled == wanted
    assert sum(batch["read"].values()) == len(batch["ids"])
    gold = mixture.table[batch["pieces"][batch["shared"], 0]]
    np.testing.assert_array_equal(batch["gold"].numpy(), gold)
    assert (batch["pieces"][batch["shared"], 1:] < 0).all() and len(batch["shared"]) > 3
    widths = (batch["pieces"] >= 0).sum(1)
    assert widths.max() > 1  # tokens that the source has not


def test_a_batch_depends_on_seed_and_step_alone(mixture):
    mixture.batch(0, 9)
    first, again, other = mixture.batch(0, 3), mixture.batch(0, 3), mixture.batch(1, 3)
    assert torch.equal(first["ids"], again["ids"]) and torch.equal(first["pieces"], again["pieces"])
    assert first["pieces"].shape != other["pieces"].shape or not torch.equal(
        first["pieces"], other["pieces"]
    )
    sizes = {len(mixture._tokenizer(0, s, np.random.default_rng(s)).get_vocab()) for s in range(8)}
    assert len(sizes) > 4


def test_texts_of_nothing_are_left_out_and_bad_settings_refused(mixture, source):
    about = (mixture.teacher, source, mixture.table)
    with pytest.raises(TrainingError, match="fewer than 2 texts"):
        SampledTokenizers(["one"], ["eng_Latn"], *about)
    with pytest.raises(TrainingError, match="least, then largest"):
        SampledTokenizers(TEXTS, ["eng_Latn"] * 100, *about, vocabulary=(9, 3))
    blank = SampledTokenizers([" ", " "], ["eng_Latn"] * 2, *about)
    with pytest.raises(TrainingError, match="leaves nothing"):
        blank.batch(0, 0)
    mixture.texts = ["  " if i % 2 else t for i, t in enumerate(TEXTS)]
    batch = mixture.batch(0, 0)
    assert len(batch["offsets"]) == len(batch["teacher"]) < 12


def test_own_tokens_are_spelled_by_themselves(mixture):
    batch = OwnTokens(mixture.table, size=20).batch(0, 1)
    assert batch["pieces"].shape == (20, 1) and len(set(batch["pieces"][:, 0].tolist())) == 20
    np.testing.assert_array_equal(batch["gold"], mixture.table[batch["pieces"][:, 0]])

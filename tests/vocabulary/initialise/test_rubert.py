"""New subwords are put together from the longest old ones in the right place."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers

from isogloss.vocabulary.initialise.rows import Help, Source
from isogloss.vocabulary.initialise.rubert import assemble, rubert


def wordpiece(tokens):
    vocabulary = {token: i for i, token in enumerate(("[UNK]", *tokens))}
    made = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    return made


def test_the_bird_of_the_paper_and_its_neighbours():
    old = wordpiece(["bi", "##rd", "##bi", "rd", "##r", "##s", "bird"])
    new = wordpiece(["birds", "##bird", "bi", "birdx", "##rds", "xyz"])
    table = np.random.default_rng(0).normal(size=(8, 3)).astype(np.float32)
    made = rubert(Source(table, old), new, Help())
    bi, rd, in_bi, s, bird = 1, 2, 3, 6, 7
    wanted = {
        "birds": (bird, s), "##bird": (in_bi, rd), "bi": (bi,), "birdx": (bird,),
        "##rds": (rd, s),
    }  # fmt: skip
    for name, ids in wanted.items():
        row = new.token_to_id(name)
        np.testing.assert_allclose(made.rows[row], table[list(ids)].mean(0), atol=1e-6)
        assert made.parts[row] == len(ids)
    assert made.made[new.token_to_id("xyz")] == 0
    assert made.counts() == {"random": 1, "copied": 3, "combined": 3}  # birdx has one part


def test_it_is_what_wordpiece_does_where_wordpiece_knows_all(tokenizer_of):
    old, new = tokenizer_of("wordpiece", 600), tokenizer_of("wordpiece")
    table = np.random.default_rng(0).normal(size=(600, 4)).astype(np.float32)
    made = rubert(Source(table, old), new, Help())
    vocabulary, checked = old.get_vocab(), 0
    for name, i in new.get_vocab().items():
        if name in vocabulary or name.startswith(("##", "[")):
            continue
        ids = [j for j in old.encode(name, add_special_tokens=False).ids if j > 4]
        if ids:
            np.testing.assert_allclose(made.rows[i], table[ids].mean(0), atol=1e-5)
            checked += 1
    assert checked > 200


def test_every_algorithm_is_re_assembled(tokenizer_of):
    for kind in ("unigram", "bpe", "byte-bpe"):
        old, new = tokenizer_of(kind, 600), tokenizer_of("wordpiece")
        table = np.ones((old.get_vocab_size(), 2), np.float32)
        counts = rubert(Source(table, old), new, Help()).counts()
        assert counts["combined"] > 300, kind


PARTS = st.dictionaries(
    st.tuples(st.booleans(), st.text("abc", min_size=1, max_size=3)), st.just(0)
)


@given(known=PARTS, text=st.text("abcd", max_size=9), starts=st.booleans())
@settings(max_examples=200, deadline=None)
def test_parts_follow_each_other_and_none_could_be_longer(known, text, starts):
    names = dict(enumerate(known))
    ids = {key: i for i, key in names.items()}
    longest = max((len(part) for _, part in ids), default=0)
    at = 0
    for number in assemble(text, starts, ids, longest):
        place, part = names[number]
        while not text.startswith(tuple(t for _, t in ids), at):
            at += 1  # passed over: no subword begins here
        assert text.startswith(part, at)
        right = starts and at == 0
        better = [t for side, t in ids if side == right and text.startswith(t, at)]
        assert part == max(better, key=len) if better else place != right
        at += len(part)
    assert not any(text.startswith(t, i) for _, t in ids for i in range(at, len(text)))

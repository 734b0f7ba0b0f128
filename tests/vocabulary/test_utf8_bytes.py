"""Bytes as tokens: they spell the text again, and know their characters."""

from hypothesis import given
from hypothesis import strategies as st

from isogloss import registry

TEXTS = st.lists(st.text(max_size=8), max_size=5)


@given(TEXTS)
def test_the_ids_are_the_text(texts):
    cut = registry.get("tokenization", "bytes")().cut(texts)
    assert bytes(cut.ids.tolist()) == "".join(texts).encode()
    assert cut.lengths.tolist() == [len(text.encode()) for text in texts]
    wanted = [(i, len(c.encode()) > 1) for text in texts for i, c in enumerate(text)
              for _ in c.encode()]  # fmt: skip
    assert list(zip(cut.begins.tolist(), cut.partial.tolist(), strict=True)) == wanted


def test_the_whole_vocabulary_is_256():
    assert registry.get("tokenization", "bytes")().size == 256

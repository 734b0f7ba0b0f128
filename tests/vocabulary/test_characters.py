"""Characters as tokens."""

from hypothesis import given
from hypothesis import strategies as st

from isogloss import registry


@given(st.lists(st.text(max_size=8), max_size=5))
def test_the_ids_are_the_characters(texts):
    cut = registry.get("tokenization", "characters")().cut(texts)
    assert "".join(map(chr, cut.ids)) == "".join(texts)
    assert cut.lengths.tolist() == [len(text) for text in texts]
    assert cut.begins.tolist() == [i for text in texts for i in range(len(text))]
    assert not cut.unknown.any() and not cut.partial.any()

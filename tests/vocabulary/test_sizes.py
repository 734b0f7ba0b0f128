"""Tokenizers of several sizes are those that would be learned for each alone."""

import json

import pytest

from isogloss.errors import UsageError
from isogloss.vocabulary.learn import NoRoom, learn
from isogloss.vocabulary.merges import POINTS
from isogloss.vocabulary.sizes import at_sizes, cut


@pytest.mark.parametrize("name", [*POINTS, "unigram.v1"])
def test_each_is_as_if_learned_alone(name, texts):
    lines = texts[:1500]
    sizes = [700, 1000, 701]
    made = at_sizes(lines, sizes, algorithm=name)
    assert list(made) == sorted(sizes)
    for size, tokenizer in made.items():
        alone = learn(name, {"text": lines}, size=size)
        assert json.loads(tokenizer.to_str()) == json.loads(alone.to_str())
    assert made[700].get_vocab_size() < made[1000].get_vocab_size()


def test_a_cut_at_the_alphabet_has_no_merges(texts):
    made = learn("bpe", {"x": texts[:100]}, size=300)
    merges = json.loads(made.to_str())["model"]["merges"]
    first = made.get_vocab_size() - len({"".join(m) for m in merges})
    assert json.loads(cut(made, first).to_str())["model"]["merges"] == []
    assert cut(made, 10_000).to_str() == made.to_str()
    with pytest.raises(NoRoom, match="no room"):
        cut(made, first - 1)


@pytest.mark.parametrize("name", ["bpe", "unigram"])
def test_sizes_that_cannot_be_are_left_out(name, texts):
    lines = texts[:100]
    made = at_sizes(lines, [5, 120, 130, 2000, 4000], algorithm=name)
    alone = learn(name, {"x": lines}, size=4000).get_vocab_size()
    assert [120, 130, alone] == list(made) and alone < 2000
    assert [each.get_vocab_size() for each in made.values()] == list(made)
    with pytest.raises(NoRoom):
        at_sizes(lines, [4, 5], algorithm=name)


def test_refused(texts):
    with pytest.raises(UsageError, match="no sizes"):
        at_sizes(texts, [])
    with pytest.raises(UsageError, match="Unigram"):
        cut(learn("unigram", {"x": texts[:200]}, size=300), 250)

"""Trees by the rules of CoNLL 2018: hand-counted cases, and values that its script gave."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.errors import CorpusError, UsageError
from isogloss.score import bootstrap_of_sums
from isogloss.task.examples import TREES, make_examples
from isogloss.task.metrics.trees import CONTENT, FUNCTIONAL, Tree, tree_scores, trees_of


def value(tally):
    return float(tally.statistic(tally.columns.sum(0)))


def values(gold, told, *names):
    found = tree_scores(gold, told, names or ("las",))
    return [value(tally) for tally in found.values()]


def tree(heads, relations="", tags="", features=None, words=None, surface=None):
    n = len(heads)
    return Tree(
        words or [f"w{i}" for i in range(n)],
        tags.split() or ["NOUN"] * n,
        features or ["_"] * n,
        heads,
        relations.split() or ["nsubj" if head else "root" for head in heads],
        surface,
    )


def written(*tokens):
    """A chain of words; `abc a b` is the token abc of the words a and b."""
    words, surface = [], []
    for token in tokens:
        form, *inside = token.split(" ")
        if inside:
            at = len(words) + 1
            surface.append({"first": at, "last": at + len(inside) - 1, "form": form})
        words += inside or [form]
    return tree(list(range(len(words))), words=words, surface=surface)


GOLD = tree(
    [2, 3, 0, 5, 3],
    "det nsubj:pass root case obl",
    "DET NOUN VERB ADP NOUN",
    ["Definite=Def", "Number=Sing|Foo=x", "_", None, "Case=Acc|Number=Sing"],
)


def test_every_measure_counts_what_it_says():
    told = GOLD._replace(
        heads=[2, 3, 0, 3, 3],  # the preposition hangs too high
        relations=["det", "nsubj", "root", "case", "obj"],
        tags=["DET", "PROPN", "VERB", "ADP", "NOUN"],
        features=["Definite=Def", "Number=Sing", "_", "_", "Number=Sing|Case=Acc"],
    )
    names = ("uas", "las", "upos", "ufeats", "clas", "mlas", "words")
    found = dict(zip(names, values([GOLD], [told], *names), strict=True))
    assert found == pytest.approx(
        {"uas": 4 / 5, "las": 3 / 5, "upos": 4 / 5, "ufeats": 1, "clas": 2 / 3,
         "mlas": 0, "words": 1}
    )  # fmt: skip


def test_mlas_needs_the_functional_words_and_clas_does_not():
    told = GOLD._replace(heads=[2, 3, 0, 3, 3])  # case of the verb, no longer of the noun
    assert values([GOLD], [told], "clas", "mlas") == pytest.approx([1, 1 / 3])
    wrong_article = GOLD._replace(tags=["PRON", "NOUN", "VERB", "ADP", "NOUN"])
    assert values([GOLD], [wrong_article], "clas", "mlas") == pytest.approx([1, 2 / 3])


def test_content_words_are_those_of_gold_and_of_the_prediction():
    told = GOLD._replace(relations=["nsubj", "nsubj", "root", "case", "obl"])
    assert values([GOLD], [told], "clas") == [pytest.approx(2 * 3 / (3 + 4))]


def test_subtypes_and_features_of_one_language_do_not_count():
    told = GOLD._replace(
        relations=["det:x", "nsubj", "root", "case", "obl:tmod"],
        features=["Definite=Def|Bar=1", "Number=Sing", "Foo=y", "_", "Case=Acc|Number=Sing"],
    )
    assert values([GOLD], [told], "las", "ufeats", "mlas") == [1, 1, 1]
    changed = GOLD._replace(relations=["det", "obj:pass", "root", "case", "obl"])
    assert values([GOLD], [changed], "las") == [4 / 5]


# What is the same word, by characters where tokens are words, and by a longest common subsequence
# of forms where tokens are several; right, told and gold words.
ALIGNED = [
    (["a", "b"], ["a", "b"], 2, 2, 2),
    (["xy"], ["x", "y"], 0, 2, 1),
    (["a", "xy", "d"], ["a", "x", "y", "d"], 2, 4, 3),
    (["xyz x y z"], ["x", "y", "z"], 3, 3, 3),  # one token of three words, three of one
    (["zum zu dem"], ["zum"], 0, 1, 2),
    (["zum zum"], ["zum"], 1, 1, 1),  # a token of one word
    (["zum zu dem"], ["zum zu dem"], 2, 2, 2),
    (["zum zu dem"], ["zum zu DEM"], 2, 2, 2),  # forms are compared in lower case
    (["zum zu dem", "s"], ["zums zu dem s"], 3, 3, 3),
    (["pq p q", "rs r s"], ["pqrs p q r s"], 4, 4, 4),
    (["abc a b c", "de d e"], ["a", "bcd b c d", "e"], 5, 5, 5),
    (["ab a b", "cd bc d"], ["a", "bc", "d"], 2, 3, 4),
    (["a", "bc b c", "d"], ["ab AX BX", "cd CX a"], 1, 4, 4),
]


@pytest.mark.parametrize(("gold", "told", "right", "n_told", "n_gold"), ALIGNED)
def test_words_are_aligned(gold, told, right, n_told, n_gold):
    found = tree_scores([written(*gold)], [written(*told)], ["words"])["words"]
    assert found.columns.tolist() == [[right, n_told, n_gold]]


@pytest.mark.parametrize(
    ("gold", "told", "right"),
    [
        (["1 000", "m"], ["1", "000", "m"], 1),
        (["1 000", "m"], ["1000", "m"], 2),
        (["a\u3000b", "m"], ["ab", "m"], 2),  # an ideographic space
    ],
)
def test_spaces_in_forms_are_no_characters(gold, told, right):
    one, other = (tree(list(range(len(words))), words=words) for words in (gold, told))
    found = tree_scores([one], [other], ["words"])["words"]
    assert found.columns.tolist() == [[right, len(told), len(gold)]]


@given(st.lists(st.sampled_from(["a", "ab a b", "b", "ba b a", "ab"]), min_size=1, max_size=8))
def test_the_same_words_are_all_aligned(tokens):
    made = written(*tokens)
    n = len(made.words)
    other = made._replace(words=list(made.words))
    assert tree_scores([made], [other], ["words"])["words"].columns.tolist() == [[n, n, n]]


def test_heads_are_compared_by_the_words_they_are_aligned_with():
    gold = tree([2, 0, 2], words=["ab", "c", "d"])
    told = tree([3, 3, 0, 3], words=["a", "b", "c", "d"])
    # c and d are aligned: c is the root of both, and d hangs on c in both
    assert values([gold], [told], "uas") == [pytest.approx(2 * 2 / (3 + 4))]
    lost = tree([2, 0, 2, 1], words=["a", "b", "c", "d"])  # d hangs on a, which gold does not have
    assert values([gold], [lost], "uas") == [0]


def test_values_that_the_script_of_the_shared_task_gave():
    gold = tree(
        [3, 3, 0, 5, 3], "det aux:pass root case obl", "DET AUX VERB ADP NOUN",
        ["_", "Mood=Ind", "VerbForm=Part|X=y", "_", "Number=Plur"],
        ["Le", "est", "vu", "de", "les"], [{"first": 4, "last": 5, "form": "des"}],
    )  # fmt: skip
    told = tree(
        [3, 3, 0, 3], "det cop root obj", "DET AUX VERB NOUN",
        ["_", "Mood=Ind", "VerbForm=Part", "Number=Plur"], ["Le", "est", "vu", "des"],
    )  # fmt: skip
    names = ("words", "upos", "ufeats", "uas", "las", "clas", "mlas")
    expected = [6 / 9, 6 / 9, 6 / 9, 6 / 9, 4 / 9, 2 / 4, 0]
    assert values([gold], [told], *names) == pytest.approx(expected)


def test_an_example_without_a_prediction_is_told_wrong():
    assert values([GOLD, GOLD], [GOLD, None], "las", "clas") == [0.5, 0.5]


@pytest.mark.parametrize(
    ("heads", "what"),
    [
        ([2, 3, 2], "0 roots"),
        ([0, 0, 1], r"2 roots, words \[1, 2\]"),
        ([0, 3, 2], "cycle at word 2"),
        ([0, 2, 1], "cycle at word 2"),
        ([0, 4, 1], "head of word 2 .* is 4"),
        ([0, -1, 1], "is -1"),
        ([0, None, 1], "is None"),
        ([], "0 roots"),
    ],
)
def test_what_is_no_tree_is_refused(heads, what):
    good = tree([0, 1, 1])
    bad = tree([0] * len(heads))._replace(heads=heads)
    with pytest.raises(CorpusError, match=what):
        tree_scores([bad], [good])
    with pytest.raises(CorpusError, match=what):
        tree_scores([good], [bad])


def test_other_refusals():
    good = written("a", "b")
    with pytest.raises(CorpusError, match=r"predicted tree 1 spells another text.*'x' is not 'b'"):
        tree_scores([good], [written("a", "x")])
    with pytest.raises(CorpusError, match="spells another text"):
        tree_scores([good], [written("a")])
    with pytest.raises(CorpusError, match="unequal length"):
        tree_scores([good._replace(relations=["root"])], [good])
    with pytest.raises(CorpusError, match="word 2 of gold tree 1 has no form"):
        tree_scores([good._replace(words=["a", "\u00a0"])], [good])
    overlap = [{"first": 1, "last": 2, "form": "ab"}, {"first": 2, "last": 2, "form": "b"}]
    with pytest.raises(CorpusError, match="shares words"):
        tree_scores([good._replace(surface=overlap)], [good])
    with pytest.raises(CorpusError, match="words 1 to 3"):
        tree_scores([good._replace(surface=[{"first": 1, "last": 3, "form": "ab"}])], [good])
    with pytest.raises(CorpusError, match="without a tag"):
        tree_scores([good._replace(tags=["X", None])], [good])
    with pytest.raises(CorpusError, match="without a relation"):
        tree_scores([good], [good._replace(relations=["root", None])])
    with pytest.raises(UsageError, match="no measure blex"):
        tree_scores([good], [good], ["blex"])


def test_rows_of_examples_are_trees():
    gold = written("zum zu dem", "Haus")
    columns = {name: [value] for name, value in gold._asdict().items()}
    found = trees_of(make_examples("mine", "deu", TREES, columns))
    assert found == [gold]
    assert trees_of(make_examples("mine", "deu", TREES, {"words": [["a"]]}))[0].heads == [None]
    assert values(found, [gold], "las", "mlas") == [1, 1]


def test_the_interval_is_over_examples():
    told = GOLD._replace(heads=[3, 3, 0, 5, 3])
    found = bootstrap_of_sums(*tree_scores([GOLD] * 8, [GOLD, told] * 4)["uas"][:2])
    assert found.value == pytest.approx(0.9)
    assert 0.8 <= found.low < found.value < found.high <= 1


def test_content_and_functional_relations_are_apart():
    assert not CONTENT & FUNCTIONAL
    assert len(CONTENT) == 29
    assert len(FUNCTIONAL) == 7

"""The statistical aligner learns a word-for-word code, and says what it cannot do."""

from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest

from isogloss.errors import CorpusError, UsageError
from isogloss.match import statistical
from isogloss.match.statistical import MODELS, align_statistically

pytest.importorskip("thot", reason="needs pip install isogloss[align-stat]")


def text(n, seed=0):
    """Sentences over 30 words and their reversed word-for-word translations."""
    rng = np.random.default_rng(seed)
    source = [[f"f{w}" for w in rng.integers(0, 30, rng.integers(3, 8))] for _ in range(n)]
    return source, [[word.replace("f", "e") for word in words[::-1]] for words in source]


@pytest.mark.parametrize("model", ["ibm1", "hmm", "eflomal"])
def test_a_code_is_learnt(model):
    source, target = text(300)
    found = align_statistically(source, target, model=model, symmetrisation="intersection")
    right = sum((f[i][1:] == e[j][1:]) for one, f, e in zip(found, source, target, strict=True)
                for i, j in one.pairs)  # fmt: skip
    made = sum(len(one.pairs) for one in found)
    assert right / made > 0.9 and made > 0.7 * sum(map(len, source))
    assert all(((one.scores >= 0) & (one.scores <= 1)).all() for one in found)


def test_symmetrisations_nest_and_a_seed_repeats():
    source, target = text(60)
    found = {
        how: [set(one.pairs) for one in align_statistically(source, target, symmetrisation=how)]
        for how in ("intersection", "grow_diag", "grow_diag_final_and", "union")
    }
    for small, large in zip(list(found.values())[:-1], list(found.values())[1:], strict=True):
        assert all(a <= b for a, b in zip(small, large, strict=True))
    again = align_statistically(source, target, symmetrisation="union")
    assert [set(one.pairs) for one in again] == found["union"]


def test_more_pairs_help_and_are_not_answered():
    source, target = text(8)
    found = align_statistically(source, target, extra=text(300, 1), symmetrisation="intersection")
    assert len(found) == 8
    right = [f[i][1:] == e[j][1:] for one, f, e in zip(found, source, target, strict=True)
             for i, j in one.pairs]  # fmt: skip
    assert np.mean(right) > 0.9


def test_empty_sides_have_no_links():
    source, target = text(20)
    found = align_statistically([[], *source], [["e1"], *target])
    assert found[0].pairs == [] and found[0].lengths == (0, 1)


def test_what_cannot_be_aligned_says_so():
    with pytest.raises(UsageError, match="no model 'giza'"):
        align_statistically([["a"]], [["b"]], model="giza")
    with pytest.raises(UsageError, match="no symmetrisation 'both'"):
        align_statistically([["a"]], [["b"]], symmetrisation="both")
    with pytest.raises(CorpusError, match="1 source and 0 target"):
        align_statistically([["a"]], [])
    with pytest.raises(CorpusError, match="sentence pair 1 has 2000 and 1 words"):
        align_statistically([["a"] * 2000], [["b"]])
    assert "eflomal" in MODELS


class Recorded:
    """Stands for a model of the library: notes what it was made from and its rounds."""

    log: ClassVar[list[str]] = []
    max_sentence_length = 9

    def __init__(self, start=None):
        self.num_sentence_pairs = start.num_sentence_pairs if start else 0
        self.log.append(f"{type(self).__name__} from {type(start).__name__}")

    def add_sentence_pair(self, source, target):
        self.num_sentence_pairs += 1

    def start_training(self):
        return 1000  # the library gives the number of pairs here, not of rounds

    def train(self):
        self.log.append("train")

    def end_training(self):
        self.log.append(f"{self.num_sentence_pairs} pairs")


def test_a_model_is_started_from_the_one_before_it_and_trained_for_its_rounds():
    names = ["Ibm1AlignmentModel", "HmmAlignmentModel"]
    library = SimpleNamespace(**{name: type(name, (Recorded,), {}) for name in names})
    Recorded.log = []
    statistical._train(library, MODELS["hmm"], [["a"]] * 3, [["b"]] * 3, 0)
    rounds = ["train"] * statistical.ROUNDS
    assert Recorded.log == [
        f"{names[0]} from NoneType", *rounds, "3 pairs",
        f"{names[1]} from {names[0]}", *rounds, "3 pairs",
    ]  # fmt: skip


def test_one_training_is_joined_in_ways_that_differ():
    source, target = text(12)  # so few that the directions disagree
    found = statistical.statistical_links(
        source, target, model="ibm1", symmetrisations=["intersection", "union"]
    )
    sizes = {how: sum(len(one.pairs) for one in links) for how, links in found.items()}
    assert sizes["intersection"] < sizes["union"]
    for how, links in found.items():
        alone = align_statistically(source, target, model="ibm1", symmetrisation=how)
        assert [one.pairs for one in alone] == [one.pairs for one in links]

"""What registered mixtures owe the loop: a pure function of seed and step, which counts its tokens.

Those that read files, links or texts of special forms are `ELSEWHERE`, with tests of their own.
"""

import numpy as np
import pytest
import torch

from isogloss import read_corpus, registry
from isogloss.train.material import Material

POINTS = {
    "parallel.v1": {"batch": 8},
    "pivot.v1": {"batch": 8},
    "pooled.v1": {"batch": 8},
    "batch_aligned.v1": {"batch": 8},
    "masked.v1": {"batch": 8},
    "causal.v1": {"batch": 8},
    "tlm.v1": {"batch": 8},
    "concatenated.v1": {"batch": 8},
    "fused.v1": {"batch": 8},
    "translations.v1": {"batch": 8},
}
ELSEWHERE = {
    "aligned.v1", "crossed.v1", "entities.v1", "hard_negatives.v1", "judged.v1", "labelled.v1",
    "lexicon.v1", "marked.v1", "passages.v1", "preferred.v1", "restored.v1", "span_denoise.v1",
    "tagged.v1",
    "transliterated.v1", "triplets.v1",
}  # fmt: skip


def test_every_name_has_a_point_or_is_tested_elsewhere():
    assert POINTS.keys().isdisjoint(ELSEWHERE)
    assert {*POINTS, *ELSEWHERE} == set(registry.names("mixture"))


@pytest.fixture(params=sorted(POINTS))
def make(request, tokenizer_of):
    """A function that builds the mixture anew, as a run that resumes does."""
    tokenizer = tokenizer_of("wordpiece")
    corpus = read_corpus("emoji", languages=["eng", "deu", "spa"]).split(200)[1]

    def build():
        material = Material(
            {"train": corpus}, tokenizer, [0, 1, 2, 3, 4], 4, "eng_Latn", ["deu_Latn", "spa_Latn"],
            60, roles={"eos": 3, "sep": 3, "cls": 2, "pad": 0},
            vectors=lambda name: np.ones((len(corpus), 4), np.float32),
        )  # fmt: skip
        return registry.get("mixture", request.param)(
            material, text="train", **POINTS[request.param]
        )

    return build


def same(one, other):
    return one.keys() == other.keys() and all(
        torch.equal(one[n], other[n]) if isinstance(one[n], torch.Tensor) else one[n] == other[n]
        for n in one
    )


def test_a_batch_depends_on_its_seed_and_step_alone(make):
    mixture, again = make(), make()
    ahead = [mixture.batch(1, step) for step in range(3)]
    back = [again.batch(1, step) for step in reversed(range(3))][::-1]
    assert all(map(same, ahead, back))
    assert not same(ahead[0], ahead[1]) and not same(ahead[0], mixture.batch(2, 0))


def test_it_counts_the_tokens_that_it_gives(make):
    batch = make().batch(0, 0)
    assert sum(batch["read"].values()) == len(batch["ids"])
    assert batch["read"].keys() <= {"eng_Latn", "deu_Latn", "spa_Latn"} and batch.size

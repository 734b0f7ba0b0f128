"""Recipes that learn a table under a frozen body run as written, on less text; the body stays."""

import numpy as np
import pytest

from isogloss.vocabulary.initialise.factorised import factorise
from isogloss.vocabulary.initialise.rows import overlap

QUICK = {"steps": 2, "batch": 8, "threads": 1}
ROWS = {"train": 120, "held_out": 20}


def opened(folder):
    """The table, the other weights and the tokenizer of a model folder."""
    from tokenizers import Tokenizer
    from transformers import AutoModel

    state = {n: w.numpy() for n, w in AutoModel.from_pretrained(folder).state_dict().items()}
    table = state.pop("embeddings.word_embeddings.weight")
    return table, state, Tokenizer.from_file(f"{folder}/tokenizer.json")


def quick(*names):
    return dict.fromkeys(("head", *names), QUICK)


@pytest.fixture
def taught(shorter, minilm):
    """Run a recipe; the last model, which has the body of the first, and the first."""

    def run(name, tags, *trained):
        made = shorter(name, tags, changes=quick(*trained), **ROWS)
        for system in trained:
            for stage in ("before", "after"):
                losses = made.scores.where(measure="masked_loss", system=system, stage=stage)
                assert [row.language for row in losses] == list(tags)
        after, before = opened(made.model), opened(minilm)
        assert all(np.array_equal(after[1][name], before[1][name]) for name in before[1])
        return made, after, before

    return run


def test_monotrans(taught):
    run, after, _ = taught("MonoTrans-XQuAD", ("rus_Cyrl",), "everything", "swapped")
    assert len(after[0]) == after[2].get_vocab_size()
    changes = run.scores.where(stage="change", measure="retrieval_p1")
    assert {row.system for row in changes} >= {"swapped", "everything"}
    own = run.scores.where(stage="before", measure="retrieval_p1")
    assert len(own) == 2
    assert run.scores.one(measure="masked_loss", stage="change").system == "swapped"


def test_lexical_layer_retraining(taught):
    trained = ("from-drawn", "everything", "retrained")
    _, after, before = taught("Lexical-Layer-Retraining", ("deu_Latn",), *trained)
    shared = overlap(before[2], after[2])
    rows = [side[0][ids] for side, ids in ((before, shared.source), (after, shared.target))]
    cosines = (rows[0] * rows[1]).sum(1) / np.linalg.norm(rows, axis=2).prod(0)
    assert len(shared.source) > 50 and np.median(cosines) > 0.99
    assert not np.array_equal(*rows)


def test_unks_everywhere(taught):
    trained = ("rows-from-drawn", "rows", "factors")
    run, after, before = taught("UNKs-Everywhere", ("arb_Arab", "rus_Cyrl"), *trained)
    projection = factorise(before[0], 100).projection
    outside = after[0] - after[0] @ projection.T @ projection
    assert np.abs(outside).max() < 1e-4 < np.abs(after[0]).max()
    for earlier in ("rows-from-drawn", "rows"):
        assert run.scores.where(measure="masked_loss", system=earlier, stage="after")
    assert len(run.scores.where(measure="masked_loss", stage="change")) == 4

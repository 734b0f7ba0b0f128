"""Two views of a row tell the same tokens; which of them teaches, and in which direction."""

import numpy as np
import pytest
import torch

from isogloss.errors import TrainingError
from isogloss.train.batch import UNKNOWN, spots, stack_texts
from isogloss.train.objectives.cross_consistency import CrossConsistency
from isogloss.train.objectives.self_teaching import SelfTeaching

TOKENS, ROWS = 5, 6


def twice(rng, views=2):
    """Rows of which each view tells the same tokens, at other places of texts of other lengths."""
    told = [rng.integers(0, TOKENS, rng.integers(1, 4)) for _ in range(ROWS)]
    texts, gold = [], []
    for _ in range(views):
        for tokens in told:
            before = rng.integers(0, 4)
            gold.append(np.concatenate([np.full(before, UNKNOWN), tokens]))
            texts.append(rng.integers(0, TOKENS, before + len(tokens)))
    parts = [texts[i * ROWS : (i + 1) * ROWS] for i in range(views)]
    batch = stack_texts(parts, [["eng_Latn"] * ROWS] * views, tokens={"gold": np.concatenate(gold)})
    return {"logits": torch.from_numpy(rng.normal(size=(len(spots(batch)), TOKENS)))}, batch


CASES = {
    "self_teaching.v1": lambda rng: (SelfTeaching(temperature=2.0), *still(rng)),
    "cross_consistency.v1": lambda rng: (CrossConsistency(), *twice(rng)),
}


def still(rng):
    """Both views say the same; elsewhere differences see a slope that the teacher is spared."""
    outputs, batch = twice(rng)
    first = outputs["logits"].chunk(2)[0]
    return {"logits": torch.cat([first, first])}, batch


def plain(p_logits, q_logits, temperature=1.0):
    total = 0.0
    for a, b in zip(p_logits, q_logits, strict=True):
        p = torch.exp(a / temperature) / torch.exp(a / temperature).sum()
        q = torch.exp(b / temperature) / torch.exp(b / temperature).sum()
        total = total + (p * torch.log(p / q)).sum()
    return total * temperature**2 / len(p_logits)


@pytest.fixture
def given():
    outputs, batch = twice(np.random.default_rng(0))
    return outputs["logits"].requires_grad_(), batch


def test_the_view_with_the_translation_teaches_and_does_not_learn(given):
    logits, batch = given
    alone, fused = logits.detach().view(2, -1, TOKENS)
    loss = SelfTeaching(temperature=3.0)({"logits": logits}, batch).total
    torch.testing.assert_close(loss, plain(fused, alone, 3.0), check_dtype=False)
    slope = torch.autograd.grad(loss, logits)[0].view(2, -1, TOKENS)
    assert not slope[1].any()
    alone.requires_grad_()
    wanted = torch.autograd.grad(plain(fused, alone, 3.0), alone)[0]
    torch.testing.assert_close(slope[0], wanted)
    parts = [
        SelfTeaching(temperature=3.0)({"logits": _of(logits.detach(), batch, span)}, part).total
        * len(spots(part)) / len(spots(batch))
        for span, part in batch.split(4)
    ]  # fmt: skip
    torch.testing.assert_close(sum(parts), loss.detach())


def _of(logits, batch, span):
    """The logits of the rows of a part."""
    told = torch.searchsorted(batch["offsets"], spots(batch), right=True) - 1
    rows = told % batch.size
    return logits[(rows >= span.start) & (rows < span.stop)]


def test_a_translation_is_told_alike_from_its_source_and_from_itself(given):
    logits, batch = given
    halves = logits.view(2, -1, TOKENS)
    loss, wanted = CrossConsistency()({"logits": logits}, batch).total, plain(*halves)
    torch.testing.assert_close(loss, wanted)
    slopes = [torch.autograd.grad(t, logits, retain_graph=True)[0] for t in (loss, wanted)]
    torch.testing.assert_close(*slopes)
    assert slopes[0].view(2, -1)[0].any() and slopes[0].view(2, -1)[1].any()
    same = torch.cat([halves[0], halves[0]])
    assert CrossConsistency()({"logits": same}, batch).total.item() == pytest.approx(0)


@pytest.mark.parametrize("objective", [SelfTeaching(), CrossConsistency()])
def test_views_that_tell_other_tokens_are_refused(objective):
    outputs, batch = twice(np.random.default_rng(0), views=1)
    with pytest.raises(TrainingError, match="do not tell the same tokens"):
        objective(outputs, batch)
    texts = [[np.array([1, 2])] * 2, [np.array([1, 2])] * 2]
    gold = np.array([1, 2, 1, UNKNOWN, 1, UNKNOWN, 1, 2])  # as many, but not row by row
    uneven = stack_texts(texts, [["eng_Latn"] * 2] * 2, tokens={"gold": gold})
    with pytest.raises(TrainingError, match="do not tell the same tokens"):
        objective({"logits": torch.zeros(6, 3)}, uneven)

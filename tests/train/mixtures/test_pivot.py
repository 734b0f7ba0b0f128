"""Batches of the pivot alone depend on the seed and the step, and carry their own vectors."""

import numpy as np

from isogloss.train.mixtures.pivot import PivotText


def test_rows_have_their_vectors_and_rows_without_text_are_not_drawn():
    ids = [None if i % 4 == 0 else np.array([i] * (1 + i % 3)) for i in range(40)]
    teacher = np.arange(40, dtype=np.float32)[:, None]
    text = PivotText(ids, teacher, "eng_Latn", size=7, numbers={"eng_Latn": 0})
    seen = set()
    for step in range(30):
        batch = text.batch(3, step)
        first = batch["ids"][batch["offsets"]]
        assert batch["views"] == 1 and batch.size == 7 and len(set(first.tolist())) == 7
        assert first.tolist() == batch["teacher"][:, 0].tolist()
        assert batch["language"].tolist() == [0] * 7
        assert batch["read"] == {"eng_Latn": len(batch["ids"])}
        seen |= set(first.tolist())
        again = text.batch(3, step)
        assert again["ids"].equal(batch["ids"])
    assert seen == {i for i in range(40) if i % 4}
    assert "teacher" not in PivotText(ids, None, "eng_Latn").batch(0, 0)

"""What happened to the pivot: a student's vectors of it against the teacher's."""

from __future__ import annotations

import numpy as np

from isogloss.encode.vectors import Vectors, check_finite, pair_rows
from isogloss.match.neighbours import unit
from isogloss.measure.measured import Measured, item_key
from isogloss.score import Score, Scores, bootstrap_mean


def pivot_kept(student: Vectors, teacher: Vectors, *, seed: int = 0) -> Measured:
    """Cosine of student and teacher on the same pivot sentences, and P@1 of finding it.

    cos_i = cos(student_i, teacher_i); hit_i = 1 if teacher_i is the student's single nearest
    among all teacher vectors.

    Args:
        student: `[n, d]` vectors of the pivot.
        teacher: `[n, d]` vectors of the same texts.
        seed: of the bootstrap.

    Returns:
        Rows `pivot_cosine_to_teacher` and `pivot_retrieval_p1`, with their outcomes.

    Raises:
        VectorError: different corpora, or a vector that is not a number.

    Prefer it whenever a model was changed for other languages' sake.
    """
    i, j, dropped = pair_rows(student, teacher)
    left, right = unit(student.array[i]), unit(teacher.array[j])  # [m, d], [m, d]
    check_finite(left, student.language)
    check_finite(right, teacher.language)
    cosines = (left * right).sum(1)  # [m]
    hits = np.empty(len(left))
    for at in range(0, len(left), 1024):
        scores = left[at : at + 1024] @ right.T  # [1024, m]
        own = scores[np.arange(len(scores)), np.arange(at, at + len(scores))].copy()
        scores[np.arange(len(scores)), np.arange(at, at + len(scores))] = -np.inf
        hits[at : at + 1024] = own > scores.max(1)
    intervals = bootstrap_mean(np.stack([cosines, hits], 1), seed=seed)
    names = ("pivot_cosine_to_teacher", "pivot_retrieval_p1")
    rows = [
        Score(
            measure=name, value=value, low=low, high=high, interval="bootstrap over sentences",
            n=len(left), language=student.language, pivot=student.language, layer=student.layer,
            pooling=student.pooling, dropped=dropped,
            truncated=student.truncated + teacher.truncated,
            model_fingerprint=student.model_fingerprint,
            corpus_fingerprint=student.corpus_fingerprint,
            settings={"teacher_fingerprint": teacher.model_fingerprint},
        )
        for name, (value, low, high) in zip(names, intervals, strict=True)
    ]  # fmt: skip
    items = dict(zip(map(item_key, rows), (cosines, hits), strict=True))
    return Measured(Scores(rows), items)

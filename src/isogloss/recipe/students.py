"""Students by name: the parameters that train and the mixture that feeds them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from isogloss.errors import ModelError, UsageError
from isogloss.registry import full_name

if TYPE_CHECKING:
    from isogloss.corpus.records import Corpus
    from isogloss.recipe.step import Workplace
    from isogloss.recipe.steps import Distil


def build_student(
    step: Distil, teacher: Any, corpus: Corpus, targets: np.ndarray, place: Workplace
) -> tuple[Any, Any]:
    """The student's parameters and its mixture.

    Raises:
        UsageError: a student that no builder is known for.
    """
    name = full_name("parameters", step.student)
    if name not in _BUILDERS:
        raise UsageError(f"no student is built from {name!r}; there is {', '.join(_BUILDERS)}")
    return _BUILDERS[name](step, teacher, corpus, targets, place)


def _static(
    step: Distil, teacher: Any, corpus: Corpus, targets: np.ndarray, place: Workplace
) -> tuple[Any, Any]:
    from isogloss.train.mixture import ParallelViews
    from isogloss.train.parameters.static import StaticStudent
    from isogloss.vocabulary.learn import UNKNOWN, learn_unigram

    texts = {str(language): corpus.texts(language) for language in corpus.languages}
    present = {lang: [t for t in column if t is not None] for lang, column in texts.items()}
    advance = place.start("learn the tokenizer", 1)
    tokenizer = learn_unigram(present, size=step.vocabulary, seed=place.seed)
    advance(1)
    unknown = tokenizer.token_to_id(UNKNOWN)
    tokens: dict[str, list[np.ndarray | None]] = {}
    for language, column in texts.items():
        encoded = iter(tokenizer.encode_batch(present[language]))
        rows = [None if t is None else np.array(next(encoded).ids, np.int32) for t in column]
        tokens[language] = [ids if ids is not None and len(ids) else None for ids in rows]
        if all((ids == unknown).all() for ids in tokens[language] if ids is not None):
            raise ModelError(f"{language}: the learned tokenizer gives only unknown tokens")
    student = StaticStudent(tokenizer, targets.shape[1], place.seed)
    mixture = ParallelViews(
        tokens, targets, place.pivot, size=step.batch, views=step.views, drop=step.drop
    )
    return student, mixture


_BUILDERS = {"static.v1": _static}

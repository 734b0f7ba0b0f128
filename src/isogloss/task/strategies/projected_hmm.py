"""A hidden Markov model of the target, of tags that were projected onto its text."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Literal

from pydantic import Field

from isogloss.errors import UsageError
from isogloss.registry import register
from isogloss.task.contracts import Guess
from isogloss.task.fitting import need_fit
from isogloss.task.job import Job
from isogloss.task.ledger import timed
from isogloss.task.needs import needs
from isogloss.task.projection.hmm import Hmm, fit_hmm, tag
from isogloss.task.strategies.projected import links_by, of_parallel, unit_of


@register("strategy", "projected_hmm.v1")
@needs("parallel")
def projected_hmm(
    job: Job,
    target: str,
    *,
    links: str = "itermax",
    layer: Annotated[int, Field(ge=0)] | None = None,
    emission: Literal["words", "features"] = "words",
    rounds: Annotated[int, Field(ge=0)] = 10,
) -> Sequence[Guess | None]:
    """Tag parallel text by the source's model, carry its tags over, and ask a model of these alone.

    The tagger of the target is a hidden Markov model: it asks no encoder that reads the language,
    fits in seconds, and tells of words what their projections, neighbours and spelling say. Where
    an encoder reads the language, `projected.v1` with `hmm` has both.

    Source: Chopra (2024), Zero Resource Cross-Lingual Part Of Speech Tagging.

    Args:
        job: what there is; its parallel text has the first source language and the target.
        target: canonical tag.
        links: an extraction of the encoder's vectors, or a statistical model, as `projected.v1`.
        layer: of the encoder; two thirds up by default.
        emission: see `fit_hmm`.
        rounds: see `fit_hmm`; with 0 the projected counts are all there is.

    Raises:
        UnknownName: links that are none.
        UsageError: labels of anything but words, tags that are spans, or what it needs is not
            given.
        CorpusError: no row that both languages have, or nothing could be projected.
    """
    need_fit("projected_hmm.v1", job.task.shape)
    how = {"links": links_by(job, links, layer)}
    source = job.sources()
    if unit_of(source) == "spans":
        raise UsageError(
            "a hidden Markov model is of tags of each word, and these are spans",
            remedy="take projected.v1",
        )
    made = of_parallel(job, source, target, "words", how)
    start = time.perf_counter()
    model, _ = fit_hmm(made.column("words"), made.column("tags"), emission=emission, rounds=rounds)
    fitted = time.perf_counter()
    told = tag(model, job.test(target).column("words"))
    job.ledger = timed(
        job.ledger, train_seconds=fitted - start, predict_seconds=time.perf_counter() - fitted
    )
    job.ledger = replace(job.ledger, model_bytes=_size(model))  # and not that of the source's
    job.last = None  # no solver told it
    return [Guess(tags) for tags in told]


def _size(model: Hmm) -> int:
    """Bytes of its numbers."""
    tables = (model.start, model.transition, model.end, model.emission)
    return sum(one.nbytes for one in (*tables, *model.weights.values(), *model.allowed.values()))

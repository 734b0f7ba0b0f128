"""The test translated for a model of the source."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Annotated, Any, Literal

from pydantic import Field

from isogloss.errors import UsageError
from isogloss.registry import register
from isogloss.task.contracts import Guess
from isogloss.task.examples import Examples
from isogloss.task.fitting import OF_WORDS, need_fit
from isogloss.task.job import Job
from isogloss.task.ledger import timed
from isogloss.task.needs import needs
from isogloss.task.projection.aligned import Rules, aligned, aligned_tags
from isogloss.task.projection.constrained import codec
from isogloss.task.projection.contract import Labelled
from isogloss.task.retext import translated, translated_words
from isogloss.task.spans import scheme_of, spans, tags_of
from isogloss.task.strategies.projected import asked_of, links_by, unit_of


@register("strategy", "translate_test.v1")
@needs("translator")
def translate_test(
    job: Job,
    target: str,
    *,
    carry: Literal["links", "codec"] = "links",
    links: str = "itermax",
    layer: Annotated[int, Field(ge=0)] | None = None,
) -> Sequence[Guess | None]:
    """Train on the source's labels, and translate every text that is asked into the source.

    One model for all targets, and a translation of every text in use. The ledger counts them. Tags
    that are told of a translation are carried back along links between its words and those that
    were asked; a word without a link is in no span, or has no tag. With `codec` the
    translator puts marks around the spans of its translation into the text that was asked, which
    stays as it is.

    Source: Conneau et al. (2018), XNLI, section 4 (translate-test); Le et al. (2024), Constrained
    Decoding for Cross-lingual Label Projection (`codec`).

    Args:
        job: what there is.
        target: canonical tag.
        carry: of tags: along links between words, or, of spans, by `codec`.
        links: of tags: as in `projected.v1`.
        layer: of the encoder; two thirds up by default.

    Raises:
        UsageError: labels that are places in a text; what it needs was not given; `codec` for tags
            that are no spans.
        UnknownName: links that are none.
        TranslatorError: no text was translated.
    """
    need_fit("translate_test.v1", job.task.shape)
    own, translate = job.source[0], partial(job.translate, in_use=True)
    if job.task.shape not in OF_WORDS:
        solver = job.train(job.sources())
        return job.tell(solver, translated(job.test(target), translate, own))
    source = job.sources()
    unit = unit_of(source)
    back = _by_codec(job, target, unit) if carry == "codec" else _by_links(job, unit, links, layer)
    solver = job.train(source)
    asked = job.test(target)
    read, there = translated_words(asked, translate, own)
    guesses = job.tell(solver, read)
    start = time.perf_counter()
    carried = _carried_back(job, read, asked.take(there), guesses, unit, back)
    job.ledger = timed(job.ledger, predict_seconds=time.perf_counter() - start)
    told: list[Guess | None] = [None] * len(asked)
    for row, guess in zip(there, carried, strict=True):
        told[row] = guess
    job.dropped += Counter({"no translation": len(asked) - len(there)})
    return told


def _by_links(job: Job, unit: str, links: str, layer: int | None) -> Callable[..., Any]:
    """What carries spans, or for tags of words what links them."""
    link = links_by(job, links, layer)
    return partial(aligned, links=link, rules=Rules(lost="span")) if unit == "spans" else link


def _by_codec(job: Job, target: str, unit: str) -> Callable[..., Any]:
    if unit != "spans":
        raise UsageError(
            "codec puts marks around spans, and these are tags of each word",
            remedy="set carry = links",
        )
    how = asked_of(job, "codec", job.source[0], target, "span")
    return partial(codec, **{name: value for name, value in how.items() if name != "method"})


def _carried_back(
    job: Job,
    read: Examples,
    asked: Examples,
    guesses: Sequence[Guess | None],
    unit: str,
    back: Callable[..., Any],
) -> list[Guess | None]:
    """Guesses of translations as guesses of what was asked."""
    there = [(row, guess.value) for row, guess in enumerate(guesses) if guess is not None]
    known, values = [row for row, _ in there], [value for _, value in there]
    several = len(asked.shape.labels) > 1
    tags = [value["tags"] if several else value for value in values]
    words = read.take(known).column("words")
    target = asked.take(known).column("words")
    if unit == "spans":
        source = [Labelled(a, spans(b)) for a, b in zip(words, tags, strict=True)]
        made, scheme = back(source, target), scheme_of(tags) or "bio"
        carried = [tags_of(one.spans if one else (), len(own), scheme)
                   for one, own in zip(made.sentences, target, strict=True)]  # fmt: skip
        counts = made.counts
    else:
        carried, counts = aligned_tags(words, tags, target, links=back)
    lost = {why: n for why, n in counts.items() if n and why.startswith(("spans lost", "words w"))}
    job.dropped += Counter({f"carried back to {asked.language}: {w}": n for w, n in lost.items()})
    told: list[Guess | None] = [None] * len(guesses)
    for row, value, own in zip(known, values, carried, strict=True):
        told[row] = Guess({**value, "tags": own} if several else own)
    return told

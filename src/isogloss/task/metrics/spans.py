"""Scores of spans, and of the tags that spell them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from isogloss.errors import UsageError
from isogloss.task.contracts import Tally
from isogloss.task.metrics.sums import checked, prf, share
from isogloss.task.spans import Scheme, Span, spans


def span_scores(
    gold: Sequence[Sequence[str]],
    told: Sequence[Sequence[str] | None],
    scheme: Scheme = "lenient",
    kind: str | None = None,
) -> dict[str, Tally]:
    """Micro `f1`, `precision` and `recall` of spans whose kind and both ends are right.

    0 where there is nothing to divide by, as in seqeval. An example without a prediction has no
    spans told.

    Args:
        gold: the tags of each example.
        told: as many tags of each example, or None.
        scheme: how both are read.
        kind: only spans of it.

    Raises:
        UsageError: unequal lengths, no example, gold tags that are unknown, an unknown scheme.
        CorpusError: a tag that the scheme does not have.

    Source: seqeval 1.2.2, `f1_score`, by default for `lenient` and with `mode="strict"` else.
    """
    read, guessed = _read(gold, told, scheme)
    return scores_of_spans(read, guessed, kind, {"scheme": scheme})


def span_scores_by_kind(
    gold: Sequence[Sequence[str]], told: Sequence[Sequence[str] | None], scheme: Scheme = "lenient"
) -> dict[str, dict[str, Tally]]:
    """`span_scores` of each kind that gold or told spans have, by kind in alphabetical order.

    Raises:
        UsageError: as `span_scores`.
        CorpusError: as `span_scores`.
    """
    read, guessed = _read(gold, told, scheme)
    kinds = sorted({span.kind for row in (*read, *guessed) for span in row or ()})
    return {one: scores_of_spans(read, guessed, one, {"scheme": scheme}) for one in kinds}


def scores_of_spans(
    gold: Sequence[Collection[Span]],
    told: Sequence[Collection[Span] | None],
    kind: str | None = None,
    settings: Mapping[str, str] | None = None,
) -> dict[str, Tally]:
    """`span_scores` of spans that are already read, or that no tags can spell, such as nested ones.

    Raises:
        UsageError: unequal lengths, no example, or gold spans that are unknown.
    """
    checked(gold, told)
    counts: list[tuple[int, int, int]] = []
    for one, other in zip(gold, told, strict=True):
        true = {span for span in one if kind in (None, span.kind)}
        guess = {span for span in other or () if kind in (None, span.kind)}
        counts.append((len(true & guess), len(guess), len(true)))
    return prf(counts, {**(settings or {}), **({"kind": kind} if kind else {})})


def token_accuracy(gold: Sequence[Sequence[str]], told: Sequence[Sequence[str] | None]) -> Tally:
    """Tokens with the right tag over tokens, of all examples together.

    Raises:
        UsageError: unequal lengths, no example, or gold tags that are unknown.
    """
    same_tokens(gold, told)
    right = [
        0 if other is None else sum(a == b for a, b in zip(one, other, strict=True))
        for one, other in zip(gold, told, strict=True)
    ]
    return share(right, [len(one) for one in gold])


def same_tokens(gold: Sequence[Sequence[str]], told: Sequence[Sequence[str] | None]) -> None:
    """As many told tags as gold ones in every example that has any.

    Raises:
        UsageError: other lengths, no example, or gold tags that are unknown.
    """
    checked(gold, told)
    for row, (one, other) in enumerate(zip(gold, told, strict=True), 1):
        if other is not None and len(one) != len(other):
            raise UsageError(
                f"example {row} has {len(one)} gold tags and {len(other)} told ones",
                remedy="tell one tag a token, O where a token was cut off",
            )


def _read(
    gold: Sequence[Sequence[str]], told: Sequence[Sequence[str] | None], scheme: Scheme
) -> tuple[list[list[Span]], list[list[Span] | None]]:
    same_tokens(gold, told)
    return (
        [spans(one, scheme) for one in gold],
        [None if one is None else spans(one, scheme) for one in told],
    )

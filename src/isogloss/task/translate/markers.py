"""Markers in a text, such as brackets around an entity, that a translation has to keep."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from isogloss.errors import UsageError

Markers = re.Pattern[str] | Sequence[str]
"""A pattern that matches one marker, or the markers themselves."""


class MarkerChange(NamedTuple):
    """What a translation did to markers.

    Attributes:
        lost: those that it has fewer times than the text, as often as they are missing.
        added: those that it has more times, as often as they are too many.
    """

    lost: list[str]
    added: list[str]


def compare_markers(text: str, translation: str, markers: Markers) -> MarkerChange:
    """Which markers of a text a translation has lost, and which it has too many.

    Args:
        text: with markers.
        translation: of it.
        markers: a pattern, or a list such as `["[", "]"]`; of those that begin alike the longest
            counts.

    Raises:
        UsageError: no marker, or an empty one.
    """
    pattern = _pattern(markers)
    there = Counter(match[0] for match in pattern.finditer(text))
    kept = Counter(match[0] for match in pattern.finditer(translation))
    return MarkerChange([*(there - kept).elements()], [*(kept - there).elements()])


def _pattern(markers: Markers) -> re.Pattern[str]:
    if isinstance(markers, re.Pattern):
        return markers
    if not markers or not all(markers):
        raise UsageError("no marker, or an empty one", remedy='give some, such as ["[", "]"]')
    return re.compile("|".join(re.escape(one) for one in sorted(markers, key=len, reverse=True)))

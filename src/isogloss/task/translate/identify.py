"""Translations are looked at by what the texts at hand say of their languages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from isogloss.language.identify import learn_identifier
from isogloss.task.translate.check import Check

_MOST = 300  # texts of a language: more say little that is new, and take time
_LEAST = 20  # of a language that is learned
_RIGHT = 0.9  # of its own texts a language must be told of, or it is like another one of these


def check_by(texts: Mapping[str, Sequence[str]], check: Check) -> Check:
    """The check, with an identifier of the languages of some texts.

    It learns from every second text and is asked of the others. Only what is translated into
    languages of which it tells nine tenths is judged, so that near relatives are not taken for each
    other; a translation in a language that has no texts here is called the nearest that has. A
    check that has an identifier, or says what is `known`, stays as it is.

    Args:
        texts: by canonical tag; languages with less than 20 that are not blank are left out.
        check: how much of what is too much.
    """
    some = {tag: [text for text in own if text.strip()][:_MOST] for tag, own in texts.items()}
    some = {tag: own for tag, own in some.items() if len(own) >= _LEAST}
    if check.identify or check.known is not None or len(some) < 2:
        return check
    identify = learn_identifier({tag: own[::2] for tag, own in some.items()})
    known = {
        tag for tag, own in some.items()
        if identify(own[1::2]).count(tag) >= _RIGHT * len(own[1::2])
    }  # fmt: skip
    return replace(check, identify=identify, known=frozenset(known))

"""Which strategies can carry which labels across languages."""

from __future__ import annotations

from isogloss.errors import UsageError
from isogloss.task.examples import (
    ANSWERS,
    CHOICES,
    INTENTS,
    PAIRS,
    TEXT,
    TEXTS,
    TRANSLATIONS,
    TREES,
    WORDS,
    Shape,
)

_WHOLE = (TEXT, TEXTS, PAIRS, CHOICES)  # labels that go with whole texts
OF_WORDS = (WORDS, INTENTS, TREES)
FITTING: dict[str, tuple[Shape, ...]] = {
    "translate_train.v1": (*_WHOLE, *OF_WORDS),
    "translate_test.v1": (*_WHOLE, WORDS, INTENTS),
    "projected.v1": OF_WORDS,
    "code_switch.v1": (*_WHOLE, WORDS, INTENTS),
    "back_translated.v1": _WHOLE,
    "rewritten.v1": (TEXT, TEXTS, *OF_WORDS),
    "projected_hmm.v1": (WORDS,),
    "crop.v1": (WORDS,),
    "vote.v1": (TEXT, WORDS),
    "weighted.v1": (TEXT, WORDS),
    "likelihood.v1": (CHOICES,),
    "bridged.v1": (TRANSLATIONS,),
}
"""The shapes of strategies that read or move labels; all others leave them where they are."""
_ALWAYS = ("zero_shot.v1", "few_shot.v1", "self_training.v1", "target_labels.v1")
_WHY = {
    ANSWERS.name: "an answer is a place in its text, which a translation moves",
    TREES.name: "a head is the place of a word, which does not stay",
}


def need_fit(strategy: str, shape: Shape) -> None:
    """Refuse a strategy that cannot carry such labels, and say which can.

    Raises:
        UsageError: it cannot.
    """
    if shape in FITTING[strategy]:
        return
    fit = [name for name, shapes in FITTING.items() if shape in shapes]
    why = f": {_WHY[shape.name]}" if shape.name in _WHY else ""
    raise UsageError(
        f"{strategy} does not work for {shape.name}{why}",
        remedy=f"these do: {', '.join([*_ALWAYS, *fit])}",
    )

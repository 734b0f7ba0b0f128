"""What an attempt used and spent: labels, text, translations, time, memory."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from statistics import median
from typing import Any, Literal, NamedTuple

from isogloss.errors import UsageError
from isogloss.task.examples import Examples

Use = Literal["train", "select"]
LAST = "the last step was kept"


class Labels(NamedTuple):
    """Labels of a data set that were used for one thing.

    Attributes:
        name: of the data set.
        language: canonical tag of those whose labels they are.
        split: of the data set.
        use: `train`, or `select` for a choice among checkpoints or settings.
    """

    name: str
    language: str
    split: str
    use: Use


class Translations(NamedTuple):
    """What was asked of a translator, whether it or its cache answered.

    A cache tells what its answers cost when they were made: the next user pays for all of it.

    Attributes:
        texts: that were translated.
        characters: of those texts.
        calls: runs, requests or commands; shares of one where only some of its texts were wanted.
        seconds: that those took.
    """

    texts: int = 0
    characters: int = 0
    calls: float = 0
    seconds: float = 0.0

    def and_(self, other: Translations) -> Translations:
        """Both together."""
        return Translations(*(a + b for a, b in zip(self, other, strict=True)))


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """What one attempt, a strategy for a target language with a seed, used and cost.

    Ledgers add up: an example that two parts of an attempt used counts once, times and counts are
    summed, of memory and model the larger is kept.

    Attributes:
        target: canonical tag of the language that the attempt is for; empty in a part of one.
        labels: ids of the examples whose labels were used.
        unlabelled: texts without labels, by language.
        parallel: pairs of translations, by both languages.
        words: of texts that were rewritten word by word, what became of how many.
        translations: what was asked of a translator, in training and in use.
        in_use: those of them that the test itself needed, so that every text asked in use will.
        align_seconds: of aligning and projecting, without the translations in between.
        train_seconds: of teaching, and of telling or rewriting what was learned from.
        predict_seconds: of all predictions together.
        predicted: examples that were predicted.
        alone: seconds of some examples of the test that were asked one by one, summed over the
            models of an ensemble.
        peak_memory: bytes that it added to what was resident; None where it is not known.
        model_bytes: what has to be deployed; of an ensemble the sum, which its strategy tells.
        kept: which weights were kept where no label chose them.
    """

    target: str = ""
    labels: Mapping[Labels, frozenset[str]] = field(default_factory=dict)
    unlabelled: Mapping[str, int] = field(default_factory=dict)
    parallel: Mapping[tuple[str, str], int] = field(default_factory=dict)
    words: Mapping[str, int] = field(default_factory=dict)
    translations: Translations = field(default_factory=Translations)
    in_use: Translations = field(default_factory=Translations)
    align_seconds: float = 0.0
    train_seconds: float = 0.0
    predict_seconds: float = 0.0
    predicted: int = 0
    alone: tuple[float, ...] = ()
    peak_memory: int | None = None
    model_bytes: int = 0
    kept: str = ""

    def __post_init__(self) -> None:
        negative = [f.name for f in fields(self) if _negative(getattr(self, f.name))]
        if negative:
            raise UsageError(f"a ledger counts what was used, but {', '.join(negative)} is below 0")

    def __add__(self, other: Ledger) -> Ledger:
        """Both parts of an attempt.

        Raises:
            UsageError: they are for different languages, keep different weights, or asked other
                numbers of examples one by one.
        """
        keys = dict.fromkeys([*self.labels, *other.labels])
        nothing: frozenset[str] = frozenset()
        return Ledger(
            target=_either(self.target, other.target, "are for the languages"),
            labels={k: self.labels.get(k, nothing) | other.labels.get(k, nothing) for k in keys},
            unlabelled=_summed(self.unlabelled, other.unlabelled),
            parallel=_summed(self.parallel, other.parallel),
            words=_summed(self.words, other.words),
            translations=self.translations.and_(other.translations),
            in_use=self.in_use.and_(other.in_use),
            align_seconds=self.align_seconds + other.align_seconds,
            train_seconds=self.train_seconds + other.train_seconds,
            predict_seconds=self.predict_seconds + other.predict_seconds,
            predicted=self.predicted + other.predicted,
            alone=_one_by_one(self.alone, other.alone),
            peak_memory=_larger(self.peak_memory, other.peak_memory),
            model_bytes=max(self.model_bytes, other.model_bytes),
            kept=_either(self.kept, other.kept, "say which weights were kept:"),
        )

    @property
    def predict_ms(self) -> float | None:
        """Milliseconds an example; None before any prediction."""
        return 1000 * self.predict_seconds / self.predicted if self.predicted else None

    @property
    def latency_ms(self) -> float | None:
        """Milliseconds of an example that is asked alone, the median; None where none was."""
        return 1000 * median(self.alone) if self.alone else None

    @property
    def translate_ms(self) -> float | None:
        """Milliseconds of translating an example that is asked; None before any prediction."""
        return 1000 * self.in_use.seconds / self.predicted if self.predicted else None

    @property
    def target_selected(self) -> int:
        """Labels of the target language, in whatever script, that a choice was made on."""
        return sum(self.counted("select", of=self.target).values())

    def _targets(self) -> dict[tuple[str, str], int]:
        """Labels of the target by data set and split, those with several uses once."""
        found: dict[tuple[str, str], frozenset[str]] = {}
        for key, ids in self.labels.items():
            if self.target and _base(key.language) == _base(self.target):
                place = key.name, key.split
                found[place] = found.get(place, frozenset()) | ids
        return {place: len(ids) for place, ids in found.items()}

    def counted(self, use: Use, *, of: str = "", split: str = "") -> dict[str, int]:
        """How many labels of each language were used so; `of` one language or one split only."""
        found: dict[str, int] = {}
        for key, ids in self.labels.items():
            wanted = not of or _base(key.language) == _base(of)
            if ids and key.use == use and wanted and split in ("", key.split):
                found[key.language] = found.get(key.language, 0) + len(ids)
        return found

    def rule(self) -> str:
        """What training and selection saw of labels, in a sentence.

        It begins with `WARNING` where labels of the target chose something, or where any label of
        a test was used. Labels of the same language in another script count as the target's.
        """
        train, select = self.counted("train"), self.counted("select")
        wrong = []
        if self.target and self.target_selected:
            own = _listed(self.counted("select", of=self.target))
            wrong.append(f"the checkpoint was chosen on {own} (target-selected)")
        tested: tuple[tuple[Use, str], ...] = (("train", "trained on"), ("select", "chosen by"))
        for use, word in tested:
            if found := self.counted(use, split="test"):
                wrong.append(f"{_listed(found)} from a test were {word}")
        parts = [f"trained on {_listed(train)}" if train else "trained on no label"]
        if select and not (self.target and self.target_selected):
            parts.append(f"the checkpoint was chosen on {_listed(select)}")
        elif not select:
            parts.append(self.kept or LAST)
        if self.target and not self.target_selected:
            own = self.counted("train", of=self.target)
            parts.append(
                f"training saw {_listed(own)}"
                if own else f"no label of {self.target} was seen"
            )  # fmt: skip
        told = "; ".join(parts)
        return f"WARNING: {'; '.join(wrong)}; {told}" if wrong else told

    def settings(self) -> dict[str, Any]:
        """What stands in the `settings` of a score, as JSON knows it."""
        uses: tuple[Use, ...] = ("train", "select")
        return {
            "rule": self.rule(),
            "labels": {use: found for use in uses if (found := self.counted(use))},
            "unlabelled": dict(self.unlabelled),
            "parallel": {f"{a}-{b}": n for (a, b), n in self.parallel.items()},
            **({"words": dict(self.words)} if self.words else {}),
            "target_labels": sum(self._targets().values()),
            "translations": self.translations._asdict(),
            "in_use": {**self.in_use._asdict(), "examples": self.predicted},
            "train_seconds": self.train_seconds,
            "align_seconds": self.align_seconds,
            "predict_ms": self.predict_ms,
            "latency_ms": self.latency_ms,
            "translate_ms": self.translate_ms,
            "peak_memory": self.peak_memory,
            "model_bytes": self.model_bytes,
        }


def labels_used(examples: Examples, use: Use, *, language: str | None = None) -> Ledger:
    """A ledger of the labels that these examples have.

    Examples none of whose labels is known count for nothing.

    Args:
        examples: what was trained on or chosen by.
        use: `train` or `select`.
        language: whose labels they are, where it is not the language of the text: a translation
            carries the labels of what it was made from.

    Raises:
        UsageError: a use that does not exist.
    """
    if use not in ("train", "select"):
        raise UsageError(f"labels are used to train or to select, not to {use!r}")
    columns = [examples.column(name) for name in examples.shape.labels]
    known = frozenset(
        one for one, *values in zip(examples.ids, *columns, strict=True)
        if any(value is not None for value in values)
    )  # fmt: skip
    key = Labels(examples.name, language or examples.tag, examples.split, use)
    return Ledger(labels={key: known} if known else {})


def timed(ledger: Ledger, **spent: Any) -> Ledger:
    """The ledger with `spent` added: `timed(ledger, train_seconds=3.0)`."""
    return ledger + replace(Ledger(), **spent)


def _negative(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(map(_negative, value.values()))
    if isinstance(value, tuple):
        return any(map(_negative, value))
    return isinstance(value, int | float) and value < 0


def _summed(a: Mapping[Any, int], b: Mapping[Any, int]) -> dict[Any, int]:
    return {key: a.get(key, 0) + b.get(key, 0) for key in dict.fromkeys([*a, *b])}


def _one_by_one(a: tuple[float, ...], b: tuple[float, ...]) -> tuple[float, ...]:
    """Seconds of the same examples, asked of two models."""
    if a and b and len(a) != len(b):
        raise UsageError(
            f"{len(a)} and {len(b)} examples were asked one by one",
            remedy="ask every model of an attempt the same test",
        )
    return tuple(x + y for x, y in zip(a, b, strict=True)) if a and b else a or b


def _larger(a: int | None, b: int | None) -> int | None:
    return max((one for one in (a, b) if one is not None), default=None)


def _either(a: str, b: str, what: str) -> str:
    if a and b and a != b:
        raise UsageError(f"these two ledgers {what} {a!r} and {b!r}",
                         remedy="add up ledgers of one attempt only")  # fmt: skip
    return a or b


def _base(tag: str) -> tuple[str, ...]:
    """The languages of a tag, or of both sides of a direction, in whatever script."""
    return tuple(re.findall(r"(?:^|-)([^-_]+)_", tag)) or (tag,)


def _listed(found: Mapping[str, int]) -> str:
    """`701 labels of eng_Latn and 1 of hin_Deva`."""
    first, *rest = (
        f"{n:,} {'labels ' if n > 1 else 'label '}of {language}" if not at
        else f"{n:,} of {language}"
        for at, (language, n) in enumerate(sorted(found.items()))
    )  # fmt: skip
    return ", ".join([first, *rest[:-1]]) + (f" and {rest[-1]}" if rest else "")

"""What an attempt used and cost: labels, text, translations, time, memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
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
    """What was asked of a translator; what a cache answers is no call.

    Attributes:
        texts: that were translated.
        characters: of those texts.
        calls: of the translator.
    """

    texts: int = 0
    characters: int = 0
    calls: int = 0


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
        translations: what was asked of a translator, in training and in use.
        train_seconds: of everything before the first prediction.
        predict_seconds: of all predictions together.
        predicted: examples that were predicted.
        peak_memory: bytes.
        model_bytes: what has to be deployed; of an ensemble the sum, which its strategy tells.
        kept: which weights were kept where no label chose them.
    """

    target: str = ""
    labels: Mapping[Labels, frozenset[str]] = field(default_factory=dict)
    unlabelled: Mapping[str, int] = field(default_factory=dict)
    parallel: Mapping[tuple[str, str], int] = field(default_factory=dict)
    translations: Translations = field(default_factory=Translations)
    train_seconds: float = 0.0
    predict_seconds: float = 0.0
    predicted: int = 0
    peak_memory: int = 0
    model_bytes: int = 0
    kept: str = ""

    def __post_init__(self) -> None:
        negative = [f.name for f in fields(self) if _negative(getattr(self, f.name))]
        if negative:
            raise UsageError(f"a ledger counts what was used, but {', '.join(negative)} is below 0")

    def __add__(self, other: Ledger) -> Ledger:
        """Both parts of an attempt.

        Raises:
            UsageError: they are for different languages, or keep different weights.
        """
        keys = dict.fromkeys([*self.labels, *other.labels])
        nothing: frozenset[str] = frozenset()
        return Ledger(
            target=_either(self.target, other.target, "are for the languages"),
            labels={k: self.labels.get(k, nothing) | other.labels.get(k, nothing) for k in keys},
            unlabelled=_summed(self.unlabelled, other.unlabelled),
            parallel=_summed(self.parallel, other.parallel),
            translations=Translations(
                *(a + b for a, b in zip(self.translations, other.translations, strict=True))
            ),
            train_seconds=self.train_seconds + other.train_seconds,
            predict_seconds=self.predict_seconds + other.predict_seconds,
            predicted=self.predicted + other.predicted,
            peak_memory=max(self.peak_memory, other.peak_memory),
            model_bytes=max(self.model_bytes, other.model_bytes),
            kept=_either(self.kept, other.kept, "say which weights were kept:"),
        )

    @property
    def predict_ms(self) -> float | None:
        """Milliseconds an example; None before any prediction."""
        return 1000 * self.predict_seconds / self.predicted if self.predicted else None

    @property
    def target_selected(self) -> int:
        """Labels of the target language, in whatever script, that a choice was made on."""
        return sum(self.counted("select", of=self.target).values())

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
            "translations": self.translations._asdict(),
            "train_seconds": self.train_seconds,
            "predict_ms": self.predict_ms,
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
    key = Labels(examples.name, language or examples.language, examples.split, use)
    return Ledger(labels={key: known} if known else {})


class Attempt(NamedTuple):
    """A score and what it cost.

    Attributes:
        strategy: its name.
        language: canonical tag of the target.
        value: the score; None where it is not defined.
        settings: as `Ledger.settings` has them; what is absent is not known.
    """

    strategy: str
    language: str
    value: float | None
    settings: Mapping[str, Any]


class Cost(NamedTuple):
    """What a strategy costs for one language, beside what it scores.

    Every number is a mean over attempts, `memory` their largest; None where no attempt says it.
    Time of a training that served several languages stands in each of their attempts, since a user
    who wants one of them pays all of it.

    Attributes:
        strategy: its name.
        score: mean over the languages that all strategies have, each the mean over its seeds.
        languages: how many those are.
        train_seconds: before the first prediction.
        predict_ms: of one example.
        memory: peak, in bytes.
        model_bytes: what has to be deployed.
        calls: of a translator.
        characters: that were translated.
        train_labels: labels that were trained on.
        select_labels: labels that chose something.
    """

    strategy: str
    score: float | None
    languages: int
    train_seconds: float | None
    predict_ms: float | None
    memory: float | None
    model_bytes: float | None
    calls: float | None
    characters: float | None
    train_labels: float | None
    select_labels: float | None


def costs(attempts: Sequence[Attempt]) -> list[Cost]:
    """One row a strategy, in the order in which they come.

    Source: Rosa et al. (2021), A cost-benefit analysis of cross-lingual transfer methods, section 4
    (accuracy beside the costs of training, translation and use).
    """
    strategies = list(dict.fromkeys(one.strategy for one in attempts))
    values = {name: _by_language(attempts, name) for name in strategies}
    shared = set.intersection(*map(set, values.values())) if values else set()
    made = []
    for name in strategies:
        told = [one.settings for one in attempts if one.strategy == name]
        of_shared = [values[name][language] for language in sorted(shared)]
        peaks = [float(s["peak_memory"]) for s in told if s.get("peak_memory")]
        translated = [s.get("translations", {}) for s in told]
        labels = [s["labels"] for s in told if "labels" in s]
        made.append(
            Cost(
                name, _mean(of_shared), len(shared),
                _mean([s.get("train_seconds") for s in told]),
                _mean([s.get("predict_ms") for s in told]),
                max(peaks, default=None),
                _mean([s.get("model_bytes") or None for s in told]),
                _mean([t.get("calls") for t in translated]),
                _mean([t.get("characters") for t in translated]),
                _mean([sum(found.get("train", {}).values()) for found in labels]),
                _mean([sum(found.get("select", {}).values()) for found in labels]),
            )
        )  # fmt: skip
    return made


def cost_table(attempts: Sequence[Attempt]) -> list[dict[str, str]]:
    """`costs` as people read them: one dictionary a strategy, the same keys in each."""
    return [
        {
            "strategy": row.strategy,
            "score": "" if row.score is None else f"{row.score:.3f}",
            "languages": str(row.languages),
            "training": _seconds(row.train_seconds),
            "an example": "" if row.predict_ms is None else f"{row.predict_ms:.3g} ms",
            "memory": _bytes(row.memory),
            "model": _bytes(row.model_bytes),
            "translator's calls": _count(row.calls),
            "characters translated": _count(row.characters),
            "labels to train": _count(row.train_labels),
            "labels to choose": _count(row.select_labels),
        }
        for row in costs(attempts)
    ]


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


def _either(a: str, b: str, what: str) -> str:
    if a and b and a != b:
        raise UsageError(f"these two ledgers {what} {a!r} and {b!r}",
                         remedy="add up ledgers of one attempt only")  # fmt: skip
    return a or b


def _base(tag: str) -> str:
    return tag.partition("_")[0]


def _listed(found: Mapping[str, int]) -> str:
    """`701 labels of eng_Latn and 1 of hin_Deva`."""
    first, *rest = (
        f"{n:,} {'labels ' if n > 1 else 'label '}of {language}" if not at
        else f"{n:,} of {language}"
        for at, (language, n) in enumerate(sorted(found.items()))
    )  # fmt: skip
    return ", ".join([first, *rest[:-1]]) + (f" and {rest[-1]}" if rest else "")


def _by_language(attempts: Sequence[Attempt], strategy: str) -> dict[str, float]:
    values: dict[str, list[float]] = {}
    for one in attempts:
        if one.strategy == strategy and one.value is not None:
            values.setdefault(one.language, []).append(one.value)
    return {language: sum(found) / len(found) for language, found in values.items()}


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _seconds(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.1f} s" if value < 100 else f"{value / 60:.1f} min"


def _bytes(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value / 2**20:,.0f} MiB" if value < 2**30 else f"{value / 2**30:.1f} GiB"


def _count(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}"

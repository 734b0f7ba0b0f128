"""Translation, by one model for all directions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from isogloss.errors import UsageError
from isogloss.registry import register
from isogloss.task.contracts import Tally
from isogloss.task.examples import TRANSLATIONS, Examples

if TYPE_CHECKING:
    from isogloss.encode.folder import ModelFolder
    from isogloss.language.identify import Identifier
    from isogloss.progress import Begin
    from isogloss.task.solver import Tuning, Watch
    from isogloss.task.translating import Translating


@register("task", "translate.v1")
@dataclass(frozen=True, kw_only=True)
class TranslateTask:
    """A text in the language that is asked for, by a model of source and target.

    The source begins with a token of the target language alone, `<2deu_Latn>`; languages and
    directions share all weights. A direction that was not trained on, between languages that were,
    can be asked for: what that is worth is to be measured.
    Source: Johnson et al. (2017), Google's Multilingual Neural Machine Translation System,
    section 3.

    Attributes:
        tagged: whether the source begins with that token. Without it nothing says which language
            is asked for, and the model can only guess: the baseline of what the token is worth.
        smoothing: of labels in training.
        beams: of the search; 1 takes the likeliest token each time.
        longest: tokens of a translation, its end included.
        identifier: tells languages of one script apart, see `informed`.
    """

    shape: ClassVar = TRANSLATIONS
    measures: ClassVar = ("chrf", "bleu", "on_target")
    tagged: bool = True
    smoothing: float = 0.1
    beams: int = 1
    longest: int = 128
    identifier: Identifier | None = None

    def informed(self, examples: Sequence[Examples]) -> TranslateTask:
        """The same with an identifier of the languages of examples, learned from their own text."""
        from isogloss.language.identify import learn_identifier

        known: dict[str, dict[str, None]] = {}  # each text once, in order
        for one in examples:
            sides = [("text", [one.language] * len(one)), ("translation", one.column("to"))]
            for name, tags in sides:
                for tag, text in zip(tags, one.column(name), strict=True):
                    known.setdefault(tag, {}).update({text: None} if (text or "").strip() else {})
        made = {tag: list(known[tag]) for tag in sorted(known) if known[tag]}
        return replace(self, identifier=learn_identifier(made)) if len(made) > 1 else self

    def open(self, folder: ModelFolder) -> Translating:
        """A model that was taught translations, to be asked."""
        from isogloss.task.translating import open_translator

        return open_translator(folder, self)

    def tune(
        self, *, folder: ModelFolder, train: Sequence[Examples], tuning: Tuning, seed: int,
        watch: Watch | None = None, checkpoint: Path | None = None, begin: Begin | None = None,
    ) -> Translating:  # fmt: skip
        """A model that was taught translations, see `task.translating`."""
        from isogloss.task.translating import tune_translator

        return tune_translator(
            folder, self, train, tuning, seed=seed, watch=watch, checkpoint=checkpoint,
            begin=begin,
        )  # fmt: skip

    def score(self, gold: Examples, told: Sequence[Any]) -> dict[str, Tally]:
        """chrF++, BLEU, and the share in the language asked for, 1 - the off-target rate.

        Raises:
            UsageError: several target languages, of which no one BLEU can be told.
        """
        from isogloss.task.metrics.texts import bleu, chrf

        to, texts = gold.column("to"), gold.column("translation")
        if len(set(to)) > 1:
            raise UsageError(
                f"{gold.name} in {gold.language} asks for {', '.join(sorted(set(to)))}",
                remedy="score one direction at a time: task.tasks.translate.directions",
            )
        found = {"chrf": chrf(texts, told), "bleu": bleu(texts, told, to[0])}
        found["on_target"] = on_target(to, told, texts, self.identifier)
        return {
            name: one._replace(settings={**one.settings, "to": to[0]})
            for name, one in found.items()
        }


def on_target(
    to: Sequence[str],
    told: Sequence[Any],
    gold: Sequence[str] = (),
    identifier: Identifier | None = None,
) -> Tally:
    """The share of texts that are in the language that was asked for.

    Args:
        to: canonical tag of that language, of each text.
        told: a text each, or None.
        gold: texts that are in it; the settings then say of how many of them it is told rightly.
        identifier: tells languages of one script apart; one that does not know the language that
            is asked for is not used.
    """
    from isogloss.task.metrics.texts import off_target

    used = identifier if identifier and set(to) <= set(identifier.languages) else None
    off = off_target(told, to, used)
    settings = dict(off.settings)
    if used and gold:
        right = off_target(gold, to, used).columns.sum(0)
        settings["on_target_of_gold"] = float(1 - off.statistic(right))
    return off._replace(statistic=lambda s: 1 - off.statistic(s), settings=settings)


def directions(examples: Examples) -> dict[str, Examples]:
    """Examples by the language they are to be translated to."""
    to = examples.column("to")
    return {
        tag: examples.take([row for row, one in enumerate(to) if one == tag])
        for tag in sorted(set(to))
    }

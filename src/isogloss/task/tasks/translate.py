"""Translation, by one model for all directions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from isogloss.errors import UsageError
from isogloss.registry import register
from isogloss.task.contracts import Tally
from isogloss.task.examples import TRANSLATIONS, Examples

if TYPE_CHECKING:
    from isogloss.encode.folder import ModelFolder
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
        smoothing: of labels in training.
        beams: of the search; 1 takes the likeliest token each time.
        longest: tokens of a translation, its end included.
    """

    shape: ClassVar = TRANSLATIONS
    measures: ClassVar = ("chrf", "bleu", "on_target")
    smoothing: float = 0.1
    beams: int = 1
    longest: int = 128

    def tune(
        self, *, folder: ModelFolder, train: Sequence[Examples], tuning: Tuning, seed: int,
        watch: Watch | None = None, checkpoint: Path | None = None, advance: Any = None,
    ) -> Translating:  # fmt: skip
        """A model that was taught translations, see `task.translating`."""
        from isogloss.task.translating import tune_translator

        return tune_translator(
            folder, self, train, tuning, seed=seed, watch=watch, checkpoint=checkpoint,
            advance=advance,
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
        found["on_target"] = on_target(to, told)
        return {
            name: one._replace(settings={**one.settings, "to": to[0]})
            for name, one in found.items()
        }


def on_target(to: Sequence[str], told: Sequence[Any]) -> Tally:
    """The share of texts that are in the language that was asked for."""
    from isogloss.task.metrics.texts import off_target

    off = off_target(told, to)
    return off._replace(statistic=lambda s: 1 - off.statistic(s))


def directions(examples: Examples) -> dict[str, Examples]:
    """Examples by the language they are to be translated to."""
    to = examples.column("to")
    return {
        tag: examples.take([row for row, one in enumerate(to) if one == tag])
        for tag in sorted(set(to))
    }

"""Steps that change a model's vocabulary, by the jobs of the commands: trim, extend, replace."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field, field_validator, model_validator

from isogloss.errors import SettingsError
from isogloss.recipe.hypernetworks import NAME, TrainHypernetwork
from isogloss.recipe.initial_rows import Aids, Parallel, own_settings
from isogloss.recipe.step import FILES, Step, Workplace, full_name
from isogloss.registry import register
from isogloss.score import Score, Scores

if TYPE_CHECKING:
    from isogloss.encode.folder import ModelFolder
    from isogloss.recipe.vocabulary import Result, Text


class _Change(Step):
    """What the three have in common: a model goes in, and one with another vocabulary comes out.

    Scores say how many tokens and bytes of weights there are, and were, and of how many texts
    that are cut as before the hidden states are the same to the last bit.

    Attributes:
        model: `teacher`, or an earlier step that made a model.
        text: of the run.
        languages: those of the text that count; all the run's, the pivot too, by default.
        multiple: rows are padded to a multiple of this.
        keep: leave the model in the run's `files/<step>/model`.
    """

    model: str = "teacher"
    text: str | None = None
    languages: tuple[str, ...] = ()
    multiple: int = Field(default=1, ge=1)
    keep: bool = False

    def needs(self) -> dict[str, str]:
        """The model and the texts."""
        texts = {"text": self.text, "parallel": getattr(self, "parallel", None)}
        return {"model": self.model} | {field: name for field, name in texts.items() if name}

    def run(self, place: Workplace) -> None:
        """Do the job, leave the model and what is to be told of it."""
        made = self.change(place, place.folder / "model")
        facts = made.facts
        by = f"rows made by {facts['settings'].get('initialise')}"
        for fact, what in (("kept because", "kept"), ("added", "added"), ("rows made", by)):
            if counts := facts.get(fact):
                told = ", ".join(f"{n:,} {how}" for how, n in counts.items())
                place.notes.append(f"{self.name}: {what}: {told}")
        place.notes += facts["notes"]
        if self.keep:
            place.keep_model()
        place.write(_sizes(facts).having(system=self.name, stage="after", seed=place.seed))

    def change(self, place: Workplace, out: Path) -> Result:
        """The job."""
        raise TypeError(f"{type(self).__name__} does not say what it does")

    def source(self, place: Workplace) -> ModelFolder:
        """The folder of the model."""
        return place.model_folder(self.model)

    def tags(self, place: Workplace, text: str) -> list[str]:
        """The languages that count, as the text has them."""
        asked = list(self.languages) or [place.pivot, *place.languages]
        return list(map(str, place.texts[text].resolve(asked)))

    def lines(self, place: Workplace) -> dict[str, list[str]]:
        """The text by language."""
        if self.text is None:
            return {}
        corpus = place.texts[self.text]
        return {tag: [t for t in corpus.texts(tag) if t] for tag in self.tags(place, self.text)}

    def read(self, place: Workplace) -> Text:
        """The text as jobs read it; without languages, as recipes measure them by steps."""
        from isogloss.files import fingerprint_texts
        from isogloss.recipe.vocabulary import Text

        lines = [line for each in self.lines(place).values() for line in each]
        return Text(lines, None, fingerprint_texts(lines))


def _sizes(facts: Mapping[str, Any]) -> Scores:
    """Tokens and bytes of weights, what they were, and the share of the same answers."""
    measures = {"vocabulary_size": facts["tokens"], "weight_bytes": facts["bytes"]}
    rows = [
        Score(measure=measure, value=now, n=1, settings={"before": before})
        for measure, (before, now) in measures.items()
    ]
    if (smoke := facts["smoke"]) and smoke["same_ids"]:
        share, other = smoke["same_states"] / smoke["same_ids"], smoke["texts"] - smoke["same_ids"]
        dropped = {"cut otherwise": other} if other else {}
        rows.append(Score(measure="same_states", value=share, n=smoke["same_ids"], dropped=dropped))
    return Scores(rows)


@register("step", "trim_vocabulary.v1")
class TrimVocabulary(_Change):
    """Leave out the tokens that a text, or scripts, do not need; see `vocabulary.trim_vocabulary`.

    Attributes:
        least: tokens that occur less often in the text are left out.
        size: most tokens to keep.
        scripts: keep all tokens of these, besides the text's.
        without: added tokens to leave out.
    """

    least: int = Field(default=1, ge=1)
    size: int | None = Field(default=None, ge=1)
    scripts: tuple[str, ...] = ()
    without: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _something_to_keep(self) -> TrimVocabulary:
        if self.text is None and not self.scripts:
            raise ValueError("text or scripts must say what to keep")
        return self

    def change(self, place: Workplace, out: Path) -> Result:
        """Trim."""
        from isogloss.recipe.vocabulary import trim_vocabulary

        return trim_vocabulary(
            self.source(place).path, out, text=self.read(place) if self.text else None,
            least=self.least, size=self.size, scripts=self.scripts, without=self.without,
            multiple=self.multiple, seed=place.seed, start=place.start,
        )  # fmt: skip


class _NewRows(_Change):
    """What extending and replacing have in common: tokens get first rows.

    Attributes:
        initialiser: a registered one.
        settings: its own, such as `{ rank = 100 }`.
        parallel: a text of the run from which dictionary, alignments and vectors of words are made;
            vectors of tokens are trained on `text`.
    """

    text: str
    initialiser: str
    settings: dict[str, Any] = Field(default={})
    parallel: str | None = None

    @field_validator("initialiser")
    @classmethod
    def _registered(cls, value: str) -> str:
        return full_name("initialiser", value)

    @model_validator(mode="after")
    def _known_settings(self) -> _NewRows:
        if self.settings:
            try:
                own_settings(self.initialiser, self.settings)
            except SettingsError as error:
                raise ValueError("; ".join(error.problems)) from None
        return self

    def aids(self, place: Workplace) -> Aids:
        """What the initialiser may look at."""
        lines = self.read(place).lines
        if self.parallel is None:
            return Aids(target_text=lines)
        both = Parallel(place.texts[self.parallel], place.pivot, self.tags(place, self.parallel))
        return Aids(target_text=lines, parallel=both)


@register("step", "extend_vocabulary.v1")
class ExtendVocabulary(_NewRows):
    """Add the words of a text that the model splits; see `vocabulary.extend_vocabulary`.

    Attributes:
        initialiser: makes the rows of new tokens; the old ones stay.
        size: most words to add.
        least: words that occur less often are not added.
    """

    initialiser: str = "mean.v1"
    size: int = Field(default=5_000, ge=1)
    least: int = Field(default=2, ge=1)

    def change(self, place: Workplace, out: Path) -> Result:
        """Extend."""
        from isogloss.recipe.vocabulary import extend_vocabulary

        return extend_vocabulary(
            self.source(place).path, out, text=self.read(place), size=self.size, least=self.least,
            initialise=self.initialiser, settings=self.settings, aids=self.aids(place),
            multiple=self.multiple, seed=place.seed, start=place.start,
        )  # fmt: skip


@register("step", "replace_vocabulary.v1")
class ReplaceVocabulary(_NewRows):
    """Give the model a vocabulary learned from a text; see `replacement.replace_vocabulary`.

    Nothing is trained, and the body is kept as it is. The tokenizer has the model's special tokens
    and depends on them, the text, the algorithm, the size and the seed alone, so that steps that
    differ in the initialiser have the same one.

    Attributes:
        initialiser: makes the rows.
        size: wanted pieces.
        algorithm: a registered tokenizer.
        hypernetwork: a step `hypernetwork.v1`, for the initialiser of that name.
    """

    size: int = Field(default=8_000, ge=100)
    algorithm: str = "unigram.v1"
    hypernetwork: str | None = None

    @field_validator("algorithm")
    @classmethod
    def _an_algorithm(cls, value: str) -> str:
        return full_name("tokenizer", value)

    @model_validator(mode="after")
    def _fitting(self) -> ReplaceVocabulary:
        if (self.initialiser == "hypernetwork.v1") != (self.hypernetwork is not None):
            raise ValueError("hypernetwork names a step for the initialiser hypernetwork.v1 alone")
        return self

    def needs(self) -> dict[str, str]:
        """The model, the texts, and the hypernetwork."""
        named = super().needs()
        return named | ({"hypernetwork": self.hypernetwork} if self.hypernetwork else {})

    def check(self, earlier: Mapping[str, Step]) -> list[str]:
        """`hypernetwork` must be such a step."""
        step = earlier.get(self.hypernetwork or "")
        if step is None or isinstance(step, TrainHypernetwork):
            return []
        return [f"hypernetwork: {step.name!r} is a {step.use}, not a hypernetwork.v1"]

    def change(self, place: Workplace, out: Path) -> Result:
        """Learn the tokenizer, replace."""
        from isogloss.recipe.learning import learn_like
        from isogloss.recipe.replacement import replace_vocabulary

        source, learned = self.source(place), place.scratch / "tokenizer"
        learn_like(
            source, self.lines(place), learned, algorithm=self.algorithm, size=self.size,
            seed=place.seed, start=place.start,
        )  # fmt: skip
        settings = dict(self.settings)
        if self.hypernetwork:
            settings["folder"] = str(place.done[self.hypernetwork] / FILES / NAME)
        return replace_vocabulary(
            source.path, out, tokenizer=learned, initialise=self.initialiser, settings=settings,
            aids=self.aids(place), text=self.read(place), multiple=self.multiple, seed=place.seed,
            start=place.start,
        )  # fmt: skip

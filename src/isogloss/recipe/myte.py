"""A step that learns a morphology-driven byte encoding and shows what it does to each language."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from isogloss.recipe.step import FILES, Step, Workplace
from isogloss.registry import register
from isogloss.vocabulary.audit import audit
from isogloss.vocabulary.characters import characters
from isogloss.vocabulary.morphology import Dampening
from isogloss.vocabulary.myte import learn_myte
from isogloss.vocabulary.utf8_bytes import utf8_bytes


@register("step", "myte.v1")
class LearnMyte(Step):
    """Learn an encoding on one text, and audit it beside bytes and characters on another.

    The encoding is in the run's folder, `files/<step>/myte.json`. All languages of the recipe
    teach it, each with the same say, the pivot too.

    Attributes:
        text: what is learned from.
        test: n-way parallel text that is audited.
        morphemes: of each language, at most.
        size: letters of the list of words of a language that morphemes are looked for in.
        weight: of the text against the lexicon, when words are segmented.
        dampening: how often a word counts there: `types`, `logs` or `tokens`.
        accents: whether accents fall off their letters.
    """

    text: str
    test: str
    morphemes: int = Field(default=4096, ge=1)
    size: int = Field(default=200_000, ge=1)
    weight: float = Field(default=0.5, gt=0, allow_inf_nan=False)
    dampening: Dampening = "logs"
    accents: bool = True

    def needs(self) -> dict[str, str]:
        """Both texts."""
        return {"text": self.text, "test": self.test}

    def run(self, place: Workplace) -> None:
        """Learn, save, audit."""
        learned_from, corpus = place.texts[self.text], place.texts[self.test]
        tags = [place.pivot, *place.languages]
        settings: dict[str, Any] = self.model_dump(exclude={"name", "use", *self.needs()})
        made = learn_myte({tag: learned_from.texts(tag) for tag in tags}, **settings)
        made.save(place.folder / FILES / "myte.json")
        advance = place.start(f"{self.name}: read languages", len(tags))
        audited = audit(
            [utf8_bytes(), characters(), made.tokenization()], corpus, pivot=place.pivot,
            languages=place.languages, seed=place.seed, progress=advance,
        )  # fmt: skip
        place.notes += audited.notes
        place.write(
            audited.scores.having(
                dataset=corpus.name, seed=place.seed, corpus_fingerprint=corpus.fingerprint
            )
        )

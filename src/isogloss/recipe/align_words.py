"""A step that links the words of a text's sentence pairs by a model's vectors."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator

from isogloss.files import sha256_file
from isogloss.match.word_alignment import Links
from isogloss.measure.word_alignment import link_scores, sentence_aer
from isogloss.recipe.step import FILES, Step, Workplace, full_name
from isogloss.recipe.word_alignment import (
    Text,
    align_encoded,
    corpus_text,
    middle,
    read_text,
    score,
    write,
)
from isogloss.registry import register
from isogloss.score import Scores
from isogloss.settings import Settings


class Sides(Settings):
    """Two languages whose words are linked.

    Attributes:
        source: language of the text.
        target: another one.
        gold: a gold TSV (see `corpus.alignments.read_gold`) of these languages, whose own pairs are
            aligned in place of the text's, and scored.
    """

    source: str
    target: str
    gold: str | None = None

    @field_validator("gold")
    @classmethod
    def _there(cls, file: str | None) -> str | None:
        if file is not None and not Path(file).is_file():
            raise ValueError(f"there is no file {file}")
        return file


class Linking(Step):
    """Link words of sentence pairs, write the links and score them.

    The links lie in the run's folder, `files/<step>/<source>-<target>/<method>`, as Pharaoh, TSV,
    JSON lines and a page.

    Attributes:
        model: `teacher`, or the name of a step that made a model.
        text: the corpus.
        pairs: languages to link; each language with the pivot by default.
        stage: written beside each score: before, after, or nothing.

    Where there is gold and one method, `compare.v1` tests the AER sentence by sentence.
    """

    model: str = "teacher"
    text: str
    pairs: tuple[Sides, ...] = ()
    stage: Literal["before", "after"] | None = None

    def needs(self) -> dict[str, str]:
        """The model and the text."""
        return {"model": self.model, "text": self.text}

    def key_settings(self) -> dict[str, Any]:
        """Settings with the content of gold files."""
        return {**super().key_settings(), "golds": [_fingerprint(pair) for pair in self.pairs]}

    def linked(self, text: Text, place: Workplace) -> dict[str, list[Links]]:
        """Links of every pair, by method."""
        raise TypeError(f"{type(self).__name__} does not say how it links")

    def about(self, place: Workplace) -> dict[str, Any]:
        """What every score says: `settings` of how it was linked, and `layer` if there is one."""
        raise TypeError(f"{type(self).__name__} does not say how it linked")

    def run(self, place: Workplace) -> None:
        """Link, write, and score: against gold, and what links say without it."""
        encoder, corpus = place.encoder(self.model), place.texts[self.text]
        pairs = self.pairs or [Sides(source=x, target=place.pivot) for x in place.languages]
        about = self.about(place)
        own = about.pop("settings")
        rows, items = Scores(), {}
        for pair in pairs:
            source, target = map(str, corpus.resolve([pair.source, pair.target]))
            text = read_text(pair.gold) if pair.gold else corpus_text(corpus, source, target)
            found = self.linked(text, place)
            folder = place.folder / FILES / f"{source}-{target}"
            write(folder, text, found, f"{source} to {target}, {text.name}, {encoder.name}")
            missing = 0 if text.gold else len(corpus) - len(text.ids)
            where: dict[str, Any] = {
                "language": source, "pivot": target, "direction": f"{source}>{target}",
                "dropped": {"missing in one language": missing} if missing else {},
                "corpus_fingerprint": _fingerprint(pair) or corpus.fingerprint,
            }  # fmt: skip
            for name, links in found.items():
                how = {"method": name, **own}
                made = link_scores(links, seed=place.seed, settings=how)
                if text.gold:
                    made += score(text, {name: links}).having(settings=how)
                    each = sentence_aer(
                        [one.pairs for one in links], [g.sure for g in text.gold],
                        [g.possible for g in text.gold], seed=place.seed, language=source,
                        direction=where["direction"], layer=about.get("layer"), settings=how,
                    )  # fmt: skip
                    made += each.scores
                    items |= each.items if len(found) == 1 else {}
                rows += made.having(dataset=text.name, **where)
            place.notes += [f"{self.name}, {source}>{target}: {note}" for note in text.notes]
        rows = rows.having(
            **about,
            stage=self.stage,
            system=encoder.name,
            seed=place.seed,
            model_fingerprint=encoder.fingerprint,
        )
        place.write(rows, items)


@register("step", "align_words.v1")
class AlignWords(Linking):
    """Link words by the similarity of their tokens, by several methods side by side.

    Attributes:
        methods: registered extractions, see docs/match.md.
        layer: whose vectors are compared; two thirds up by default.
        unit: `subword` or `word`.
        distortion: see `match.grid`.
    """

    methods: tuple[str, ...] = Field(default=("itermax",), min_length=1)
    layer: int | None = None
    unit: Literal["subword", "word"] = "subword"
    distortion: float = Field(default=0.0, ge=0, le=1)

    @field_validator("methods")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(full_name("extraction", name) for name in names))

    def about(self, place: Workplace) -> dict[str, Any]:
        """The unit and the layer."""
        layers = place.encoder(self.model).layers
        return {
            "settings": {"unit": self.unit},
            "layer": middle(layers) if self.layer is None else self.layer,
        }

    def linked(self, text: Text, place: Workplace) -> dict[str, list[Links]]:
        """Links by every method."""
        found = align_encoded(
            place.encoder(self.model), text, methods=self.methods,
            layer=self.about(place)["layer"], unit=self.unit, distortion=self.distortion,
            start=place.start,
        )  # fmt: skip
        return {name.rpartition(".v")[0]: links for name, links in found.items()}


def _fingerprint(pair: Sides) -> str | None:
    return sha256_file(pair.gold)[:16] if pair.gold else None

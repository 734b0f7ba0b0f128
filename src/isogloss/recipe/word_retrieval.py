"""A step that asks whether words in context find their translations in context."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from pydantic import Field, ValidationInfo, field_validator

from isogloss.encode.words import TokenVectors
from isogloss.errors import CorpusError
from isogloss.match.statistical import MODELS, SYMMETRISATIONS, align_statistically
from isogloss.match.word_alignment import Links, word_rows
from isogloss.match.word_means import word_means
from isogloss.measure.word_retrieval import measured_word_retrieval
from isogloss.recipe.layered import Layered
from isogloss.recipe.step import Workplace
from isogloss.recipe.word_alignment import Text, corpus_text
from isogloss.registry import register
from isogloss.score import Scores


@register("step", "word_retrieval.v1")
class WordRetrieval(Layered):
    """Share of aligned words in context whose nearest on the other side is aligned with them.

    Words are vectors of their own sentence, the mean of their tokens; what is aligned is decided by
    a statistical aligner, which knows nothing of the vectors.

    Attributes:
        aligner: a statistical model, see docs/match.md; needs the extra `align-stat`.
        symmetrisation: how its two directions are joined.
        aligner_text: a text that the aligner is trained on besides the measured one.
        score: how neighbours are ranked, see `match.search`.
        neighbourhood: neighbours that CSLS looks at.
    """

    aligner: str = "fast_align"
    symmetrisation: str = "intersection"
    aligner_text: str | None = None
    score: Literal["csls", "cosine"] = "csls"
    neighbourhood: int = Field(default=10, ge=1)

    @field_validator("aligner", "symmetrisation")
    @classmethod
    def _known(cls, name: str, about: ValidationInfo) -> str:
        known = MODELS if about.field_name == "aligner" else SYMMETRISATIONS
        if name not in known:
            raise ValueError(f"{name!r} is none of {', '.join(known)}")
        return name

    def needs(self) -> dict[str, str]:
        """The model and the texts."""
        more = {"aligner_text": self.aligner_text} if self.aligner_text else {}
        return super().needs() | more

    def run(self, place: Workplace) -> None:
        """Align, then seek, language by language."""
        encoder, corpus = place.encoder(self.model), place.texts[self.text]
        layers = self.numbers(place)
        advance = place.start(f"{self.name}: words in context", len(place.languages))
        rows, items = Scores(), {}
        for tag in place.languages:
            text = corpus_text(corpus, tag, place.pivot)
            links = self._links(place, text, tag)
            sides = [
                word_means(encoder, side, layers=layers) for side in (text.source, text.target)
            ]
            for layer in layers:
                means = [side.pop(layer) for side in sides]
                pairs, sentences, silent = occurrences(links, means)
                if not len(pairs):
                    raise CorpusError(
                        f"the aligner {self.aligner} links no word of {tag} and {place.pivot}",
                        file=corpus.source, remedy="give it more text with aligner_text",
                    )  # fmt: skip
                made = measured_word_retrieval(
                    means[0].array, means[1].array, pairs, sentences=sentences, score=self.score,
                    neighbourhood=self.neighbourhood, languages=(tag, place.pivot),
                    seed=place.seed, layer=layer,
                )  # fmt: skip
                rows, items = rows + made.scores, items | made.items
            if silent:
                place.notes.append(f"{self.name}, {tag}: {silent} links of words without a token")
            advance(1)
        place.write(rows.having(**self.about(place)), items)

    def _links(self, place: Workplace, text: Text, language: str) -> list[Links]:
        """Of lower-cased words, by the aligner trained on this text and its other one."""
        other = place.texts[self.aligner_text] if self.aligner_text else None
        more = corpus_text(other, language, place.pivot) if other else None
        extra = (_lower(more.source), _lower(more.target)) if more else ((), ())
        return align_statistically(
            _lower(text.source), _lower(text.target), model=self.aligner,
            symmetrisation=self.symmetrisation, extra=extra, seed=place.seed,
        )  # fmt: skip


def occurrences(
    links: Sequence[Links], sides: Sequence[TokenVectors]
) -> tuple[np.ndarray, np.ndarray, int]:
    """The rows of both sides' words that links join.

    Args:
        links: of each sentence pair.
        sides: source and target, one vector a word, see `match.word_means`.

    Returns:
        `[p, 2]` rows, `[p]` their sentence pair, and how many links join a word without a vector.
    """
    sentences = np.repeat(np.arange(len(links)), [len(one.source) for one in links])
    words = (
        np.concatenate([np.empty(0, np.int64), *(getattr(one, name) for one in links)])
        for name in ("source", "target")
    )
    pairs = np.stack(
        [word_rows(side, sentences, word) for side, word in zip(sides, words, strict=True)], 1
    )
    there = (pairs >= 0).all(1)
    return pairs[there], sentences[there], int((~there).sum())


def _lower(sentences: Sequence[Sequence[str]]) -> list[list[str]]:
    return [[word.lower() for word in one] for one in sentences]

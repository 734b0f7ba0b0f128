"""Which words of a sentence are which words of its translation."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from isogloss.errors import CorpusError
from isogloss.files import write_json
from isogloss.registry import register
from isogloss.task.contracts import Guess, Tally
from isogloss.task.examples import LINKS, Examples
from isogloss.task.metrics.sums import checked
from isogloss.task.projection.linking import link_words
from isogloss.task.solver import TASK, Told

if TYPE_CHECKING:
    from isogloss.encode.protocol import Encoder


@register("task", "links.v1")
@dataclass(frozen=True, kw_only=True)
class LinkTask:
    """Links between words against those that people drew.

    Of the measures F1, precision and recall are better high, and AER, the error rate, low. A pair
    of which nothing is told has no link.

    Source: Och and Ney (2003), A Systematic Comparison of Various Statistical Alignment Models,
    section 5.
    """

    shape: ClassVar = LINKS
    measures: ClassVar = (
        "alignment_f1", "alignment_aer", "alignment_precision", "alignment_recall",
    )  # fmt: skip

    def score(self, gold: Examples, told: Sequence[Any]) -> dict[str, Tally]:
        """Scores over all links of all pairs, see `measure.word_alignment`.

        Raises:
            CorpusError: gold without a sure link, or a link that is told outside its sentences.
            UsageError: another number of pairs.
        """
        from isogloss.measure.word_alignment import STATISTICS, alignment_counts

        sure = gold.column("sure")
        checked(sure, told)
        if not any(sure):
            raise CorpusError(
                "has no sure link, so that recall has no meaning", file=gold.source or None,
                remedy="give links that must be there in the column sure",
            )  # fmt: skip
        sizes = [(len(a), len(b)) for a, b in zip(gold.column("source"), gold.column("target"),
                                                  strict=True)]  # fmt: skip
        found = [_links(one) for one in told]
        for name, links, (a, b) in zip(gold.ids, found, sizes, strict=True):
            if wrong := [(i, j) for i, j in links if not (0 <= i < a and 0 <= j < b)]:
                raise CorpusError(
                    f"pair {name!r}: the link {wrong[0][0]}-{wrong[0][1]} lies outside {a} and {b} "
                    "words", file=gold.source or None, remedy="links count words from 0",
                )  # fmt: skip
        counts = alignment_counts(
            found, list(map(_links, sure)), list(map(_links, gold.column("possible"))), sizes
        )
        return {name: Tally(counts, STATISTICS[name]) for name in self.measures}


def _links(rows: Sequence[Sequence[int]] | None) -> set[tuple[int, int]]:
    return {(int(i), int(j)) for i, j in rows or ()}


@dataclass
class LinkWords:
    """An encoder whose vectors of words are linked, or a statistical model of the words alone.

    Attributes:
        encoder: of words.
        by: see `link_words`.
        layer: of the encoder; two thirds up by default.
        seed: of a statistical model.
        seconds: none, as nothing is taught.
        kept: which weights were kept.
        classes: none.
    """

    encoder: Encoder
    by: str = "itermax"
    layer: int | None = None
    seed: int = 0
    seconds: float = 0.0
    kept: str = "nothing was taught"
    classes: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def tell(self, examples: Examples) -> Told:
        """Links of each pair, as lists of two numbers."""
        start = time.perf_counter()
        link = partial(link_words, by=self.by, encoder=self.encoder, layer=self.layer)
        found = link(examples.column("source"), examples.column("target"), seed=self.seed)
        guesses: list[Guess | None] = [Guess(sorted([int(i), int(j)] for i, j in one))
                                       for one in found]  # fmt: skip
        return Told(guesses, {}, 0, time.perf_counter() - start)

    def save(self, folder: Path) -> None:
        """The name of the encoder, which stays where it is, and how its words are linked."""
        (folder / TASK).mkdir(parents=True)
        about = {
            "classes": {}, "seconds": 0.0, "by": self.by, "layer": self.layer,
            "model": self.encoder.name, "model_fingerprint": self.encoder.fingerprint,
        }  # fmt: skip
        write_json(folder / TASK / "task.json", about)

"""The mixture of parallel text whose words are linked to their translations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from pydantic import FilePath

from isogloss.corpus.alignments import read_pharaoh
from isogloss.encode.tokens import RustTokenizer
from isogloss.encode.words import Split
from isogloss.errors import CorpusError, TrainingError, UsageError
from isogloss.language import read_language
from isogloss.language.segment import words
from isogloss.match.statistical import align_statistically
from isogloss.registry import register
from isogloss.settings import Count
from isogloss.train.batch import Texts, stack_texts
from isogloss.train.material import Material

Aligner = Literal["ibm1", "ibm2", "hmm", "ibm4", "fast_align", "eflomal"]
Symmetrisation = Literal[
    "intersection", "union", "grow", "grow_diag", "grow_diag_final", "grow_diag_final_and", "och"
]


class Pair(NamedTuple):
    """A sentence of the pivot and its translation.

    Attributes:
        sides: tokens of both, and the word each belongs to.
        links: `[l, 2]` words of the pivot and of the other that translate each other.
    """

    sides: tuple[Split, Split]
    links: np.ndarray

    def starts(self) -> np.ndarray:
        """The first tokens of the linked words `[l, 2]`."""
        return np.stack(
            [np.searchsorted(s.words, at) for s, at in zip(self.sides, self.links.T, strict=True)],
            1,
        )


@dataclass
class AlignedViews:
    """Rows in the pivot and one other language, drawn anew each batch, with their word links.

    Attributes:
        pairs: sentence pairs by language.
        pivot: canonical tag, the first view of every batch.
        size: rows in a batch.
        numbers: of the languages, for the column `language`; without, there is none.
    """

    pairs: Mapping[str, Sequence[Pair]]
    pivot: str
    size: int = 32
    numbers: Mapping[str, int] = field(default_factory=dict)

    def batch(self, seed: int, step: int) -> Texts:
        """Columns `word` `[tokens]`, which of its text, and `links` `[k, 3]` of first tokens."""
        rng = np.random.default_rng([seed, step])
        language = str(rng.choice(sorted(self.pairs)))
        every = self.pairs[language]
        rows = rng.choice(len(every), min(self.size, len(every)), replace=False)
        return stack_pairs([every[row] for row in rows], (self.pivot, language), self.numbers)


def stack_pairs(
    pairs: Sequence[Pair], languages: tuple[str, str], numbers: Mapping[str, int] | None = None
) -> Texts:
    """The batch of some sentence pairs, two views."""
    starts = [pair.starts() for pair in pairs]
    row = np.repeat(np.arange(len(pairs)), [len(one) for one in starts])
    return stack_texts(
        [[pair.sides[side].ids for pair in pairs] for side in (0, 1)],
        [[tag] * len(pairs) for tag in languages],
        numbers,
        tokens={"word": np.concatenate([p.sides[s].words for s in (0, 1) for p in pairs])},
        links={"links": np.column_stack([row, np.concatenate(starts)]).astype(np.int64)},
    )


def aligned_pairs(
    material: Material,
    text: str,
    *,
    longest: int | None = None,
    aligner: Aligner = "eflomal",
    symmetrisation: Symmetrisation = "intersection",
    links: Mapping[str, Path] | None = None,
    joint: bool = False,
) -> dict[str, list[Pair]]:
    """The sentence pairs of a text by language, with links of their words.

    Words are those of `language.segment`, lower-cased for the aligner; tokens are those of words
    that single spaces join. Links are found once, on the training rows alone, and a seed makes the
    sampling of eflomal repeat. Rows that lack a side, are too long or have no link are left out and
    told.

    Args:
        material: of the run.
        text: the parallel corpus.
        longest: tokens of a side; the model's window by default.
        aligner: a statistical model, trained on the text itself.
        symmetrisation: how its two directions are joined; intersection has the surest links.
        links: by language, files in Pharaoh format with a line a row of the text, the pivot's word
            first; these are taken in place of the aligner's.
        joint: whether `longest` is of both sides together.

    Raises:
        TrainingError: the text has not the pivot, or a language of which no row is left.
        UsageError: links of a language that the text has not.
        CorpusError: links that do not fit.
        MissingExtra: the aligner is not installed.
    """
    corpus, given = material.corpus(text), dict(links or {})
    tags = list(map(str, corpus.languages))
    if material.pivot not in tags or len(tags) < 2:
        raise TrainingError(
            f"{text}: words are linked between {material.pivot} and other languages; it has "
            f"{', '.join(tags) or 'none of the run'}"
        )
    given = {str(read_language(tag)): file for tag, file in given.items()}
    if unknown := sorted(set(given) - set(tags)):
        raise UsageError(f"links of {', '.join(unknown)}, which {text} has not")
    tokenizer = RustTokenizer(material.tokenizer, material.longest, None)
    limit = min(material.longest if longest is None else longest, material.longest)
    size = sum if joint else max
    said = {tag: _words(corpus.texts(tag), tag, material.lower) for tag in tags}
    cut = {tag: tokenizer.split(lines) for tag, lines in said.items()}
    found: dict[str, list[Pair]] = {}
    for tag in tags:
        if tag == material.pivot:
            continue
        sides = (said[material.pivot], said[tag])
        if tag in given:
            linked = _given(given[tag], *sides, behind=material.behind)
        else:
            fits = [
                size([len(a.ids), len(b.ids)]) <= limit
                for a, b in zip(cut[material.pivot], cut[tag], strict=True)
            ]
            some = [[x if fit else [] for x, fit in zip(s, fits, strict=True)] for s in sides]
            linked = _statistical(*some, aligner, symmetrisation)
        pairs = zip(cut[material.pivot], cut[tag], linked, strict=True)
        found[tag] = _kept(
            pairs, limit, size, lambda told, tag=tag: material.note(f"{text}: {tag}: {told}")
        )
        if not found[tag]:
            raise TrainingError(
                f"{text}: no row of {tag} has a link and 1 to {limit} tokens a side"
            )
    return found


def _words(texts: Sequence[str | None], tag: str, lower: bool) -> list[list[str]]:
    script = read_language(tag).script
    return [words((text or "").lower() if lower else text or "", script) for text in texts]


def _statistical(
    pivot: list[list[str]], other: list[list[str]], aligner: str, symmetrisation: str
) -> list[np.ndarray]:
    lowered = [[[word.lower() for word in line] for line in side] for side in (pivot, other)]
    made = align_statistically(*lowered, model=aligner, symmetrisation=symmetrisation)
    return [np.stack([one.source, one.target], 1) for one in made]


def _given(
    file: Path, pivot: list[list[str]], other: list[list[str]], *, behind: bool
) -> list[np.ndarray]:
    """Links of the first rows of a text, or, `behind`, of the last."""
    rows, there = len(read_pharaoh(file)), len(pivot)
    if rows < there:
        raise CorpusError(
            f"has {rows} lines, and the text has {there} rows to train on", file=file,
            remedy="give a line for every row of the text, empty where there are no links",
        )  # fmt: skip
    sizes = [(len(a), len(b)) for a, b in zip(pivot, other, strict=True)]
    rest = [None] * (rows - there)  # lines of the rows that are not read here
    read = read_pharaoh(file, [*rest, *sizes] if behind else [*sizes, *rest])
    read = read[len(rest) :] if behind else read[:there]
    return [np.array(sorted(sure), np.int64).reshape(-1, 2) for sure, _ in read]


def _kept(pairs, limit: int, size, note) -> list[Pair]:
    """Pairs that can be trained on; what is left out is told."""
    found, lost = [], {"lack one side": 0, f"are over {limit} tokens": 0, "have no link": 0}
    silent = 0
    for a, b, links in pairs:
        spoken = np.isin(links[:, 0], a.words) & np.isin(links[:, 1], b.words)
        silent += int((~spoken).sum())
        if not len(a.ids) or not len(b.ids):
            lost["lack one side"] += 1
        elif size([len(a.ids), len(b.ids)]) > limit:
            lost[f"are over {limit} tokens"] += 1
        elif not spoken.any():
            lost["have no link"] += 1
        else:
            found.append(Pair((a, b), links[spoken]))
    for why, count in lost.items():
        if count:
            note(f"{count} rows {why} and were not trained on")
    if silent:
        note(f"{silent} links of words without a token were left out")
    return found


@register("mixture", "aligned.v1")
def aligned(
    material: Material,
    *,
    text: str,
    batch: Count = 32,
    longest: Count | None = None,
    aligner: Aligner = "eflomal",
    symmetrisation: Symmetrisation = "intersection",
    links: dict[str, FilePath] | None = None,
) -> AlignedViews:
    """Parallel rows of the pivot and one other language a batch, with links of their words.

    For objectives that read `links`. Each of these says what stands for a word of several tokens.
    Source: Cao, Kitaev and Klein (2020), Multilingual Alignment of Contextual Word
    Representations, who take the intersection of fast_align's two directions.

    Args:
        material: of the run.
        text: the parallel corpus.
        batch: rows in a batch.
        longest: rows of more tokens a side are left out; the model's window by default.
        aligner: statistical model of the links.
        symmetrisation: how its two directions are joined.
        links: by language, Pharaoh files of the whole text, the pivot's word first.
    """
    found = aligned_pairs(
        material, text, longest=longest, aligner=aligner, symmetrisation=symmetrisation, links=links
    )
    return AlignedViews(found, material.pivot, size=batch, numbers=material.numbers)

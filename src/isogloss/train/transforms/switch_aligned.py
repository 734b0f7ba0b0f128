"""Code-switching by word alignment: words of a text exchanged for those of its translation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from isogloss.corpus.records import Corpus
from isogloss.errors import TrainingError
from isogloss.language import read_language
from isogloss.language.segment import UNSPACED, words
from isogloss.match.statistical import align_statistically
from isogloss.registry import register
from isogloss.settings import Share
from isogloss.train.transforms.apply import with_texts

Model = Literal["ibm1", "ibm2", "hmm", "ibm4", "fast_align", "eflomal"]


def exchanged(
    source: Sequence[str],
    target: Sequence[str],
    links: Sequence[tuple[int, int]],
    chosen: Sequence[bool],
) -> list[str]:
    """Words of the source, those chosen among the linked ones in the other language.

    Args:
        source: words.
        target: words of the translation.
        links: one-to-one, by rising source word.
        chosen: for each link, whether it is used.
    """
    made = list(source)
    for (i, j), use in zip(links, chosen, strict=True):
        if use:
            made[i] = target[j]
    return made


@register("transform", "switch_aligned.v1")
def switch_aligned(
    corpus: Corpus,
    pivot: str,
    rng: np.random.Generator,
    *,
    share: Share = 0.3,
    model: Model = "eflomal",
    alone: bool = False,
) -> Corpus:
    """Words of the pivot exchanged for the words of a translation that are linked to them.

    Links are those that a statistical model finds in both directions, trained on this very text;
    the language is drawn for each row among those that have it. Words keep their sense here, which
    a dictionary cannot promise, and stand in the order of the pivot.
    Source: as code-switched text by alignments, such as Yang et al. (2020), Alternating Language
    Modeling for Cross-Lingual Pre-Training, by single words instead of phrases.

    Args:
        corpus: parallel rows; rows that the pivot has alone stay as they are.
        pivot: canonical tag.
        rng: what is drawn from.
        share: of linked words that are exchanged.
        model: that links the words, see `match.statistical`.
        alone: whether the other languages are left out.

    Raises:
        TrainingError: no row in two languages.
    """
    script = read_language(pivot).script
    source = [None if t is None else words(t, script) for t in corpus.texts(pivot)]
    others = [tag for tag in map(str, corpus.languages) if tag != pivot]
    linked: dict[int, list[tuple[list[str], list[tuple[int, int]]]]] = {}
    for tag in others:
        other = read_language(tag).script
        texts = corpus.texts(tag)
        rows = [r for r, t in enumerate(texts) if t is not None and source[r] is not None]
        target = [words(texts[r] or "", other) for r in rows]
        found = align_statistically(
            [source[r] or [] for r in rows], target, symmetrisation="intersection", model=model,
            seed=int(rng.integers(2**31)),
        ) if rows else []  # fmt: skip
        for row, theirs, links in zip(rows, target, found, strict=True):
            linked.setdefault(row, []).append((theirs, links.pairs))
    if not linked:
        raise TrainingError(f"{corpus.name}: no row of {pivot} has a translation to switch to")
    made, total = corpus.texts(pivot), 0
    between = "" if script in UNSPACED else " "
    for row in sorted(linked):
        theirs, links = linked[row][int(rng.integers(len(linked[row])))]
        chosen = rng.random(len(links)) < share
        made[row] = between.join(exchanged(source[row] or [], theirs, links, chosen.tolist()))
        total += int(chosen.sum())
    texts = {} if alone else {str(tag): corpus.texts(tag) for tag in corpus.languages}
    note = f"{corpus.name}: {total} words switched in {len(linked)} texts of {pivot}"
    return with_texts(corpus, texts | {pivot: made}, None, note)

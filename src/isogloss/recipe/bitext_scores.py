"""The margin of every pair of a bitext one has, as a job: which of them are translations?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from isogloss.corpus import read_corpus
from isogloss.corpus.sentences import key, one_line
from isogloss.errors import CorpusError, UsageError
from isogloss.files import atomic_write
from isogloss.match.mining import MARGINS, score_pairs
from isogloss.match.neighbours import unit
from isogloss.progress import Start, silent

QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)


def score_bitext(
    model: str,
    text: str | Path,
    out: str | Path,
    *,
    languages: Sequence[str] = (),
    margin: str = "ratio",
    k: int = 4,
    layer: int | None = None,
    pooling: str | None = None,
    network: bool = False,
    start: Start = silent,
) -> tuple[dict[str, dict[str, float]], list[str]]:
    """The margin and the cosine of every pair of a parallel text, among its own sentences.

    All vectors are in memory. The pool of each side is its distinct sentences.

    Args:
        model: an encoder.
        text: what `read_corpus` reads, of two languages.
        out: the TSV to write: id, margin, cosine, source, target, in the order of the text.
        languages: source and target; the two of the text by default.
        margin: see `match.mining`.
        k: neighbours.
        layer: of the model; the last by default.
        pooling: the model's own by default.
        network: allow fetching the model.
        start: starts progress bars.

    Returns:
        Quantiles of margins and cosines, and notes.

    Raises:
        CorpusError: not two languages, or no pair with both sides.
        UsageError: an unknown margin, k below 1, or a folder as `out`.
    """
    from isogloss.encode import encode_cached, load_encoder

    if margin not in MARGINS:
        raise UsageError(f"no margin {margin!r}; there is {', '.join(MARGINS)}")
    if k < 1:
        raise UsageError(f"k is {k}; it must be at least 1")
    if Path(out).is_dir():
        raise UsageError(f"{out} is a folder", remedy="name a file with --out")
    corpus = read_corpus(text, languages=list(languages) or None, network=network)
    tags = corpus.two(languages)
    both = list(zip(corpus.ids, *(corpus.texts(tag) for tag in tags), strict=True))
    pairs = [row for row in both if None not in row]
    if not pairs:
        raise CorpusError("no pair has both sides", file=text, remedy="check the languages")
    notes = [corpus.sniffed, *corpus.notes]
    if len(pairs) < len(both):
        notes.append(f"{len(both) - len(pairs)} of {len(both)} pairs lack one side; left out")
    encoder = load_encoder(model, network=network)
    how: dict[str, Any] = {"layers": None if layer is None else [layer], "pooling": pooling}
    pools, rows = [], []
    for at, tag in enumerate(tags, 1):
        texts, places = _distinct([row[at] or "" for row in pairs])
        advance = start(f"encoding {tag}", len(texts))
        made = encode_cached(encoder, texts, language=str(tag), progress=advance, **how)
        vectors = next(iter(made.values()))
        pools.append(unit(vectors.array))
        rows.append(places)
        if len(texts) < len(pairs):
            notes.append(f"{tag}: {len(pairs) - len(texts)} sentences stand there more than once")
        if vectors.truncated:
            notes.append(f"{tag}: {vectors.truncated} sentences were cut to the model's window")
        if k > len(texts):
            notes.append(
                f"{tag}: k is {k}, but there are {len(texts)} sentences; all are neighbours, and "
                "margins say little"
            )
    scores, cosines = score_pairs(*pools, *rows, k=k, margin=margin)
    with atomic_write(out) as file:
        file.write("id\tmargin\tcosine\tsource\ttarget\n")
        for (name, left, right), score, cosine in zip(pairs, scores, cosines, strict=True):
            file.write(f"{one_line(name)}\t{score:.6f}\t{cosine:.6f}\t")
            file.write(f"{one_line(left or '')}\t{one_line(right or '')}\n")
    quantiles = {
        name: {f"{q:.0%}": float(np.quantile(values, q)) for q in QUANTILES}
        for name, values in (("margin", scores), ("cosine", cosines))
    }
    return quantiles, notes


def _distinct(texts: Sequence[str]) -> tuple[list[str], np.ndarray]:
    """The texts that differ by `key`, and which of them each text is."""
    first: dict[bytes, int] = {}
    kept: list[str] = []
    places = []
    for text in texts:
        place = first.setdefault(key(text), len(kept))
        if place == len(kept):
            kept.append(text)
        places.append(place)
    return kept, np.array(places)

"""Word or token vectors trained on the user's own text, for initialisers that need some."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from isogloss.errors import CorpusError, MissingExtra

_BUCKETS = 100_000  # of character n-grams; fastText's own 2 million would take gigabytes


def train_vectors(
    sentences: Sequence[Sequence[str]],
    *,
    width: int = 300,
    least: int = 5,
    epochs: int = 3,
    seed: int = 0,
) -> tuple[list[str], np.ndarray]:
    """FastText vectors (CBOW, 10 negatives) of words or of tokens, by the text they stand in.

    Args:
        sentences: words, or the names of tokens, in order.
        width: dimensions.
        least: those that occur less often get no vector.
        epochs: passes over the text.
        seed: of all that is drawn; one thread, so that the same text gives the same vectors.

    Returns:
        Words, most frequent first, and `[n, width]` float32 vectors of them.

    Raises:
        CorpusError: no word occurs often enough.
        MissingExtra: gensim is not installed.

    Source: Bojanowski et al. (2017); of tokens as in FOCUS, Dobler and de Melo (2023), section 3.1.
    """
    try:
        from gensim.models import FastText
    except ImportError:
        raise MissingExtra("gensim", "static", "training word vectors on text") from None
    counts: dict[str, int] = {}
    for sentence in sentences:
        for word in sentence:
            counts[word] = counts.get(word, 0) + 1
    if max(counts.values(), default=0) < least:
        raise CorpusError(
            f"no word or token of the text occurs {least} times, so none gets a vector",
            remedy="give more text",
        )
    model = FastText(
        [list(sentence) for sentence in sentences], vector_size=width, min_count=least, sg=0,
        negative=10, epochs=epochs, bucket=_BUCKETS, seed=seed, workers=1,
    )  # fmt: skip
    return [str(word) for word in model.wv.index_to_key], np.asarray(model.wv.vectors, np.float32)

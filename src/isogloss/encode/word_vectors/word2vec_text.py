"""word2vec text, fastText's `.vec` too: a line `n d`, then a line a word with its values."""

from __future__ import annotations

from isogloss.encode.word_vectors.table import Rows, Start, WordVectors
from isogloss.encode.word_vectors.text import headed, is_text, promised, read_rows
from isogloss.registry import register


def accepts(start: Start) -> int:
    """Surely where the first line is two counts and text follows."""
    layout = headed(start)
    return 2 if layout is not None and is_text(start, layout) else 0


@register("word_vectors", "word2vec_text.v1")
def read(start: Start, rows: Rows) -> WordVectors:
    """Read lines of text after a header, plain or gzip.

    With a limit, the rows beyond it are those that the header promises; they are not read.

    Raises:
        CorpusError: see `text.read_rows`.
    """
    return read_rows(start, rows, promised(start))

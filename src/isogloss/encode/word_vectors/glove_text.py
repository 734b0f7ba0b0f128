"""GloVe text: a word and its values a line, no header."""

from __future__ import annotations

from isogloss.encode.word_vectors.table import Rows, Start, WordVectors
from isogloss.encode.word_vectors.text import headed, headless, read_rows
from isogloss.errors import CorpusError
from isogloss.registry import register


def accepts(start: Start) -> int:
    """Surely where there is no header and most of the first lines end in as many numbers."""
    return 2 if headed(start) is None and headless(start) is not None else 0


@register("word_vectors", "glove_text.v1")
def read(start: Start, rows: Rows) -> WordVectors:
    """Read lines of text, plain or gzip; the width is that of most of the first 50 lines.

    With a limit, the lines beyond it are counted without parsing them.

    Raises:
        CorpusError: see `text.read_rows`.
    """
    layout = headless(start)
    if layout is None:
        raise CorpusError("has no rows of word and values", file=start.path, remedy="check it")
    return read_rows(start, rows, layout)

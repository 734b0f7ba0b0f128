"""Found translations as files: TSV with scores and lines, Moses, TMX."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple
from xml.sax.saxutils import escape, quoteattr

from isogloss._version import __version__
from isogloss.files import atomic_write
from isogloss.language import Language

# What XML 1.0 cannot hold, not even escaped (section 2.2).
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Found(NamedTuple):
    """A pair of sentences that someone takes for translations; no tab or line feed is in it.

    Attributes:
        score: how sure.
        source_line: where the source stood.
        target_line: where the target stood.
        source: its text.
        target: its text.
    """

    score: float
    source_line: str
    target_line: str
    source: str
    target: str


def write_bitext_tsv(path: str | Path, pairs: Iterable[Found]) -> None:
    """Score, lines and texts of each pair, under a header."""
    with atomic_write(path) as file:
        file.write("\t".join(Found._fields) + "\n")
        for pair in pairs:
            file.write("\t".join((f"{pair.score:.6f}", *pair[1:])) + "\n")


def write_moses(source: str | Path, target: str | Path, pairs: Iterable[Found]) -> None:
    """Two files, line i of one the translation of line i of the other."""
    with atomic_write(source) as left, atomic_write(target) as right:
        for pair in pairs:
            left.write(pair.source + "\n")
            right.write(pair.target + "\n")


def write_tmx(path: str | Path, source: Language, target: Language, pairs: Iterable[Found]) -> int:
    """TMX 1.4, the score of each unit as a property; gives how many characters were left out.

    XML cannot hold control characters, so those are.
    Source: LISA OSCAR, TMX 1.4b Specification (2005).
    """
    tags, lost = [quoteattr(language.bcp47) for language in (source, target)], 0
    with atomic_write(path) as file:
        file.write(
            '<?xml version="1.0" encoding="UTF-8"?>\n<tmx version="1.4">\n'
            f'<header creationtool="isogloss" creationtoolversion="{__version__}" '
            f'segtype="sentence" o-tmf="text" adminlang="en" srclang={tags[0]} '
            'datatype="plaintext"/>\n<body>\n'
        )
        for pair in pairs:
            file.write(f'<tu><prop type="score">{pair.score:.6f}</prop>')
            for tag, text in zip(tags, (pair.source, pair.target), strict=True):
                clean = _NOT_XML.sub("", text)
                lost += len(text) - len(clean)
                file.write(f"<tuv xml:lang={tag}><seg>{escape(clean)}</seg></tuv>")
            file.write("</tu>\n")
        file.write("</body>\n</tmx>\n")
    return lost

"""Word alignments in files: gold links, and found links as Pharaoh, TSV and JSON lines."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from isogloss.corpus.text_files import column_at, read_cells, read_lines
from isogloss.errors import CorpusError
from isogloss.files import atomic_write

Pairs = frozenset[tuple[int, int]]
_LINK = re.compile(r"(\d+)([-p?])(\d+)")


class Gold(NamedTuple):
    """Links that people drew between the words of one sentence pair.

    Attributes:
        source: its words.
        target: the words of its translation.
        sure: links (source word, target word), from 0, that must be there.
        possible: links that may be there; holds the sure ones.
    """

    source: list[str]
    target: list[str]
    sure: Pairs
    possible: Pairs


def read_gold(path: str | Path) -> list[Gold]:
    """Gold links from a TSV with the header `source`, `target`, `sure`, `possible`.

    Words are separated by single spaces, links are `i-j` from 0.

    Raises:
        CorpusError: a missing column, an empty word, a link that is not one or lies outside the
            sentence, with file and line.
    """
    path = Path(path)
    header, *rows = read_cells(path)
    if not rows:
        raise CorpusError("has a header and no pair", file=path, line=2, remedy="give some pairs")
    at = [
        column_at(name, header, len(header), path)
        for name in ("source", "target", "sure", "possible")
    ]
    found = []
    for number, row in enumerate(rows, 2):
        source, target, sure, possible = (row[i] for i in at)
        words = source.split(" "), target.split(" ")
        for side, cell in (("source", words[0]), ("target", words[1])):
            if "" in cell:
                raise CorpusError(
                    f"word {cell.index('')} of the {side}, counted from 0, is empty", file=path,
                    line=number, remedy="set single spaces between words, and none at the ends",
                )  # fmt: skip
        links = [
            _links(text, path, number, (len(words[0]), len(words[1]))) for text in (sure, possible)
        ]
        found.append(Gold(*words, links[0][0], links[0][0] | links[1][0]))
    return found


def read_pharaoh(
    path: str | Path, lengths: Sequence[tuple[int, int] | None] | None = None
) -> list[tuple[Pairs, Pairs]]:
    """Sure and possible links a line: `i-j` is sure, `ipj` and `i?j` are possible only.

    Args:
        path: the file, one sentence pair a line; an empty line has no links.
        lengths: words of source and target of each line, to check against; None for a line that
            is not.

    Raises:
        CorpusError: a link that is not one or lies outside its sentence, or another number of
            lines than there are sentences.
    """
    path = Path(path)
    lines = read_lines(path)
    if lengths is not None and len(lengths) != len(lines):
        raise CorpusError(
            f"has {len(lines)} lines for {len(lengths)} sentence pairs",
            file=path,
            line=min(len(lines), len(lengths)) + 1,
            remedy="line i must hold the links of pair i; empty where it has none",
        )
    sizes = [None] * len(lines) if lengths is None else lengths
    return [
        _links(line, path, number, size)
        for number, (line, size) in enumerate(zip(lines, sizes, strict=True), 1)
    ]


class Aligned(NamedTuple):
    """Found links of one sentence pair, to be written.

    Attributes:
        id: names the pair.
        source: its words.
        target: the words of its translation.
        links: (source word, target word, score), from 0.
        score: of the pair.
    """

    id: str
    source: Sequence[str]
    target: Sequence[str]
    links: Sequence[tuple[int, int, float]]
    score: float


def write_pharaoh(path: str | Path, pairs: Iterable[Aligned | None]) -> None:
    """One line a pair, `i-j` from 0, as Moses, fast_align and their followers read it.

    None, a row of the text that was not linked, is an empty line, so that lines stay those of the
    text.
    """
    with atomic_write(path) as file:
        for pair in pairs:
            links = () if pair is None else pair.links
            file.write(" ".join(f"{i}-{j}" for i, j, _ in links) + "\n")


def write_links_tsv(path: str | Path, pairs: Iterable[Aligned]) -> None:
    """One line a link with its words and score; words without a link have an empty other side."""
    with atomic_write(path) as file:
        file.write("id\tsource_index\ttarget_index\tsource_word\ttarget_word\tscore\n")
        for pair in pairs:
            rows = [(str(i), str(j), pair.source[i], pair.target[j], f"{s:.6f}")
                    for i, j, s in pair.links]  # fmt: skip
            lone = _alone(pair)
            rows += [(str(i), "", pair.source[i], "", "") for i in lone[0]]
            rows += [("", str(j), "", pair.target[j], "") for j in lone[1]]
            file.writelines("\t".join((pair.id, *row)) + "\n" for row in rows)


def write_links_jsonl(path: str | Path, pairs: Iterable[Aligned]) -> None:
    """One JSON object a pair: words, links with scores, words without a link, the pair's score."""
    with atomic_write(path) as file:
        for pair in pairs:
            lone = _alone(pair)
            record = {
                "id": pair.id, "source": list(pair.source), "target": list(pair.target),
                "links": [[i, j, round(s, 6)] for i, j, s in pair.links],
                "unaligned_source": lone[0], "unaligned_target": lone[1],
                "score": round(pair.score, 6),
            }  # fmt: skip
            file.write(json.dumps(record, ensure_ascii=False) + "\n")


def _alone(pair: Aligned) -> tuple[list[int], list[int]]:
    linked = [{link[side] for link in pair.links} for side in (0, 1)]
    return (
        [i for i in range(len(pair.source)) if i not in linked[0]],
        [j for j in range(len(pair.target)) if j not in linked[1]],
    )


def _links(
    text: str, path: Path, line: int, lengths: tuple[int, int] | None
) -> tuple[Pairs, Pairs]:
    """Sure links, and possible ones with the sure among them."""
    sure, possible = set(), set()
    for cell in text.split():
        match = _LINK.fullmatch(cell)
        if not match:
            raise CorpusError(f"{cell!r} is not a link", file=path, line=line,
                              remedy="links are written i-j, counted from 0")  # fmt: skip
        link = int(match[1]), int(match[3])
        if lengths is not None and (link[0] >= lengths[0] or link[1] >= lengths[1]):
            raise CorpusError(
                f"the link {cell} lies outside a pair of {lengths[0]} and {lengths[1]} words",
                file=path,
                line=line,
                remedy="links count from 0; subtract 1 if yours count from 1, and check the words",
            )
        possible.add(link)
        if match[2] == "-":
            sure.add(link)
    return frozenset(sure), frozenset(possible)

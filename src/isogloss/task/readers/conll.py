"""CoNLL: a word a line with its columns, and a blank line after each sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from isogloss.corpus.spec import Spec
from isogloss.corpus.text_files import column_at
from isogloss.errors import CorpusError
from isogloss.registry import register
from isogloss.task.examples import Shape
from isogloss.task.readers.found import Found, ending, numbered_lines, one_file

OPTIONS, NAMES_COLUMNS = ("words", "tags"), False
_COMMENT = re.compile(r"#\s*(?P<key>[\w.: -]+?)\s*[=:]\s*(?P<value>.*)|#\s*new(doc|par)\b.*")


_READ = ("sent_id", "text", "intent", "label")
"""Keys of comments that need no space behind `#`, as other text there may be a hashtag."""


class _Sentence(NamedTuple):
    """Lines and cells of words, and the comments before them."""

    lines: list[int]
    cells: list[list[str]]
    comments: dict[str, str]


def accepts(spec: Spec, shape: Shape) -> int:
    """For words with tags: surely for `.conll` and the like, rather sure for `.tsv` and `.txt`."""
    if "words" not in shape.columns or "heads" in shape.columns:
        return 0
    known = {".conll": 3, ".bio": 3, ".iob": 3, ".iob2": 3, ".tsv": 2, ".txt": 2}
    return known.get(ending(spec), 0)


@register("examples", "conll.v1")
def read(spec: Spec, shape: Shape) -> Found:
    """Read words and tags; by default the first and the last column, `?words=2&tags=4` otherwise.

    Columns are split at tabs if the first line of a word has one, else at spaces. A comment begins
    with `#` and has no tab, or where columns are split at spaces stands before a sentence and says
    `# key = value`; `sent_id` gives ids and `intent` labels. Lines of `-DOCSTART-` are left out.

    Raises:
        CorpusError: a line with another number of columns, or a sentence without an id where others
            have one, with file and line.
    """
    sentences = list(_sentences(spec))
    if not sentences:
        raise CorpusError("has no word", file=spec.text, remedy="check that it is CoNLL")
    width = len(sentences[0].cells[0])
    word = column_at(spec.options.get("words", "1"), None, width, spec.path)
    tag = column_at(spec.options.get("tags", str(width)), None, width, spec.path)
    columns: dict[str, list[Any]] = {"words": [[c[word] for c in s.cells] for s in sentences]}
    if width > 1:
        columns["tags"] = [[c[tag] for c in s.cells] for s in sentences]
    if "label" in shape.columns:
        columns["label"] = [s.comments.get("intent", s.comments.get("label")) for s in sentences]
    if ids := sentence_ids(spec, [(s.lines[0], s.comments) for s in sentences]):
        columns["id"] = ids
    return Found(columns, [s.lines[0] for s in sentences], [s.lines for s in sentences])


def sentence_ids(spec: Spec, sentences: list[tuple[int, dict[str, str]]]) -> list[str]:
    """The `sent_id` of each sentence, given by its line and comments; none if none has one.

    Raises:
        CorpusError: some have one and others do not.
    """
    ids = [comments.get("sent_id") for _, comments in sentences]
    if not any(ids):
        return []
    for (line, _), one in zip(sentences, ids, strict=True):
        if not one:
            raise CorpusError(
                "the sentence has no sent_id, but others have one", file=spec.text, line=line,
                remedy="write `# sent_id = ...` before it",
            )  # fmt: skip
    return [one for one in ids if one]


def comment_of(line: str) -> tuple[str, str]:
    """The key and value of a comment such as `# sent_id = 3`; the value may be empty."""
    found = _COMMENT.fullmatch(line)
    if found is None or found["key"] is None:
        return line.lstrip("# "), ""
    return found["key"], found["value"].strip()


def _sentences(spec: Spec) -> Iterator[_Sentence]:
    tabs, width, documents = None, 0, 0
    now = _Sentence([], [], {})
    for number, line in numbered_lines(one_file(spec), spec.notes):
        if not line.strip():
            if now.cells:
                yield now
            now = _Sentence([], [], {}) if now.cells else now
            continue
        if _is_comment(line, tabs, bool(now.cells)):
            key, value = comment_of(line)
            now.comments[key] = value
            continue
        tabs = "\t" in line if tabs is None else tabs
        cells = line.split("\t") if tabs else re.split(r"[ \t]+", line.strip(" \t"))
        if cells[0] == "-DOCSTART-":
            documents += 1
            continue
        width = width or len(cells)
        if len(cells) != width:
            columns = "1 column" if len(cells) == 1 else f"{len(cells)} columns"
            raise CorpusError(
                f"has {columns} where {width} are expected", file=spec.text, line=number,
                remedy=f"columns are split at {'tabs' if tabs else 'spaces'}; fix the line",
            )  # fmt: skip
        now.lines.append(number)
        now.cells.append(cells)
    if now.cells:
        yield now
    if documents:
        spec.note(f"{documents} lines of -DOCSTART- were left out")


def _is_comment(line: str, tabs: bool | None, within: bool) -> bool:
    if not line.startswith("#") or "\t" in line:
        return False
    if tabs or within:
        return bool(tabs)
    found = _COMMENT.fullmatch(line)
    return found is not None and (line[1:2].isspace() or found["key"] in (None, *_READ))

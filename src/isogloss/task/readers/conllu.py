"""CoNLL-U: words with tags, features and heads, and several words that are written as one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from isogloss.corpus.spec import Spec
from isogloss.errors import CorpusError
from isogloss.registry import register
from isogloss.task.examples import Shape
from isogloss.task.readers.conll import comment_of, sentence_ids
from isogloss.task.readers.found import Found, ending, numbered_lines, one_file, one_of

OPTIONS, NAMES_COLUMNS = ("tags",), False
_COLUMN = {"upos": 3, "xpos": 4, "feats": 5}
_WIDTH = 10
_EMPTY_NODE = re.compile(r"\d+\.\d+\t")


class _Sentence(NamedTuple):
    comments: dict[str, str]
    lines: list[int]
    cells: list[list[str]]
    surface: list[tuple[int, dict[str, Any]]]


def accepts(spec: Spec, shape: Shape) -> int:
    """For words: surely for `.conllu` and `.conll-u`."""
    return 3 if "words" in shape.columns and ending(spec) in (".conllu", ".conll-u") else 0


@register("examples", "conllu.v1")
def read(spec: Spec, shape: Shape) -> Found:
    """Read syntactic words; `?tags=upos` (the default), `xpos` or `feats`.

    Empty nodes are left out and counted. Where there is a `# text`, the forms must spell it.

    Raises:
        CorpusError: another number of columns, words that are not numbered from 1, a range over
            words that are not there, heads that are no tree, or forms that do not spell the text,
            with file and line.

    Source: Universal Dependencies, CoNLL-U Format; for trees: Zeman et al. (2018), CoNLL 2018
    Shared Task, section 4.
    """
    sentences = list(_sentences(spec))
    if not sentences:
        raise CorpusError("has no word", file=spec.text, remedy="check that it is CoNLL-U")
    tag = _COLUMN[one_of(spec, "tags", tuple(_COLUMN))]
    columns: dict[str, list[Any]] = {
        "words": [[cells[1] for cells in s.cells] for s in sentences],
        "tags": [_known(s, tag, spec) for s in sentences],
    }
    if "heads" in shape.columns:
        columns["features"] = [[cells[5] for cells in s.cells] for s in sentences]
        columns["relations"] = [_known(s, 7, spec) for s in sentences]
        columns["heads"] = [_heads(s, spec) for s in sentences]
        columns["surface"] = [[told for _, told in s.surface] for s in sentences]
    if ids := sentence_ids(spec, [(s.lines[0], s.comments) for s in sentences]):
        columns["id"] = ids
    return Found(columns, [s.lines[0] for s in sentences], [s.lines for s in sentences])


def _sentences(spec: Spec) -> Iterator[_Sentence]:
    now, empty = _Sentence({}, [], [], []), 0
    for number, line in numbered_lines(one_file(spec), spec.notes):
        if not line.strip():
            if now.cells:
                yield _checked(now, spec)
            elif now.surface:
                raise _error(spec, number, "a range of words without words")
            now = _Sentence({}, [], [], [])
        elif line.startswith("#") and not now.cells:
            key, value = comment_of(line)
            now.comments[key] = value
        elif _EMPTY_NODE.match(line):
            empty += 1
        else:
            _add(now, number, line, spec)
    if now.cells:
        yield _checked(now, spec)
    if empty:
        spec.note(f"{empty} empty nodes were left out")


def _error(spec: Spec, line: int, message: str, remedy: str = "fix the line") -> CorpusError:
    return CorpusError(message, file=spec.text, line=line, remedy=remedy)


def _add(now: _Sentence, number: int, line: str, spec: Spec) -> None:
    cells = line.split("\t")
    if len(cells) != _WIDTH:
        columns = "1 column" if len(cells) == 1 else f"{len(cells)} columns"
        raise _error(spec, number, f"has {columns} where {_WIDTH} are expected")
    last = len(now.cells)
    if span := re.fullmatch(r"(\d+)-(\d+)", cells[0]):
        first, end = int(span[1]), int(span[2])
        before = now.surface[-1][1]["last"] if now.surface else 0
        if first != last + 1 or end < first or first <= before:
            raise _error(spec, number, f"the range {cells[0]} does not begin at word {last + 1}")
        now.surface.append((number, {"first": first, "last": end, "form": cells[1]}))
    elif cells[0] != str(last + 1):
        raise _error(spec, number, f"the word is numbered {cells[0]!r}, not {last + 1}")
    else:
        now.lines.append(number)
        now.cells.append(cells)


def _checked(now: _Sentence, spec: Spec) -> _Sentence:
    for line, told in now.surface:
        if told["last"] > len(now.cells):
            raise _error(
                spec, line, f"the range {told['first']}-{told['last']} leaves the sentence of "
                f"{len(now.cells)} words",
            )  # fmt: skip
    if text := now.comments.get("text"):
        _check_text(now, text, spec)
    return now


def _check_text(now: _Sentence, text: str, spec: Spec) -> None:
    """The forms must spell the text; spaces are told by neither reliably and do not count."""
    bare, at = "".join(text.split()), 0
    for line, form in _forms(now):
        spelt = "".join(form.split())
        if not bare.startswith(spelt, at):
            raise _error(
                spec, line, f"the form {form!r} is not next in the text: {bare[at : at + 20]!r}",
                "correct the form or `# text`",
            )  # fmt: skip
        at += len(spelt)
    if at < len(bare):
        raise _error(
            spec, now.lines[-1], f"the text goes on after the last form: {bare[at : at + 20]!r}",
            "add the words or correct `# text`",
        )  # fmt: skip


def _forms(now: _Sentence) -> Iterator[tuple[int, str]]:
    """What is written, with its line: a range in place of its words."""
    ranges = {told["first"]: (line, told) for line, told in now.surface}
    inside = 0
    for number, (line, cells) in enumerate(zip(now.lines, now.cells, strict=True), 1):
        if number in ranges:
            line, told = ranges[number]
            inside = told["last"]
            yield line, told["form"]
        elif number > inside:
            yield line, cells[1]


def _known(now: _Sentence, column: int, spec: Spec) -> list[str] | None:
    """A column, None where it has nothing but `_`."""
    told = [cells[column] for cells in now.cells]
    absent = [at for at, value in enumerate(told) if value == "_"]
    if len(absent) == len(told) and column != _COLUMN["feats"]:
        return None
    if absent and column in (3, 7):
        raise _error(spec, now.lines[absent[0]], f"column {column + 1} is not filled in")
    return told


def _heads(now: _Sentence, spec: Spec) -> list[int] | None:
    told = [cells[6] for cells in now.cells]
    if all(head == "_" for head in told):
        return None
    for line, head in zip(now.lines, told, strict=True):
        if not re.fullmatch(r"\d+", head) or int(head) > len(told):
            raise _error(spec, line, f"the head {head!r} is none of {len(told)} words nor 0")
    heads = [int(head) for head in told]
    roots = [at for at, head in enumerate(heads) if head == 0]
    if len(roots) != 1:
        where = now.lines[roots[1]] if roots else now.lines[0]
        raise _error(spec, where, f"{len(roots)} words have the head 0, not one")
    fine: set[int] = {0}
    for start in range(1, len(heads) + 1):
        path, at = [], start
        while at not in fine:
            if at in path:
                raise _error(spec, now.lines[at - 1], f"the heads of word {at} lead back to it")
            path.append(at)
            at = heads[at - 1]
        fine.update(path)
    return heads

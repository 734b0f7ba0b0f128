"""Mixtures of labelled text: rows whose class is known, words whose tags are."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import FilePath

from isogloss.corpus.text_files import column_at, read_cells
from isogloss.encode.tokens import RustTokenizer
from isogloss.encode.words import Split
from isogloss.errors import CorpusError, TrainingError
from isogloss.language import read_language
from isogloss.language.segment import words
from isogloss.registry import register
from isogloss.settings import Count, NotNegative
from isogloss.train.batch import UNKNOWN, Texts, stack_texts
from isogloss.train.material import Material
from isogloss.train.mixtures.shares import AS_THERE_IS, Plan, Sampling, planned

Labelled = tuple[np.ndarray, np.ndarray]
"""Ids of a text, and the number of its label, or of the tag of each of its tokens."""


@dataclass
class LabelledText:
    """Texts with their labels, drawn anew each batch.

    Attributes:
        rows: by language.
        plan: of languages over time.
        column: `label`, one a row, or `tag`, one a token.
        names: of the labels, by number.
        numbers: of the languages, in the column `language`.
    """

    rows: Mapping[str, Sequence[Labelled]]
    plan: Plan
    column: Literal["label", "tag"]
    names: Sequence[str]
    numbers: Mapping[str, int]

    def batch(self, seed: int, step: int) -> Texts:
        """One view with the column."""
        tags, chosen = self.plan.draw(self.rows, np.random.default_rng([seed, step]), step)
        ids, known = zip(*chosen, strict=True)
        kind = "rows" if self.column == "label" else "tokens"
        return stack_texts(
            [ids], [tags], self.numbers, **{kind: {self.column: np.concatenate(known)}}
        )


def read_labels(file: Path, key: str, value: str) -> dict[str, str]:
    """What stands beside each row id in a TSV with a header.

    Raises:
        CorpusError: a column that is not there, an id twice with different values, or nothing.
    """
    header, *rows = read_cells(file)
    at, of = (column_at(name, header, len(header), file) for name in (key, value))
    found: dict[str, str] = {}
    for line, row in enumerate(rows, 2):
        if found.setdefault(row[at], row[of]) != row[of]:
            raise CorpusError(
                f"the id {row[at]!r} has the labels {found[row[at]]!r} and {row[of]!r}", file=file,
                line=line, remedy="give each row one label",
            )  # fmt: skip
    if not any(found.values()):
        raise CorpusError("has no label", file=file, remedy="write an id and a label a line")
    return {row_id: label for row_id, label in found.items() if label}


@register("mixture", "labelled.v1")
def labelled(
    material: Material,
    *,
    text: str,
    labels: FilePath,
    key: str = "id",
    value: str = "label",
    languages: tuple[str, ...] = (),
    batch: Count = 32,
    alpha: NotNegative = 1.0,
    longest: Count | None = None,
    sampling: Sampling = AS_THERE_IS,
) -> LabelledText:
    """Rows of a text with their label, the same in every language of a row.

    Labels are numbered in the order of their names. Rows without one are left out and told.

    Args:
        material: of the run.
        text: the corpus.
        labels: a TSV with a header, a row id and its label a line.
        key: the column of ids.
        value: the column of labels.
        languages: that are read, all by default; the pivot alone is zero-shot transfer.
        batch: texts in a batch.
        alpha: of p_l ~ n_l^alpha, by which a text's language is drawn.
        longest: rows of more tokens are left out, the model's window by default.
        sampling: shares of languages that are not, or not always, by `alpha`.

    Raises:
        TrainingError: no row has a label.
    """
    known, corpus = read_labels(labels, key, value), material.corpus(text)
    names = sorted(set(known.values()))
    number = {name: np.array([place]) for place, name in enumerate(names)}
    ids, found = _ids(material, text), {}
    for tag in map(str, corpus.resolve(languages) if languages else corpus.languages):
        rows = zip(ids, material.ids(corpus.texts(tag)), strict=True)
        found[tag] = [
            (cut, number[known[one]]) if one in known else None
            for one, cut in rows
            if cut is not None
        ]
    kept = _kept(material, text, found, longest)
    material.note(f"{text}: {len(names)} classes in this order: {', '.join(names)}")
    there, plan = planned(material, text, kept, sampling, alpha=alpha, size=batch)
    return LabelledText(there, plan, "label", names, material.numbers)


@register("mixture", "tagged.v1")
def tagged(
    material: Material,
    *,
    text: str,
    tags: dict[str, FilePath],
    key: str = "id",
    value: str = "tags",
    batch: Count = 32,
    alpha: NotNegative = 1.0,
    longest: Count | None = None,
    sampling: Sampling = AS_THERE_IS,
) -> LabelledText:
    """Rows of a text with a tag for each of their words, which the first token of a word has.

    Words are those between spaces, and letters in scripts without; `_` is a word without a tag.
    Tags are numbered in the order of their names. Rows without tags are left out and told.

    Args:
        material: of the run.
        text: the corpus.
        tags: by language, a TSV with a header, a row id and the tags of its words a line, with
            spaces between them.
        key: the column of ids.
        value: the column of tags.
        batch: texts in a batch.
        alpha: of p_l ~ n_l^alpha, by which a text's language is drawn.
        longest: rows of more tokens are left out, the model's window by default.
        sampling: shares of languages that are not, or not always, by `alpha`.

    Raises:
        CorpusError: another number of tags than words.
        TrainingError: no row has tags.
    """
    corpus, ids = material.corpus(text), _ids(material, text)
    known = {
        str(corpus.resolve([tag])[0]): (file, read_labels(file, key, value))
        for tag, file in tags.items()
    }
    each = {t for _, rows in known.values() for line in rows.values() for t in line.split()}
    names = sorted(each - {"_"})
    number = {"_": UNKNOWN} | {name: place for place, name in enumerate(names)}
    tokenizer = RustTokenizer(material.tokenizer, material.longest, None)
    found = {}
    for tag, (file, rows) in known.items():
        there = [(i, t) for i, t in zip(ids, corpus.texts(tag), strict=True) if t]
        script = read_language(tag).script
        said = [words(t.lower() if material.lower else t, script) for _, t in there]
        given = [[number[name] for name in rows.get(i, "").split()] for i, _ in there]
        for (row_id, _), line, marks in zip(there, said, given, strict=True):
            if marks and len(marks) != len(line):
                raise CorpusError(
                    f"row {row_id!r} has {len(line)} words in {tag} and {len(marks)} tags",
                    file=file, remedy="give a tag for each word, _ where there is none",
                )  # fmt: skip
        cut = zip(tokenizer.split(said), given, strict=True)
        found[tag] = [_marked(one, marks) for one, marks in cut]
    kept = _kept(material, text, found, longest)
    material.note(f"{text}: {len(names)} tags in this order: {', '.join(names)}")
    there, plan = planned(material, text, kept, sampling, alpha=alpha, size=batch)
    return LabelledText(there, plan, "tag", names, material.numbers)


def _marked(cut: Split, marks: Sequence[int]) -> Labelled | None:
    """The tokens of a text with the tag of a word on its first token; None if none has one."""
    if not marks or not len(cut.ids):
        return None
    first = np.append(True, np.diff(cut.words) > 0)
    told = np.where(first, np.array(marks, np.int64)[cut.words], UNKNOWN)
    return (cut.ids.astype(np.int64), told) if (told != UNKNOWN).any() else None


def _kept(
    material: Material,
    text: str,
    rows: Mapping[str, Sequence[Labelled | None]],
    longest: int | None,
) -> dict[str, list[Labelled]]:
    """The rows that have labels and fit the window; the others are told."""
    limit = min(longest or material.longest, material.longest)
    found = {}
    for tag, every in rows.items():
        useful = [row for row in every if row is not None]
        found[tag] = [row for row in useful if len(row[0]) <= limit]
        for lost, why in (
            (len(every) - len(useful), "without a label"),
            (len(useful) - len(found[tag]), f"over {limit} tokens"),
        ):
            if lost:
                material.note(f"{text}: {lost} rows of {tag} {why} were not trained on")
    if not any(found.values()):
        raise TrainingError(
            f"{text}: no row has a label", remedy="check that the ids are those of the text"
        )
    return found


def _ids(material: Material, text: str) -> list[str]:
    """The row ids as the labels know them, without the number of a copy."""
    ids = material.corpus(text).ids
    copied = text in material.originals
    return [re.sub(r" \(\d+\)$", "", one) for one in ids] if copied else ids

"""Labelled examples of one language: Arrow tables of a shape that their task knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from isogloss.errors import CorpusError
from isogloss.files import fingerprint
from isogloss.language import read_language

if TYPE_CHECKING:
    import pyarrow as pa


class Shape(NamedTuple):
    """The columns of examples, each with its Arrow type as text.

    Attributes:
        name: for people.
        columns: besides `id`, which is a string of its own in every row.
        labels: those of them that only people or a model can fill in; null where unknown.
        optional: those that may be left out as a whole.
    """

    name: str
    columns: Mapping[str, str]
    labels: tuple[str, ...]
    optional: tuple[str, ...] = ()


TEXT = Shape(
    "text with a label", {"text": "string", "second": "string", "label": "string"},
    labels=("label",), optional=("second",),
)  # fmt: skip
"""`second` is the other text of a pair, as premise and hypothesis."""
TEXTS = Shape(
    "text with any number of labels", {"text": "string", "labels": "list<string>"}, ("labels",)
)
WORDS = Shape(
    "words with tags", {"words": "list<string>", "tags": "list<string>"}, labels=("tags",)
)
INTENTS = Shape(
    "words with slots, and an intent",
    {"words": "list<string>", "tags": "list<string>", "label": "string"}, labels=("tags", "label"),
)  # fmt: skip
TREES = Shape(
    "words with their heads",
    {
        "words": "list<string>", "tags": "list<string>", "features": "list<string>",
        "heads": "list<int32>", "relations": "list<string>",
        "surface": "list<struct<first: int32, last: int32, form: string>>",
    },
    labels=("tags", "features", "heads", "relations"), optional=("surface",),
)  # fmt: skip
"""CoNLL-U: `tags` are UPOS, `features` the sixth column, a head is a word's number or 0, and
`surface` has the written forms of several words from `first` to `last`, counted from 1."""
ANSWERS = Shape(
    "questions with their answers in a text",
    {
        "context": "string", "question": "string", "title": "string",
        "answers": "list<struct<text: string, start: int32>>",
    },
    labels=("answers",), optional=("title",),
)  # fmt: skip
"""`start` counts characters of `context` from 0; no answer at all means that there is none."""
PAIRS = Shape(
    "two texts and how alike they are",
    {"text": "string", "second": "string", "score": "double"}, labels=("score",),
)  # fmt: skip
CHOICES = Shape(
    "a text and what may follow it",
    {"text": "string", "choices": "list<string>", "label": "int32"}, labels=("label",),
)  # fmt: skip
"""`label` is the place of the right choice from 0."""
TRANSLATIONS = Shape(
    "text with its translation",
    {"text": "string", "to": "string", "translation": "string"}, labels=("translation",),
)  # fmt: skip
"""`to` is the canonical tag of the language of `translation`."""
LINKS = Shape(
    "translations with links between their words",
    {
        "source": "list<string>", "target": "list<string>",
        "sure": "list<list<int32>>", "possible": "list<list<int32>>",
    },
    labels=("sure", "possible"),
)  # fmt: skip
"""A link is a word of `source` and one of `target`, from 0; `possible` has the sure ones too."""
QUERIES = Shape(
    "queries with what answers them", {"text": "string", "relevant": "list<string>"}, ("relevant",)
)
"""`relevant` are ids of a collection, which is a `Corpus`."""


@dataclass(frozen=True)
class Examples:
    """Examples of one language and one split, the same for every task.

    Attributes:
        name: of the data set, such as `sib200`.
        language: canonical tag.
        split: `train`, `dev`, `test`, or what their maker calls it.
        shape: what the columns are.
        table: `id` and the columns of the shape.
        source: the path or name they were read from, as the user gave it.
        licence: as the user or the suite gave it.
        notes: what the reader decided or noticed, in sentences.
        dropped: counts of examples that were left out, by reason.
        to: of one direction among several, the canonical tag of the language translated into.
    """

    name: str
    language: str
    split: str
    shape: Shape
    table: pa.Table
    source: str = ""
    licence: str | None = None
    notes: tuple[str, ...] = ()
    dropped: Mapping[str, int] = field(default_factory=dict)
    to: str = ""

    def __len__(self) -> int:
        return self.table.num_rows

    def __repr__(self) -> str:
        return f"Examples({self.name!r}, {self.tag}, {self.split}, {len(self)} rows)"

    @property
    def tag(self) -> str:
        """What they are told apart by: their language, or a direction, `deu_Latn-spa_Latn`."""
        return f"{self.language}-{self.to}" if self.to else self.language

    @cached_property
    def ids(self) -> list[str]:
        """One a row, each its own."""
        return self.table.column("id").to_pylist()

    def column(self, name: str) -> list[Any]:
        """One value a row; all None where an optional column was left out.

        Raises:
            CorpusError: the shape has no such column.
        """
        if name not in self.shape.columns:
            raise CorpusError(f"{self.shape.name} has no column {name!r}", file=self.source)
        if name not in self.table.column_names:
            return [None] * len(self)
        return self.table.column(name).to_pylist()

    def take(self, rows: Sequence[int]) -> Examples:
        """These rows, in this order."""
        return replace(self, table=self.table.take(list(rows)))

    def sealed(self) -> Examples:
        """The same without labels: what a model may see of a test."""
        return self.having({name: [None] * len(self) for name in self.shape.labels})

    def told(self, values: Sequence[Any]) -> Examples:
        """The same rows with guessed values as their labels, None where there is none.

        Of a shape with several labels a value has each by its name.
        """
        names = self.shape.labels
        if len(names) == 1:
            return self.having({names[0]: values})
        return self.having({name: [one and one[name] for one in values] for name in names})

    def having(self, columns: Mapping[str, Sequence[Any]], **about: Any) -> Examples:
        """The same rows with other values in some columns, and other fields of `Examples`."""
        ids = {"id": self.ids}
        own = {name: self.column(name) for name in self.shape.columns}
        made = _table(self.shape, {**ids, **own, **columns}, self.source)
        return replace(self, table=made, **about)

    @cached_property
    def fingerprint(self) -> str:
        """16 hex digits that name language, shape, ids, texts and labels."""
        return fingerprint(self.language, self.shape.name, self.table.to_pydict())


def make_examples(
    name: str, language: str, shape: Shape, columns: Mapping[str, Sequence[Any]], **about: Any
) -> Examples:
    """Examples from plain lists: `make_examples("mine", "deu", TEXT, {"text": [...], ...})`.

    Args:
        name: of the data set.
        language: any spelling of a tag.
        shape: what the columns are.
        columns: a list a column, all of one length; rows are numbered from 1 without `id`, and a
            label that is left out is not known.
        about: the other fields of `Examples`; `split` is `train` by default.

    Raises:
        CorpusError: unequal lengths, no row, an id twice, a column that is missing or unknown, or a
            value of another type.
    """
    source = str(about.get("source", ""))
    if unknown := set(columns) - {"id", *shape.columns}:
        raise CorpusError(
            f"{shape.name} has no column {', '.join(sorted(unknown))}", file=source or None,
            remedy=f"it has id, {', '.join(shape.columns)}",
        )  # fmt: skip
    lengths = {key: len(values) for key, values in columns.items()}
    rows = max(lengths.values(), default=0)
    if not rows or len(set(lengths.values())) > 1:
        raise CorpusError(
            f"columns of unequal length: {lengths}" if rows else "no example",
            file=source or None, remedy="give each example a value in every column",
        )  # fmt: skip
    ids = list(columns.get("id") or map(str, range(1, rows + 1)))
    seen: dict[str, int] = {}
    for row, one in enumerate(ids, 1):
        if not str(one or "").strip() or seen.setdefault(one, row) != row:
            raise CorpusError(
                f"row {row} has no id" if not str(one or "").strip()
                else f"the id {one!r} occurs twice, in rows {seen[one]} and {row}",
                file=source or None, remedy="give every example an id of its own",
            )  # fmt: skip
    told: dict[str, Sequence[Any]] = {key: [None] * rows for key in shape.labels}
    told |= {**columns, "id": ids}
    if missing := set(shape.columns) - set(told) - set(shape.optional):
        raise CorpusError(
            f"{shape.name} needs {', '.join(sorted(missing))}", file=source or None,
            remedy="name the column, or another task",
        )  # fmt: skip
    about = {"split": "train", **about}
    return Examples(name, str(read_language(language)), shape=shape,
                    table=_table(shape, told, source), **about)  # fmt: skip


def _table(shape: Shape, columns: Mapping[str, Sequence[Any]], source: str) -> pa.Table:
    import pyarrow as pa

    kinds = {"id": "string", **shape.columns}
    made = {}
    for name, kind in kinds.items():
        values = columns.get(name)
        if values is None or (name in shape.optional and all(v is None for v in values)):
            continue
        try:
            made[name] = pa.array(values, arrow_type(kind))
        except (pa.ArrowInvalid, pa.ArrowTypeError, UnicodeEncodeError) as error:
            raise CorpusError(
                f"the column {name!r} is not {kind}: {error}", file=source or None,
                remedy="check the values of that column",
            ) from None  # fmt: skip
    return pa.table(made)


def arrow_type(kind: str) -> pa.DataType:
    """The Arrow type that a text such as `list<string>` names."""
    import pyarrow as pa

    plain = {"string": pa.string(), "int32": pa.int32(), "double": pa.float64()}
    if kind in plain:
        return plain[kind]
    outer, _, inner = kind.removesuffix(">").partition("<")
    if outer == "list":
        return pa.list_(arrow_type(inner))
    fields = (one.split(": ") for one in inner.split(", "))
    return pa.struct([(name, arrow_type(inside)) for name, inside in fields])

"""A corpus: text that knows its language.

A parallel corpus is n-way. It is an Arrow table with an `id` column and one text column a
language, named by the canonical tag. A missing cell is null, never an empty string.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from isogloss.errors import CorpusError, UnknownLanguage
from isogloss.files import fingerprint, fingerprint_texts
from isogloss.language import Language, resolve

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Corpus:
    """N-way parallel text.

    Attributes:
        name: short name for people, such as `ntrex128`.
        table: columns `id` (string, unique, not null) and one nullable string column a language.
        source: the path or name it was read from, as the user gave it.
        licence: the licence as the user or the data's index gave it.
        notes: what the reader decided or noticed, in sentences.
        dropped: counts of rows left out while reading, by reason.
        format: in which it was written, such as `tmx.v1`.
    """

    name: str
    table: pa.Table
    source: str = ""
    licence: str | None = None
    notes: tuple[str, ...] = ()
    dropped: Mapping[str, int] = field(default_factory=dict)
    format: str = ""

    def __len__(self) -> int:
        return self.table.num_rows

    def __repr__(self) -> str:
        return f"Corpus({self.name!r}, {len(self)} rows, {len(self.languages)} languages)"

    @cached_property
    def languages(self) -> tuple[Language, ...]:
        """The languages in the order of the columns."""
        from isogloss.language import read_language

        return tuple(read_language(name) for name in self.table.column_names if name != "id")

    @property
    def sniffed(self) -> str:
        """What it was read as, in a sentence."""
        there = ", ".join(map(str, self.languages[:4])) + (" ..." if self.languages[4:] else "")
        return f"{self.source}: {self.format}, {len(self):,} rows of {there}"

    @cached_property
    def ids(self) -> list[str]:
        """The row ids in order."""
        return self.table.column("id").to_pylist()

    def texts(self, language: Language | str) -> list[str | None]:
        """The texts of one language, one entry a row; None where it is missing."""
        return self.table.column(str(self.resolve([language])[0])).to_pylist()

    def resolve(self, wanted: Iterable[Language | str]) -> list[Language]:
        """The corpus's own languages that the wanted tags mean.

        Raises:
            UnknownLanguage: a language that the corpus does not have; the message lists near ones.
        """
        return resolve([str(tag) for tag in wanted], self.languages)

    def two(self, wanted: Sequence[Language | str] = ()) -> list[Language]:
        """Source and target: those that are wanted, or all that there are.

        Raises:
            UnknownLanguage: as `resolve`.
            CorpusError: there are fewer or more than two.
        """
        found = self.resolve(wanted) if wanted else list(self.languages)
        if len(found) != 2:
            raise CorpusError(
                f"pairs are of 2 languages; there are {len(found)}",
                file=self.source,
                remedy="name source and target, such as --languages deu,eng",
            )
        return found

    def keep(self, languages: Sequence[Language | str]) -> Corpus:
        """The same rows with these languages only."""
        names = [str(language) for language in self.resolve(languages)]
        return replace(self, table=self.table.select(["id", *names]))

    def take(self, rows: Sequence[int], name: str | None = None) -> Corpus:
        """These rows, in this order."""
        return replace(self, table=self.table.take(list(rows)), name=name or self.name)

    def split(self, held_out: int) -> tuple[Corpus, Corpus]:
        """All rows but the last `held_out`, and the last `held_out`.

        Raises:
            CorpusError: fewer than 2 rows would be left on either side.
        """
        kept = len(self) - held_out
        if kept < 2 or held_out < 2:
            raise CorpusError(
                f"cannot keep {held_out} of {len(self)} rows apart: both sides need at least 2",
                file=self.source,
                remedy="ask for fewer held-out rows",
            )
        rest = self.table.slice(kept)
        return (
            replace(self, table=self.table.slice(0, kept)),
            replace(self, table=rest, name=f"{self.name}-last{held_out}"),
        )

    def column_fingerprint(self, language: Language | str) -> str:
        """16 hex digits that name the texts of one language."""
        return fingerprint_texts(self.texts(language))

    @cached_property
    def fingerprint(self) -> str:
        """16 hex digits that name ids, languages and texts."""
        return fingerprint(
            fingerprint_texts(self.ids),
            {str(language): self.column_fingerprint(language) for language in self.languages},
        )


def make_corpus(
    name: str,
    ids: Sequence[str],
    texts: Mapping[Any, Any],
    **about: Any,
) -> Corpus:
    """A corpus from plain lists: `make_corpus("mine", ids, {"deu_Latn": [...], ...})`.

    An empty or blank text becomes null.

    Args:
        name: short name for people.
        ids: one a row, each its own.
        texts: by language or tag, a list or an Arrow column of texts, None where one is missing.
        about: the other fields of `Corpus`; and `least`, how many rows there must be, by default 2.

    Raises:
        CorpusError: unequal lengths, duplicate or blank ids, too few rows, no language, or a
            text that holds a NUL or half a surrogate pair.
        UnknownLanguage: a language tag that does not exist.
    """
    import pyarrow as pa

    from isogloss.language import read_language

    source, least = str(about.get("source", "")) or None, about.pop("least", 2)
    if not texts:
        raise CorpusError(
            "no language in the corpus",
            file=source,
            remedy="name columns or files by language tags, such as deu or eng_Latn",
        )
    for tag, column in texts.items():
        if len(column) != len(ids):
            raise CorpusError(
                f"{tag} has {len(column)} texts for {len(ids)} ids",
                file=source,
                remedy="n-way text needs one line a sentence in every language, empty if missing",
            )
    if len(ids) < least:
        rows = "1 row" if len(ids) == 1 else f"{len(ids)} rows"
        alone = ": one row cannot be compared with anything" if least > 1 else ""
        raise CorpusError(
            f"{rows}; at least {least} {'is' if least == 1 else 'are'} needed",
            file=source,
            remedy=f"give more text{alone}",
        )
    _check_ids(ids, source)
    columns: dict[str, pa.Array] = {"id": pa.array(list(ids), pa.string())}
    for tag, column in texts.items():
        canonical = str(read_language(str(tag)))
        if canonical in columns:
            raise UnknownLanguage(f"{canonical} is given twice ({tag} is one of them)", file=source)
        columns[canonical] = _cells(column, canonical, source)
    return Corpus(name, pa.table(columns), **about)


# What `str.isspace` calls white space, so that a blank text means the same in Arrow and Python.
_BLANK = "".join(chr(code) for code in range(0x3001) if chr(code).isspace())


def _check_ids(ids: Sequence[str], source: str | None) -> None:
    if len(set(ids)) == len(ids) and all(i and not i.isspace() for i in ids):
        return
    seen: dict[str, int] = {}
    for row, row_id in enumerate(ids, 1):
        first = seen.setdefault(row_id, row)
        if first != row or not row_id.strip():
            raise CorpusError(
                f"the id {row_id!r} occurs twice, in rows {first} and {row}"
                if row_id.strip()
                else f"row {row} has no id",
                file=source,
                remedy="give every row an id of its own",
            )


def _cells(column: Any, tag: str, source: str | None) -> Any:
    """The Arrow column of some texts, null where one is blank."""
    import pyarrow as pa
    from pyarrow import compute

    pc: Any = compute  # its functions are made at import, where no checker sees them
    try:
        arrow = isinstance(column, pa.ChunkedArray | pa.Array)
        texts = column if arrow else pa.array(column, pa.string())
    except (UnicodeEncodeError, pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise CorpusError(
            f"a text of {tag} is not a string of Unicode characters: {error}",
            file=source,
            remedy="repair the text; every cell must be a string or null",
        ) from None
    if pc.any(pc.match_substring(texts, "\0")).as_py():
        row = pc.index(pc.match_substring(texts, "\0"), True).as_py() + 1
        raise CorpusError(
            f"the text of {tag} in row {row} holds a NUL",
            file=source,
            remedy="remove the NUL; the text was probably damaged on the way",
        )
    blank = pc.equal(pc.utf8_trim(texts, characters=_BLANK), "")
    return pc.if_else(blank, pa.scalar(None, pa.string()), texts)

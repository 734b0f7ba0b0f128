"""A corpus: text that knows its language.

A parallel corpus is n-way. It is an Arrow table with an `id` column and one text column a
language, named by the canonical tag. A missing cell is null, never an empty string.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

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
    """

    name: str
    table: pa.Table
    source: str = ""
    licence: str | None = None
    notes: tuple[str, ...] = ()
    dropped: Mapping[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return self.table.num_rows

    def __repr__(self) -> str:
        return f"Corpus({self.name!r}, {len(self)} rows, {len(self.languages)} languages)"

    @cached_property
    def languages(self) -> tuple[Language, ...]:
        """The languages in the order of the columns."""
        from isogloss.language import read_language

        return tuple(read_language(name) for name in self.table.column_names if name != "id")

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
    texts: Mapping[Language | str, Sequence[str | None]],
    **about: object,
) -> Corpus:
    """A corpus from plain lists: `make_corpus("mine", ids, {"deu_Latn": [...], ...})`.

    An empty or blank text becomes null. `about` sets the other fields of `Corpus`.

    Raises:
        CorpusError: unequal lengths, duplicate ids, fewer than 2 rows, or no language.
        UnknownLanguage: a language tag that does not exist.
    """
    import pyarrow as pa

    from isogloss.language import read_language

    source = str(about.get("source", "")) or None
    if not texts:
        raise CorpusError("no language in the corpus", file=source)
    for tag, column in texts.items():
        if len(column) != len(ids):
            raise CorpusError(
                f"{tag} has {len(column)} texts for {len(ids)} ids",
                file=source,
                remedy="n-way text needs one line a sentence in every language, empty if missing",
            )
    if len(ids) < 2:
        raise CorpusError(f"{len(ids)} rows; at least 2 are needed", file=source)
    if len(set(ids)) != len(ids):
        seen: set[str] = set()
        twice = next(i for i in ids if i in seen or seen.add(i))
        raise CorpusError(f"the id {twice!r} occurs twice", file=source)
    columns: dict[str, pa.Array] = {"id": pa.array(list(ids), pa.string())}
    for tag, column in texts.items():
        canonical = str(read_language(str(tag)))
        if canonical in columns:
            raise UnknownLanguage(f"{canonical} is given twice ({tag} is one of them)", file=source)
        cells = [text if text and text.strip() else None for text in column]
        columns[canonical] = pa.array(cells, pa.string())
    return Corpus(name, pa.table(columns), **about)  # type: ignore[arg-type]

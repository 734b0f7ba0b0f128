"""Translations on disk, so that a text is translated once, and a broken run goes on.

One file a direction, `<folder>/<fingerprint>/<source>-<target>.jsonl`, a line a text. Lines are
only ever added, under a lock. What a process left half-written when it died stands on a line of its
own, which no one reads. Any number of processes may share the folder: what another has written is
read before each batch, and of two translations of a text the first one counts for all.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from isogloss.encode.cache import cache_root
from isogloss.errors import OutputError
from isogloss.task.translate.check import BLANK, Check, Watch, findings
from isogloss.task.translate.contract import (
    Spent,
    Told,
    Translator,
    batch_of,
    calls_of,
    check_texts,
    pair,
    told_of,
)


class Row(NamedTuple):
    """A translation, and its share of what its batch cost."""

    translation: str
    told: Told
    calls: float
    seconds: float


class Shelf:
    """The translations of one file.

    Args:
        path: of the file, which need not be there.

    Attributes:
        rows: by text.
        damaged: lines that could not be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: dict[str, Row] = {}
        self.damaged = 0
        self._read = 0  # bytes

    def refresh(self) -> None:
        """Read whole lines that were added since.

        Raises:
            OutputError: they cannot be read.
        """
        try:
            with self.path.open("rb") as file:
                file.seek(self._read)
                fresh = file.read()
        except FileNotFoundError:
            return
        except OSError as error:
            raise self._trouble("read", error) from error
        whole, end, _ = fresh.rpartition(b"\n")
        self._read += len(whole) + len(end)
        for line in whole.split(b"\n") if end else ():
            self._take(line)

    def _take(self, line: bytes) -> None:
        if not line:
            return
        try:
            told = json.loads(line)
            row = Row(str(told["translation"]), dict(told["told"]), float(told["calls"]),
                      float(told["seconds"]))  # fmt: skip
            self.rows.setdefault(str(told["text"]), row)
        except (ValueError, KeyError, TypeError):
            self.damaged += 1

    def add(self, made: dict[str, Row]) -> None:
        """Write rows with a translation, but none of a text that another process was first with.

        Raises:
            OutputError: they cannot be written.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("ab") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                self.refresh()
                lines = [
                    json.dumps({"text": text, **row._asdict()}).encode()
                    for text, row in made.items()
                    if text not in self.rows and row.translation.strip()
                ]
                # A process that died while it wrote left a line without an end.
                ragged = os.fstat(file.fileno()).st_size > self._read
                file.write(b"\n" * ragged + b"".join(line + b"\n" for line in lines))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise self._trouble("written", error) from error
        self.refresh()
        for text, row in made.items():
            self.rows.setdefault(text, row)

    def _trouble(self, what: str, error: OSError) -> OutputError:
        return OutputError(
            f"the cache of translations cannot be {what}: {error.strerror or error}",
            file=self.path, remedy="free some space, or name another folder",
        )  # fmt: skip


class Cached:
    """A translator that keeps what it did; see the top of the file.

    Blank texts are not sent and stay empty. The same text is sent once. An empty translation is not
    kept, so that the next run asks for it again.

    Args:
        translator: any.
        folder: of the cache, shared by translators.
        check: what is looked at in every batch, before it is kept, and in what is there.

    Attributes:
        told: what became of each text of the last call, by the translator and by the check.
        spent: on all texts so far.
        last: on the texts of the last call, each once; of those that were there already what they
            cost when they were made.
        sent: calls of the translator by this process.
    """

    def __init__(self, translator: Translator, folder: Path, check: Check) -> None:
        self.inner, self.folder, self.check = translator, folder, check
        self.name, self.fingerprint = translator.name, translator.fingerprint
        self.batch = batch_of(translator)
        self.told: list[Told] = []
        self.spent, self.last, self.sent = Spent(), Spent(), 0
        self._watch = Watch(self.name, check)
        self._shelves: dict[tuple[str, str], Shelf] = {}
        self._counted: set[tuple[str, str, str]] = set()

    @property
    def damaged(self) -> int:
        """Lines of the cache that were half-written, and are not used."""
        return sum(shelf.damaged for shelf in self._shelves.values())

    def translate(
        self,
        texts: Sequence[str],
        source: str,
        target: str,
        *,
        progress: Callable[[int], None] | None = None,
    ) -> list[str]:
        """See `Translator`; what is done is kept after each batch.

        Args:
            texts: any texts.
            source: their language.
            target: the other language.
            progress: called with the number of texts just done, the cached ones at once.

        Raises:
            TranslatorError: of the translator, or as `Watch.see`; a batch that is refused is not
                kept, those before it are.
            OutputError: the cache cannot be written.
        """
        source, target = pair(source, target)
        check_texts(texts)
        shelf = self._shelves.setdefault((source, target), self._shelf(source, target))
        shelf.refresh()
        distinct = list(dict.fromkeys(text for text in texts if text.strip()))
        lacking = [text for text in distinct if text not in shelf.rows]
        if progress:
            progress(len(distinct) - len(lacking))
        mine: set[str] = set()
        for at in range(0, len(lacking), self.batch):
            shelf.refresh()
            part = lacking[at : at + self.batch]
            if todo := [text for text in part if text not in shelf.rows]:
                shelf.add(self._made(todo, source, target))
                mine.update(todo)
            if progress:
                progress(len(part))
        self._count(shelf, distinct, mine, source, target)
        made = [shelf.rows[text].translation if text.strip() else "" for text in texts]
        found = findings(texts, made, target, self.check)
        self.told = [
            Counter(shelf.rows[text].told) + why if text.strip() else {BLANK: 1}
            for text, why in zip(texts, found, strict=True)
        ]
        return made

    def _shelf(self, source: str, target: str) -> Shelf:
        return Shelf(self.folder / self.fingerprint / f"{source}-{target}.jsonl")

    def _made(self, texts: list[str], source: str, target: str) -> dict[str, Row]:
        before, began = calls_of(self.inner), time.perf_counter()
        made = self.inner.translate(texts, source, target)
        seconds = time.perf_counter() - began
        after = calls_of(self.inner)
        calls = 1 if before is None or after is None else after - before
        self.sent += calls
        self._watch.see(texts, made, source, target)
        told = told_of(self.inner, len(texts))
        share = len(texts)
        return {
            text: Row(one, dict(why), calls / share, seconds / share)
            for text, one, why in zip(texts, made, told, strict=True)
        }

    def _count(
        self, shelf: Shelf, texts: Sequence[str], mine: set[str], source: str, target: str
    ) -> None:
        """Add to what was spent, a text once however often it is asked for."""
        fresh = [text for text in texts if (source, target, text) not in self._counted]
        self._counted.update((source, target, text) for text in fresh)
        self.spent = self.spent.and_(_spent(shelf, fresh, mine))
        self.last = _spent(shelf, texts, mine)


def _spent(shelf: Shelf, texts: Sequence[str], mine: set[str]) -> Spent:
    """What different texts cost when they were made; `mine` were made now."""
    rows = [shelf.rows[text] for text in texts]
    return Spent(
        len(texts), sum(map(len, texts)), sum(row.calls for row in rows),
        sum(row.seconds for row in rows), sum(text not in mine for text in texts),
    )  # fmt: skip


def cached(
    translator: Translator, folder: str | Path | None = None, check: Check | None = None
) -> Cached:
    """The translator with a cache.

    Args:
        translator: any.
        folder: of the cache; `translations` in that of `ISOGLOSS_CACHE` without one.
        check: what is looked at in translations; without one the translator's own `check`, and
            `Check()` where it has none.
    """
    root = cache_root() / "translations" if folder is None else Path(folder)
    return Cached(translator, root, check or getattr(translator, "check", None) or Check())

"""The stages of a mining that make vectors and neighbours, each shard a file.

Nothing here holds all vectors. A shard is as many sentences as the memory allows (`shard_rows`);
one of each side is in memory while their neighbours are searched. Vectors are made in parts of one
size whatever the shards are, and cosines of neighbours are summed one by one, so that the pairs do
not depend on the memory.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from isogloss.corpus.records import Corpus
from isogloss.corpus.sentences import (
    NOT_READ,
    Places,
    Sentence,
    Sentences,
    distinct_sentences,
    joined,
    key,
    one_line,
    write_sentences,
)
from isogloss.errors import CorpusError, UsageError
from isogloss.language import Language
from isogloss.match.calibration import plant
from isogloss.match.index import cosine_neighbours
from isogloss.match.mining import merge, rescored
from isogloss.match.neighbours import unit
from isogloss.match.search import Neighbours
from isogloss.progress import Start
from isogloss.recipe.mining_folder import MiningFolder

SIDES = ("source", "target")
PART = 2048  # sentences that are encoded together; a shard is a number of parts
RESERVED = 256 << 20  # bytes for tiles of cosines
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(?:([kmgt])(i?)b?|b)?", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Search:
    """What vectors and neighbours depend on, beside the model and the texts.

    Attributes:
        k: neighbours of each sentence on the other side.
        index: see `match.index`.
        layer: of the model; the last by default.
        pooling: the model's own by default.
        dtype: of the vectors on disk.
        seed: of `ivf` and of the choice of planted pairs.
    """

    k: int = 4
    index: str = "exact"
    layer: int | None = None
    pooling: str | None = None
    dtype: str = "float16"
    seed: int = 0


def memory_bytes(text: str | int) -> int:
    """Bytes of `2GB` (10^9), `512MiB` (2^20) or a plain number.

    Raises:
        UsageError: not an amount.
    """
    match = _SIZE.fullmatch(str(text).strip())
    if not match:
        raise UsageError(f"memory is {text!r}", remedy="write an amount such as 2GB or 512MiB")
    power = "kmgt".find((match[2] or " ").lower()) + 1
    return int(float(match[1]) * (1024 if match[3] else 1000) ** power)


def shard_rows(room: int, width: int, k: int) -> int:
    """Sentences in a shard: (memory - 256 MiB) / (16 d + 64 k) bytes, in whole parts.

    A source and a target shard are in memory as float32, and the one that is searched twice more,
    as the index and laid out for the processor: 16 d bytes a sentence of a shard; beside them 64 k
    of neighbours. The 256 MiB are tiles of cosines.

    Raises:
        UsageError: not enough for a part.
    """
    each = 16 * width + 64 * k
    parts = (room - RESERVED) // (each * PART)
    if parts < 1:
        raise UsageError(
            f"{room / 1e6:,.0f} MB are too little for vectors of width {width}",
            remedy=f"give --memory {-(-(RESERVED + each * PART) // 10**6)}MB or more",
        )
    return int(parts) * PART


def read_texts(
    folder: MiningFolder,
    texts: dict[str, list[Path]],
    known: Corpus | None,
    tags: tuple[Language, Language],
    seed: int,
) -> None:
    """Each side's distinct sentences as one file, the planted ones after the user's own.

    About 100 bytes a sentence of both sides are in memory, to know duplicates by.

    Raises:
        CorpusError: a file that cannot be read, or a side without a sentence.
        UsageError: too few planted pairs.
    """
    names = {side: (f"texts/{side}.txt", f"texts/{side}.npz") for side in SIDES}
    if all(folder.has(name) for both in names.values() for name in both):
        return
    seen: dict[str, set[bytes]] = {side: set() for side in SIDES}
    dropped: dict[str, Counter[str]] = {side: Counter() for side in SIDES}
    places: dict[str, Places] = {}
    notes = [known.sniffed, *known.notes] if known else []
    with ExitStack() as stack:
        files = {side: stack.enter_context(folder.writing(names[side][0])) for side in SIDES}
        for side in SIDES:
            kept = distinct_sentences(texts[side], seen[side], dropped[side], notes)
            places[side] = write_sentences(files[side], kept)
            if not len(places[side].lines):
                raise CorpusError(
                    f"the {side} has no sentence", file=texts[side][0],
                    remedy="give text with a sentence a line",
                )  # fmt: skip
        own = {side: len(places[side].lines) for side in SIDES}
        if known:
            added, folder.state["planted"] = _planted(known, tags, seen, seed)
            for side in SIDES:
                end = int(places[side].offsets[-1])
                more = write_sentences(files[side], added[side], end)
                places[side] = joined(places[side], more)
    for side in SIDES:
        with folder.writing(names[side][1]) as file:
            np.savez(file, **places[side]._asdict())
        folder.enter(*names[side], own=own[side], dropped=dict(dropped[side]))
    folder.state["notes"] = notes
    folder.save()


def _planted(
    known: Corpus, tags: tuple[Language, Language], seen: dict[str, set[bytes]], seed: int
) -> tuple[dict[str, list[Sentence]], dict[str, Any]]:
    """What each side gets of known translations, the number of its pair as its line; and counts.

    Used are pairs with both sides, neither of them in the user's text or there twice.
    """
    dropped: Counter[str] = Counter()
    pairs: list[dict[str, str]] = []
    for both in zip(*(known.texts(tag) for tag in tags), strict=True):
        pair = {side: one_line(text or "") for side, text in zip(SIDES, both, strict=True)}
        keys = {side: key(text) for side, text in pair.items()}
        if not all(pair.values()):
            dropped["missing in one language"] += 1
        elif any(keys[side] in seen[side] for side in SIDES):
            dropped["in the text, or there twice"] += 1
        else:
            pairs.append(pair)
            for side in SIDES:
                seen[side].add(keys[side])
    try:
        chosen = plant(len(pairs), seed=seed)
    except UsageError as error:
        left = "".join(f"; {n:,} {why}" for why, n in dropped.items())
        raise UsageError(
            f"{known.source}: {error.message}{left and f' ({len(known):,} given{left})'}",
            remedy=error.remedy,
        ) from None
    rows = {
        side: np.sort(np.concatenate([chosen.present, alone])).tolist()
        for side, alone in zip(SIDES, chosen[1:], strict=True)
    }
    counts = {name: len(part) for name, part in chosen._asdict().items()}
    return (
        {side: [Sentence(pairs[i][side], NOT_READ, i) for i in rows[side]] for side in SIDES},
        {"pairs": len(known), **counts, "dropped": dict(dropped)},
    )


def sentences_of(folder: MiningFolder, side: str) -> Sentences:
    """The sentences of a side, on disk.

    Raises:
        OutputError: they vanished or changed.
    """
    with np.load(folder.checked(f"texts/{side}.npz")) as arrays:
        places = Places(**{name: arrays[name] for name in Places._fields})
    return Sentences(folder.checked(f"texts/{side}.txt"), places)


def shards_of(folder: MiningFolder, side: str, total: int) -> list[tuple[str, slice]]:
    """The files of a side's shards and the rows in each."""
    rows = folder.state["rows"]
    return [
        (f"shards/{side}-{number:05d}.npy", slice(at, min(at + rows, total)))
        for number, at in enumerate(range(0, total, rows))
    ]


def encode_shards(
    folder: MiningFolder,
    read: dict[str, Sentences],
    model: str,
    tags: tuple[Language, Language],
    search: Search,
    room: int,
    network: bool,
    start: Start,
) -> None:
    """Unit vectors of each shard that is not there yet.

    Raises:
        UsageError: too little memory, or less than the shards that are there were made for.
    """
    from isogloss.encode import load_encoder

    if "rows" in folder.state and all(
        folder.has(name) for side in SIDES for name, _ in shards_of(folder, side, len(read[side]))
    ):
        if not _searched(folder, read):
            _check_room(folder, room, search)
        return
    encoder = load_encoder(model, network=network)
    layers = None if search.layer is None else [search.layer]

    def vectors(texts: list[str], language: Language, advance: Any = None) -> Any:
        made = encoder.encode(
            texts, language=str(language), layers=layers, pooling=search.pooling, progress=advance
        )
        return next(iter(made.values()))

    if "rows" not in folder.state:
        folder.state["width"] = vectors(read["source"][:1], tags[0]).array.shape[1]
        folder.state["rows"] = shard_rows(room, folder.state["width"], search.k)
        folder.save()
    _check_room(folder, room, search)
    for side, language in zip(SIDES, tags, strict=True):
        shards = shards_of(folder, side, len(read[side]))
        left = [shard for shard in shards if not folder.has(shard[0])]
        advance = start(f"encoding the {side}", sum(at.stop - at.start for _, at in left))
        for name, rows in left:
            shard = np.empty((rows.stop - rows.start, folder.state["width"]), search.dtype)
            truncated = blank = 0
            for first in range(rows.start, rows.stop, PART):
                part = slice(first, min(first + PART, rows.stop))
                made = vectors(read[side][part], language, advance)
                shard[first - rows.start : part.stop - rows.start] = unit(made.array)
                truncated += made.truncated
                blank += int((~made.array.any(1)).sum())
            with folder.writing(name) as file:
                np.save(file, shard)
            folder.enter(name, truncated=truncated, blank=blank)


def _check_room(folder: MiningFolder, room: int, search: Search) -> None:
    rows = shard_rows(room, folder.state["width"], search.k)
    if rows < folder.state["rows"]:
        each = 16 * folder.state["width"] + 64 * search.k
        least = -(-(RESERVED + each * folder.state["rows"]) // 10**6)
        raise UsageError(
            f"the shards in {folder.path} were made for more memory",
            remedy=f"give --memory {least}MB or more; or choose another --out",
        )


def _meetings(folder: MiningFolder, read: dict[str, Sentences]) -> Iterator[tuple[str, Any, Any]]:
    """The file of each pair of shards, and the shards."""
    source, target = (shards_of(folder, side, len(read[side])) for side in SIDES)
    for i, left in enumerate(source):
        for j, right in enumerate(target):
            yield f"search/{i:05d}-{j:05d}.npz", left, right


def _searched(folder: MiningFolder, read: dict[str, Sentences]) -> bool:
    return all(folder.has(name) for name, _, _ in _meetings(folder, read))


def search_shards(
    folder: MiningFolder, read: dict[str, Sentences], search: Search, start: Start
) -> None:
    """The neighbours of each shard of one side in each of the other, both ways.

    Raises:
        OutputError: a shard vanished or changed.
    """
    left = [meeting for meeting in _meetings(folder, read) if not folder.has(meeting[0])]
    for name in dict.fromkeys(shard for _, *both in left for shard, _ in both):
        folder.checked(name)
    advance = start("searching, pairs of shards", len(left))
    held, x = "", np.empty(0)
    for name, (source, rows), (target, columns) in left:
        if held != source:
            x = np.empty(0)  # or there would be two of them while the next is read
            held, x = source, _load(folder, source)
        y = _load(folder, target)
        ahead = _neighbours(x, y, search)
        back = _neighbours(y, x, search)
        arrays: Any = {
            "ahead_ids": ahead.ids + columns.start, "ahead": ahead.scores,
            "back_ids": back.ids + rows.start, "back": back.scores,
        }  # fmt: skip
        with folder.writing(name) as file:
            np.savez(file, **arrays)
        del y
        folder.enter(name)
        advance(1)


def _load(folder: MiningFolder, name: str) -> np.ndarray:
    try:
        stored = np.load(folder.path / name, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError):
        stored = np.load(folder.checked(name), mmap_mode="r", allow_pickle=False)
    return unit(stored)  # rounding to half precision has moved lengths a little


def _neighbours(x: np.ndarray, y: np.ndarray, search: Search) -> Neighbours:
    k = min(search.k, len(y))
    return rescored(x, y, cosine_neighbours(x, y, k, index=search.index, seed=search.seed))


def merged_neighbours(
    folder: MiningFolder, read: dict[str, Sentences], k: int
) -> tuple[Neighbours, Neighbours]:
    """The neighbours of every sentence over all shards of the other side."""
    found: dict[str, dict[int, Neighbours]] = {"ahead": {}, "back": {}}
    for name, (_, rows), (_, columns) in _meetings(folder, read):
        with np.load(folder.checked(name)) as arrays:
            for way, at in (("ahead", rows.start), ("back", columns.start)):
                new = Neighbours(arrays[f"{way}_ids"], arrays[way])
                old = found[way].get(at)
                found[way][at] = new if old is None else merge(old, new, k)
    ahead, back = (
        Neighbours(*(np.concatenate(part) for part in zip(*by_shard.values(), strict=True)))
        for by_shard in found.values()
    )
    return ahead, back

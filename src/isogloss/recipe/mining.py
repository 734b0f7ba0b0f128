"""Bitext mining as a job: two texts to their translations, shard by shard, stopped and resumed.

Nothing here holds all vectors. A shard is as many sentences as the memory allows (`shard_rows`);
one of each side is in memory while their neighbours are searched. Vectors and neighbours lie in
the folder, so that the same command goes on after the last shard that was finished, and another
margin, retrieval, threshold or precision only writes the results anew.

Vectors are made in parts of one size whatever the shards are, and cosines of neighbours are summed
one by one, so that the pairs do not depend on the memory.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from isogloss._version import __version__
from isogloss.corpus import read_corpus
from isogloss.corpus.bitext import Found, write_bitext_tsv, write_moses, write_tmx
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
from isogloss.files import atomic_write, sha256_file, write_json
from isogloss.language import Language, read_language
from isogloss.match.calibration import Calibration, calibrate, outcomes, plant
from isogloss.match.index import INDEXES, cosine_neighbours
from isogloss.match.mining import MARGINS, RETRIEVALS, Mined, merge, mine_pairs, rescored
from isogloss.match.mining import score_pairs as pair_margins
from isogloss.match.neighbours import unit
from isogloss.match.search import Neighbours
from isogloss.progress import Start, silent
from isogloss.recipe.mining_folder import MiningFolder, open_mining

SIDES = ("source", "target")
PART = 2048  # sentences that are encoded together; a shard is a number of parts
RESERVED = 256 << 20  # bytes for tiles of cosines
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(?:([kmgt])(i?)b?|b)?", re.IGNORECASE)
QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)


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


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What is made of the neighbours.

    Attributes:
        margin: see `match.mining`.
        retrieval: see `match.mining`.
        threshold: pairs that score less are left out.
        precision: wanted; the threshold is then found with planted pairs.
    """

    margin: str = "ratio"
    retrieval: str = "max"
    threshold: float | None = None
    precision: float | None = None


class Result(NamedTuple):
    """What a mining left.

    Attributes:
        files: that were written.
        facts: what stands in `mined.json`.
    """

    files: list[Path]
    facts: dict[str, Any]


def mine(
    model: str,
    source: Sequence[str | Path],
    target: Sequence[str | Path],
    out: str | Path,
    *,
    languages: tuple[str, str],
    search: Search | None = None,
    choice: Choice | None = None,
    planted: str | Path | None = None,
    memory: str | int = "2GB",
    network: bool = False,
    start: Start = silent,
) -> Result:
    """Find the translations in two texts.

    Args:
        model: an encoder.
        source: files of one language, a sentence a line.
        target: files of the other.
        out: the folder; a stopped run there goes on, a finished one is left alone.
        languages: of source and target.
        search: how neighbours are found.
        choice: which pairs are kept.
        planted: parallel text of known translations, to find a threshold with.
        memory: for vectors and tiles while neighbours are searched.
        network: allow fetching the model.
        start: starts progress bars.

    Raises:
        UsageError: settings that cannot work.
        CorpusError: text that cannot be read, or a side without a sentence.
        OutputError: `out` holds something else, or a file in it vanished or changed.
    """
    from isogloss.encode.resolve import find_model

    search, choice = search or Search(), choice or Choice()
    tags = (read_language(languages[0]), read_language(languages[1]))
    _check(search, choice, tags, planted)
    room = memory_bytes(memory)
    texts = {"source": [Path(f) for f in source], "target": [Path(f) for f in target]}
    known = read_corpus(planted, languages=languages, network=network) if planted else None
    inputs = {
        "model": find_model(model, network=network).fingerprint,
        **{f"{side} text": _sums(files) for side, files in texts.items()},
        "planted text": known.fingerprint if known else None,
        "languages": [str(tag) for tag in tags],
        **asdict(search),
    }
    folder = open_mining(out, inputs)
    files = _outputs(folder.path, tags)
    facts_file = folder.path / "mined.json"
    if folder.state["finished"] == asdict(choice) and all(f.is_file() for f in files):
        return Result(files, json.loads(facts_file.read_text(encoding="utf-8")))
    folder.state["finished"] = None
    with folder.timed("reading"):
        _read(folder, texts, known, tags, search.seed)
    read = {side: _sentences(folder, side) for side in SIDES}
    with folder.timed("encoding"):
        _encode(folder, read, model, tags, search, room, network, start)
    with folder.timed("searching"):
        _search(folder, read, search, start)
    with folder.timed("writing"):
        facts = _finish(folder, read, texts, tags, choice, search)
    facts = {
        "version": __version__, "model": model, "inputs": inputs, **facts,
        "rows_per_shard": folder.state["rows"], "seconds": folder.state["seconds"],
    }  # fmt: skip
    write_json(facts_file, facts)
    folder.state["finished"] = asdict(choice)
    folder.save()
    return Result(files, facts)


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


def _check(search: Search, choice: Choice, tags: tuple[Language, Language], planted: Any) -> None:
    for name, value, known in (
        ("index", search.index, INDEXES),
        ("margin", choice.margin, MARGINS),
        ("retrieval", choice.retrieval, RETRIEVALS),
        ("dtype", search.dtype, ("float16", "float32")),
    ):
        if value not in known:
            raise UsageError(f"no {name} {value!r}; there is {', '.join(known)}")
    if search.k < 1:
        raise UsageError(f"k is {search.k}; it must be at least 1")
    if tags[0] == tags[1]:
        raise UsageError(f"source and target are both {tags[0]}")
    if choice.precision is not None and not 0 < choice.precision < 1:
        raise UsageError(f"precision is {choice.precision}; it must lie between 0 and 1")
    if choice.threshold is not None and (choice.precision is not None or planted):
        raise UsageError("a threshold is given or found, not both: leave out --threshold, or "
                         "--planted and --precision")  # fmt: skip
    if choice.precision is not None and not planted:
        raise UsageError(
            "a precision can be promised only with known translations",
            remedy="give parallel text of the same domain with --planted",
        )


def _sums(files: Sequence[Path]) -> list[list[str]]:
    if not files:
        raise UsageError("no text to mine", remedy="give files with --source and --target")
    found = []
    for file in files:
        try:
            found.append([str(file), sha256_file(file)])
        except OSError as error:
            raise CorpusError(
                f"cannot be read: {error.strerror or error}", file=file, remedy="check the path"
            ) from None
    return found


def _outputs(folder: Path, tags: tuple[Language, Language]) -> list[Path]:
    names = ("tsv", tags[0].iso, tags[1].iso, "tmx")
    if tags[0].iso == tags[1].iso:
        names = ("tsv", str(tags[0]), str(tags[1]), "tmx")
    return [*(folder / f"bitext.{name}" for name in names), folder / "mined.json"]


def _read(
    folder: MiningFolder,
    texts: dict[str, list[Path]],
    known: Any,
    tags: tuple[Language, Language],
    seed: int,
) -> None:
    """Each side's distinct sentences as one file, the planted ones after the user's own."""
    names = {side: (f"texts/{side}.txt", f"texts/{side}.npz") for side in SIDES}
    if all(folder.has(name) for both in names.values() for name in both):
        return
    seen: dict[str, set[bytes]] = {side: set() for side in SIDES}
    dropped: dict[str, Counter[str]] = {side: Counter() for side in SIDES}
    places: dict[str, Places] = {}
    notes = list(known.notes) if known else []
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
            pairs, left_out = _usable(known, tags, seen)
            chosen = plant(len(pairs), seed=seed)
            for at, side in enumerate(SIDES):
                alone = chosen.source_only if side == "source" else chosen.target_only
                rows = np.sort(np.concatenate([chosen.present, alone]))
                more = (Sentence(pairs[i][at], NOT_READ, i) for i in rows.tolist())
                end = int(places[side].offsets[-1])
                places[side] = joined(places[side], write_sentences(files[side], more, end))
            folder.state["planted"] = {
                "pairs": len(known), "present": len(chosen.present),
                "source_only": len(chosen.source_only), "target_only": len(chosen.target_only),
                "dropped": dict(left_out),
            }  # fmt: skip
    for side in SIDES:
        with folder.writing(names[side][1]) as file:
            np.savez(file, **places[side]._asdict())
        folder.enter(*names[side], own=own[side], dropped=dict(dropped[side]))
    folder.state["notes"] = notes
    folder.save()


def _usable(
    known: Any, tags: tuple[Language, Language], seen: dict[str, set[bytes]]
) -> tuple[list[tuple[str, str]], Counter[str]]:
    """Known translations with both sides, neither in the user's text nor twice."""
    dropped: Counter[str] = Counter()
    pairs = []
    for both in zip(known.texts(tags[0]), known.texts(tags[1]), strict=True):
        left, right = (one_line(text or "") for text in both)
        keys = key(left), key(right)
        if not left or not right:
            dropped["missing in one language"] += 1
        elif keys[0] in seen["source"] or keys[1] in seen["target"]:
            dropped["in the text, or there twice"] += 1
        else:
            pairs.append((left, right))
            for side, one in zip(SIDES, keys, strict=True):
                seen[side].add(one)
    return pairs, dropped


def _sentences(folder: MiningFolder, side: str) -> Sentences:
    with np.load(folder.checked(f"texts/{side}.npz")) as arrays:
        places = Places(**{name: arrays[name] for name in Places._fields})
    return Sentences(folder.checked(f"texts/{side}.txt"), places)


def _shards(folder: MiningFolder, side: str, total: int) -> list[tuple[str, slice]]:
    rows = folder.state["rows"]
    return [
        (f"shards/{side}-{number:05d}.npy", slice(at, min(at + rows, total)))
        for number, at in enumerate(range(0, total, rows))
    ]


def _encode(
    folder: MiningFolder,
    read: dict[str, Sentences],
    model: str,
    tags: tuple[Language, Language],
    search: Search,
    room: int,
    network: bool,
    start: Start,
) -> None:
    """Unit vectors of each shard that is not there yet."""
    from isogloss.encode import load_encoder

    if "rows" in folder.state and all(
        folder.has(name) for side in SIDES for name, _ in _shards(folder, side, len(read[side]))
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
        shards = _shards(folder, side, len(read[side]))
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
    source, target = (_shards(folder, side, len(read[side])) for side in SIDES)
    for i, left in enumerate(source):
        for j, right in enumerate(target):
            yield f"search/{i:05d}-{j:05d}.npz", left, right


def _searched(folder: MiningFolder, read: dict[str, Sentences]) -> bool:
    return all(folder.has(name) for name, _, _ in _meetings(folder, read))


def _search(folder: MiningFolder, read: dict[str, Sentences], search: Search, start: Start) -> None:
    """The neighbours of each shard of one side in each of the other, both ways."""
    left = [meeting for meeting in _meetings(folder, read) if not folder.has(meeting[0])]
    for name in dict.fromkeys(shard for _, *both in left for shard, _ in both):
        folder.checked(name)
    advance = start("searching, pairs of shards", len(left))
    held: tuple[str, np.ndarray] = ("", np.empty(0))
    for name, (source, rows), (target, columns) in left:
        x = held[1] if held[0] == source else _load(folder, source)
        held, y = (source, x), _load(folder, target)
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


def _merged(
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


def _finish(
    folder: MiningFolder,
    read: dict[str, Sentences],
    texts: dict[str, list[Path]],
    tags: tuple[Language, Language],
    choice: Choice,
    search: Search,
) -> dict[str, Any]:
    """Mine, choose, write; gives what is worth knowing about it."""
    ahead, back = _merged(folder, read, search.k)
    mined = mine_pairs(ahead, back, margin=choice.margin, retrieval=choice.retrieval)
    mined = mined._replace(scores=mined.scores.round(6))  # as written: they can be thresholds
    own = [folder.facts(f"texts/{side}.txt")["own"] for side in SIDES]
    found = None
    notes = list(folder.state.get("notes", []))
    threshold = choice.threshold
    if "planted" in folder.state:
        found = _calibrated(read, mined, (own[0], own[1]), choice, search.seed)
        threshold = found.threshold
        notes += _doubts(found, choice)
    elif threshold is None:
        notes.append("no threshold was applied: every pair found is there, wrong ones too; see "
                     "--threshold and --planted")  # fmt: skip
    ours = (mined.source < own[0]) & (mined.target < own[1])
    kept = ours if threshold is None else ours & (mined.scores >= threshold)
    pairs = Mined(*(column[kept] for column in mined))
    lost = _write(folder, read, texts, tags, pairs)
    if lost:
        notes.append(f"bitext.tmx lacks {lost} control characters, which XML cannot hold")
    counts = {}
    for at, side in enumerate(SIDES):
        shards = [folder.facts(name) for name, _ in _shards(folder, side, len(read[side]))]
        dropped = folder.facts(f"texts/{side}.txt")["dropped"]
        counts[side] = {
            "lines": own[at] + sum(dropped.values()), "sentences": own[at], "dropped": dropped,
            "truncated": sum(s["truncated"] for s in shards),
            "without_tokens": sum(s["blank"] for s in shards),
        }  # fmt: skip
        if cut := counts[side]["truncated"]:
            notes.append(f"{cut} sentences of the {side} were cut to the model's window")
        if blank := counts[side]["without_tokens"]:
            notes.append(f"{blank} sentences of the {side} have no token that the model knows")
    return {
        "counts": {**counts, "pairs_found": int(ours.sum()), "pairs_kept": len(pairs.source)},
        "settings": {**asdict(search), **asdict(choice)},
        "threshold": threshold,
        "calibration": found and _plain(found, folder.state["planted"]),
        "notes": list(dict.fromkeys(notes)),
    }


def _calibrated(
    read: dict[str, Sentences], mined: Mined, sizes: tuple[int, int], choice: Choice, seed: int
) -> Calibration:
    # A planted sentence has the number of its pair for a line.
    planted = [read[side].places.lines[size:] for side, size in zip(SIDES, sizes, strict=True)]
    _, left, right = np.intersect1d(*planted, assume_unique=True, return_indices=True)
    present = np.stack([left + sizes[0], right + sizes[1]], 1)  # [a, 2]
    at = 1 if choice.retrieval == "backward" else 0
    alone = ~np.isin(planted[at], planted[1 - at])
    found = outcomes(
        mined, present=present, orphans=sizes[at] + np.flatnonzero(alone), sizes=sizes,
        side=SIDES[at],
    )  # fmt: skip
    return calibrate(found, precision=choice.precision, seed=seed)


def _doubts(found: Calibration, choice: Choice) -> Iterator[str]:
    if not found.reached:
        wanted = "any precision" if choice.precision is None else f"precision {choice.precision}"
        yield (
            f"WARNING: {wanted} cannot be expected at any threshold; this one is that of the "
            f"highest, {found.precision.value:.2f}"
        )


def _plain(found: Calibration, planted: dict[str, Any]) -> dict[str, Any]:
    intervals = {name: getattr(found, name)._asdict() for name in ("precision", "recall", "share")}
    return {"threshold": found.threshold, "reached": found.reached, **intervals,
            "planted": planted}  # fmt: skip


def _write(
    folder: MiningFolder,
    read: dict[str, Sentences],
    texts: dict[str, list[Path]],
    tags: tuple[Language, Language],
    pairs: Mined,
) -> int:
    def rows() -> Iterator[Found]:
        for i, j, score in zip(*(column.tolist() for column in pairs), strict=True):
            yield Found(
                score, _line(read["source"], i, texts["source"]),
                _line(read["target"], j, texts["target"]), read["source"][i], read["target"][j],
            )  # fmt: skip

    tsv, source, target, tmx, _ = _outputs(folder.path, tags)
    write_bitext_tsv(tsv, rows())
    write_moses(source, target, rows())
    return write_tmx(tmx, *tags, rows())


def _line(read: Sentences, row: int, files: list[Path]) -> str:
    """The line's number, after its file where there are several."""
    line = str(read.places.lines[row])
    return line if len(files) == 1 else f"{one_line(str(files[read.places.files[row]]))}:{line}"


def score_bitext(
    model: str,
    text: str | Path,
    out: str | Path,
    *,
    languages: Sequence[str] = (),
    margin: str = "ratio",
    k: int = 4,
    layer: int | None = None,
    pooling: str | None = None,
    network: bool = False,
    start: Start = silent,
) -> tuple[dict[str, dict[str, float]], list[str]]:
    """The margin and the cosine of every pair of a parallel text, among its own sentences.

    All vectors are in memory. The pool of each side is its distinct sentences.

    Args:
        model: an encoder.
        text: what `read_corpus` reads, of two languages.
        out: the TSV to write: id, margin, cosine, source, target, in the order of the text.
        languages: source and target; the two of the text by default.
        margin: see `match.mining`.
        k: neighbours.
        layer: of the model; the last by default.
        pooling: the model's own by default.
        network: allow fetching the model.
        start: starts progress bars.

    Returns:
        Quantiles of margins and cosines, and notes.

    Raises:
        CorpusError: not two languages, or no pair with both sides.
    """
    from isogloss.encode import encode_cached, load_encoder

    if margin not in MARGINS:
        raise UsageError(f"no margin {margin!r}; there is {', '.join(MARGINS)}")
    corpus = read_corpus(text, languages=list(languages) or None, network=network)
    tags = corpus.resolve(languages) if languages else list(corpus.languages)
    if len(tags) != 2:
        raise CorpusError(
            f"pairs are of 2 languages; there are {len(tags)}", file=text,
            remedy="name source and target, such as --languages deu,eng",
        )  # fmt: skip
    both = list(zip(corpus.ids, *(corpus.texts(tag) for tag in tags), strict=True))
    pairs = [row for row in both if None not in row]
    if not pairs:
        raise CorpusError("no pair has both sides", file=text, remedy="check the languages")
    notes = list(corpus.notes)
    if len(pairs) < len(both):
        notes.append(f"{len(both) - len(pairs)} of {len(both)} pairs lack one side; left out")
    encoder = load_encoder(model, network=network)
    layers = None if layer is None else [layer]
    pools, rows = [], []
    for at, tag in enumerate(tags, 1):
        first: dict[bytes, int] = {}
        texts: list[str] = []
        for row in pairs:
            if first.setdefault(key(row[at]), len(texts)) == len(texts):
                texts.append(row[at])
        rows.append(np.array([first[key(row[at])] for row in pairs]))
        made = next(iter(encode_cached(
            encoder, texts, language=str(tag), layers=layers, pooling=pooling,
            progress=start(f"encoding {tag}", len(texts)),
        ).values()))  # fmt: skip
        pools.append(unit(made.array))
        if len(texts) < len(pairs):
            notes.append(f"{tag}: {len(pairs) - len(texts)} sentences stand there more than once")
        if made.truncated:
            notes.append(f"{tag}: {made.truncated} sentences were cut to the model's window")
    scores, cosines = pair_margins(*pools, *rows, k=k, margin=margin)
    with atomic_write(out) as file:
        file.write("id\tmargin\tcosine\tsource\ttarget\n")
        for (name, left, right), score, cosine in zip(pairs, scores, cosines, strict=True):
            cells = one_line(name), f"{score:.6f}", f"{cosine:.6f}", one_line(left), one_line(right)
            file.write("\t".join(cells) + "\n")
    quantiles = {
        name: {f"{q:.0%}": float(np.quantile(values, q)) for q in QUANTILES}
        for name, values in (("margin", scores), ("cosine", cosines))
    }
    return quantiles, notes

"""Bitext mining as a job: two texts to their translations, shard by shard, stopped and resumed.

Vectors and neighbours lie in the folder, so that the same command goes on after the last shard
that was finished, and another margin, retrieval, threshold or precision only writes the results
anew.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from isogloss._version import __version__
from isogloss.corpus import read_corpus
from isogloss.corpus.bitext import Found, write_bitext_tsv, write_moses, write_tmx
from isogloss.corpus.sentences import Sentences, one_line
from isogloss.errors import CorpusError, UsageError, VectorError
from isogloss.files import sha256_file, write_json
from isogloss.language import Language, read_language
from isogloss.match.calibration import Calibration, calibrate, outcomes
from isogloss.match.index import INDEXES
from isogloss.match.mining import MARGINS, RETRIEVALS, Mined, mine_pairs
from isogloss.progress import Start, silent
from isogloss.recipe.mining_folder import MiningFolder, open_mining
from isogloss.recipe.mining_stages import (
    SIDES,
    Search,
    encode_shards,
    memory_bytes,
    merged_neighbours,
    read_texts,
    search_shards,
    sentences_of,
    shards_of,
)


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
    folder.save()
    with folder.timed("reading"):
        read_texts(folder, texts, known, tags, search.seed)
    read = {side: sentences_of(folder, side) for side in SIDES}
    with folder.timed("encoding"):
        encode_shards(folder, read, model, tags, search, room, network, start)
    with folder.timed("searching"):
        search_shards(folder, read, search, start)
    with folder.timed("writing"):
        facts = _finish(folder, read, texts, tags, choice, search)
    facts = {
        "version": __version__, "model": model, "inputs": inputs,
        "files": {side: [str(file) for file in files] for side, files in texts.items()}, **facts,
        "rows_per_shard": folder.state["rows"], "seconds": folder.state["seconds"],
    }  # fmt: skip
    write_json(facts_file, facts)
    folder.state["finished"] = asdict(choice)
    folder.save()
    return Result(files, facts)


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
            found.append([file.name, sha256_file(file)])
        except OSError as error:
            raise CorpusError(
                f"cannot be read: {error.strerror or error}", file=file, remedy="check the path"
            ) from None
    return found


def _outputs(folder: Path, tags: tuple[Language, Language]) -> list[Path]:
    names = ["tsv", tags[0].iso, tags[1].iso, "tmx"]
    if len(set(names)) < len(names):
        # Two scripts of one language, or the language whose code is tsv.
        names = ["tsv", str(tags[0]), str(tags[1]), "tmx"]
    return [*(folder / f"bitext.{name}" for name in names), folder / "mined.json"]


def _finish(
    folder: MiningFolder,
    read: dict[str, Sentences],
    texts: dict[str, list[Path]],
    tags: tuple[Language, Language],
    choice: Choice,
    search: Search,
) -> dict[str, Any]:
    """Mine, choose, write; gives what is worth knowing about it."""
    ahead, back = merged_neighbours(folder, read, search.k)
    mined = mine_pairs(ahead, back, margin=choice.margin, retrieval=choice.retrieval)
    mined = mined._replace(scores=mined.scores.round(6))  # as written: they can be thresholds
    own = [folder.facts(f"texts/{side}.txt")["own"] for side in SIDES]
    found = None
    notes = list(folder.state.get("notes", []))
    threshold = choice.threshold
    if "planted" in folder.state:
        try:
            found = _calibrated(read, mined, (own[0], own[1]), choice, search.seed)
        except VectorError as error:  # after hours of search: everything is written, and this told
            notes.append(f"WARNING: no threshold was found, so none was applied: {error}")
        else:
            threshold = found.threshold
            notes += _doubts(found, choice)
    elif threshold is None:
        notes.append("no threshold was applied: every pair found is there, wrong ones too; see "
                     "--threshold and --planted")  # fmt: skip
    ours = (mined.source < own[0]) & (mined.target < own[1])
    kept = ours if threshold is None else ours & (mined.scores >= threshold)
    pairs = Mined(*(column[kept] for column in mined))
    if lost := _write(folder, read, texts, tags, pairs):
        notes.append(f"bitext.tmx lacks {lost} control characters, which XML cannot hold")
    counts = {side: _counts(folder, side, len(read[side])) for side in SIDES}
    for side, count in counts.items():
        if search.k > (there := len(read[side])):
            notes.append(
                f"k is {search.k}, but the {side} has {there} sentences; all are neighbours, and "
                "margins say little"
            )
        if cut := count["truncated"]:
            notes.append(f"{cut} sentences of the {side} were cut to the model's window")
        if blank := count["without_tokens"]:
            notes.append(f"{blank} sentences of the {side} have no token that the model knows")
    return {
        "counts": {**counts, "pairs_found": int(ours.sum()), "pairs_kept": len(pairs.source)},
        "settings": {**asdict(search), **asdict(choice)},
        "threshold": threshold,
        "calibration": found and _plain(found, folder.state["planted"]),
        "notes": list(dict.fromkeys(notes)),
    }


def _counts(folder: MiningFolder, side: str, total: int) -> dict[str, Any]:
    text = folder.facts(f"texts/{side}.txt")
    shards = [folder.facts(name) for name, _ in shards_of(folder, side, total)]
    return {
        "lines": text["own"] + sum(text["dropped"].values()),
        "sentences": text["own"],
        "dropped": text["dropped"],
        "truncated": sum(shard["truncated"] for shard in shards),
        "without_tokens": sum(shard["blank"] for shard in shards),
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
        wanted = "above 0" if choice.precision is None else f"of {choice.precision}"
        yield (
            f"WARNING: no threshold lets a precision {wanted} be expected; this one is that of the "
            f"highest, {found.precision.value:.2f}"
        )
    if found.misfit.beyond:
        yield (
            "WARNING: the planted text seems to be of another kind than yours, so do not rely on "
            "the precision and recall to expect: the share of your sentences that is mined is, "
            f"over some threshold, {found.misfit.value:.3f} off every mixture of planted ones, and "
            f"by sampling alone seldom over {found.misfit.limit:.3f}; plant text of the kind that "
            "you mine"
        )


def _plain(found: Calibration, planted: dict[str, Any]) -> dict[str, Any]:
    intervals = {name: getattr(found, name)._asdict() for name in ("precision", "recall", "share")}
    return {"threshold": found.threshold, "reached": found.reached, **intervals,
            "misfit": found.misfit._asdict(), "planted": planted}  # fmt: skip


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

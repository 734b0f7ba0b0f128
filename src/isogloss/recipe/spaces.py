"""Two spaces of word vectors as a job: read, map, look words up, write."""

from __future__ import annotations

import json
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from isogloss import registry
from isogloss.corpus.lexicon import read_lexicon
from isogloss.encode.word_vectors import WordVectors, read_word_vectors, write_word_vectors
from isogloss.encode.word_vectors.write import check_words
from isogloss.errors import CorpusError, OutputError, UsageError, VectorError
from isogloss.files import atomic_write, fingerprint_texts, refuse_file, write_json
from isogloss.match.lexicon import Dictionary, centring, dictionary_rows, induce
from isogloss.match.neighbours import unit
from isogloss.match.search import nearest
from isogloss.progress import Start, silent
from isogloss.score import Scores
from isogloss.space.linear import fit
from isogloss.space.map import Map
from isogloss.space.normalise import USUAL, normalise
from isogloss.space.rcsls import rcsls
from isogloss.space.self_learning import POINTS, self_learning
from isogloss.space.wasserstein import wasserstein_procrustes

LIMIT = 200_000  # words of a file, the most frequent first
CENTRING = 0.1  # share of answers that centring may change before the user is told
CENTRED = {"centre.v1", "all_but_the_top.v1", "zca.v1", "cluster_isotropy.v1"}
LOOKED_AT = 1000  # source words, the first ones, to see what centring changes without a dictionary
SOURCE, TARGET = "source", "target"
BadRows = Literal["refuse", "skip"]
Form = Literal["text", "npz"]  # of mapped vectors
ENDINGS: dict[Form, str] = {"text": ".vec", "npz": ".npz"}
NOTES = "spaces.json"
FIRST = 100  # words by which a side is known again


class Spaces(NamedTuple):
    """Two vocabularies and their vectors.

    Attributes:
        source: words and vectors.
        target: words and vectors.
        notes: what was sniffed and left out, in sentences.
    """

    source: WordVectors
    target: WordVectors
    notes: list[str]


def read_spaces(source: str | Path, target: str | Path, **how: Any) -> Spaces:
    """Both files, in whatever format each is; `how` is that of `read_word_vectors`.

    Words whose vectors are all zeros have no place in a space: they are left out and counted.
    """
    sides = [read_side(path, **how) for path in (source, target)]
    return Spaces(sides[0], sides[1], [told(side) for side in sides])


def read_side(
    path: str | Path, *, limit: int | None = LIMIT, bad_rows: BadRows = "refuse"
) -> WordVectors:
    """One file, see `read_spaces`."""
    return _without_zeros(read_word_vectors(path, limit=limit, bad_rows=bad_rows))


def _without_zeros(side: WordVectors) -> WordVectors:
    zeros = side.about["zero_vectors"]
    if not zeros:
        return side
    if zeros == len(side):
        raise CorpusError(
            f"all its {zeros:,} vectors are zeros", file=side.about["file"],
            remedy="get the file again, or train the vectors anew",
        )  # fmt: skip
    kept = (side.array != 0).any(1)
    words = tuple(word for word, keep in zip(side.words, kept, strict=True) if keep)
    about = {k: v for k, v in side.about.items() if k != "fingerprint"}
    left_out = {**about["left_out"], "all zeros": zeros}
    about |= {"left_out": left_out, "zero_vectors": 0, "kept": len(words)}
    return WordVectors(words, side.array[kept], about)


def told(side: WordVectors) -> str:
    """What was sniffed and left out, in a sentence."""
    about = side.about
    left = ", ".join(f"{n:,} {why}" for why, n in about["left_out"].items())
    rows, width = side.array.shape
    read = f"{about['file']}: {about['format']}, {rows:,} words of width {width}"
    return f"{read}; left out: {left}" if left else read


def training_pairs(dictionary: Dictionary) -> np.ndarray:
    """`[p, 2]` rows of every entry."""
    sizes = [len(right) for right in dictionary.gold]
    return np.stack([np.repeat(dictionary.queries, sizes), np.concatenate(dictionary.gold)], 1)


class Fitted(NamedTuple):
    """Maps of both sides into one space."""

    source: Map
    target: Map


def methods() -> tuple[str, ...]:
    """Every way to map: linear maps, RCSLS, Wasserstein Procrustes, points of self-learning."""
    linear = (name.rpartition(".v")[0] for name in registry.names("map"))
    return (*linear, "rcsls", "wasserstein_procrustes", *POINTS)


def without_pairs() -> tuple[str, ...]:
    """The methods that learn from no dictionary."""
    points = (name for name, point in POINTS.items() if point.seed != "given")
    return ("wasserstein_procrustes", *points)


def fit_maps(
    method: str,
    spaces: Spaces,
    pairs: np.ndarray | None = None,
    *,
    normalisers: Sequence[str] | None = None,
    seed: int = 0,
    start: Start = silent,
    **settings: Any,
) -> Fitted:
    """Fit one of `methods()`; the maps take the vectors as they were read.

    Args:
        method: see `methods`.
        spaces: both vocabularies.
        pairs: `[p, 2]` rows that translate each other; for all but those of `without_pairs()`.
        normalisers: fitted on each side first, `USUAL` by default; self-learning has its own.
        seed: of what is random.
        start: starts progress bars.
        settings: of the method, such as `penalty` of ridge or `patience` of self-learning.

    Raises:
        UsageError: an unknown method; pairs that are missing, or that it does not learn from;
            normalisers for one that has its own.
    """
    if method not in methods():
        raise UsageError(f"there is no method {method!r}", remedy=f"one of {', '.join(methods())}")
    if pairs is not None and method in without_pairs():
        raise UsageError(
            f"{method} learns from no dictionary",
            remedy="leave --dictionary out, or choose a method that learns from one",
        )
    if normalisers is not None and method in POINTS:
        raise UsageError(
            f"{method} normalises both sides itself ({', '.join(USUAL)})",
            remedy="leave --normalise out, or choose another method",
        )
    x, y = spaces.source.array, spaces.target.array
    if method in POINTS:
        learned = self_learning(
            method, source=x, target=y, pairs=pairs, seed=seed,
            words=(spaces.source.words, spaces.target.words),
            advance=start("learning", POINTS[method].rounds) if POINTS[method].learn else None,
            **settings,
        )  # fmt: skip
        return Fitted(learned.source, learned.target)
    prepared = [normalise(side, USUAL if normalisers is None else normalisers) for side in (x, y)]
    x, y = (one.apply(side) for one, side in zip(prepared, (x, y), strict=True))
    if method == "wasserstein_procrustes":
        made = wasserstein_procrustes(x, y, seed=seed, **settings)
    elif pairs is None:
        raise UsageError(f"{method} needs a dictionary", remedy="name one with --dictionary")
    elif method == "rcsls":
        made = rcsls(x, y, pairs, **settings)
    else:
        made = fit(method, source=x[pairs[:, 0]], target=y[pairs[:, 1]], **settings)
    return Fitted(prepared[0].then(made), prepared[1])


def save(folder: str | Path, fitted: Fitted, spaces: Spaces, *, form: Form | None) -> list[Path]:
    """Both maps as folders, and the mapped vectors in a form; gives what was written.

    Mapped vectors that an earlier mapping left in the folder are removed: they are not of these
    maps.
    """
    folder, made = Path(folder), []
    if (folder / NOTES).is_file():
        for name in (SOURCE, TARGET):
            for ending in ENDINGS.values():
                (folder / f"{name}{ending}").unlink(missing_ok=True)
    for name, which, side in (
        (SOURCE, fitted.source, spaces.source),
        (TARGET, fitted.target, spaces.target),
    ):
        which.save(folder / name)
        made.append(folder / name)
        if form:
            file = folder / f"{name}{ENDINGS[form]}"
            write_word_vectors(file, side.words, which.apply(side.array))
            made.append(file)
    about = {"notes": spaces.notes, "first_words": _first_words(spaces)}
    write_json(folder / NOTES, about)
    return made


def load(folder: str | Path) -> Fitted:
    """What `save` wrote."""
    return Fitted(Map.load(Path(folder) / SOURCE), Map.load(Path(folder) / TARGET))


def map_spaces(
    source: str | Path,
    target: str | Path,
    out: str | Path,
    *,
    method: str = "procrustes",
    dictionary: str | Path | None = None,
    limit: int | None = LIMIT,
    bad_rows: BadRows = "refuse",
    form: Form | None = "text",
    **how: Any,
) -> tuple[list[Path], list[str]]:
    """Read two spaces, map them into one, write maps and vectors: files made, and notes."""
    _refuse_foreign(Path(out))
    spaces = read_spaces(source, target, limit=limit, bad_rows=bad_rows)
    if form:
        for name, side in ((SOURCE, spaces.source), (TARGET, spaces.target)):
            check_words(Path(out) / f"{name}{ENDINGS[form]}", side.words)
    pairs = None
    if dictionary is not None:
        pairs = training_pairs(_dictionary(dictionary, spaces))
    with _about(f"{source} and {target}"):
        fitted = fit_maps(method, spaces, pairs, **how)
        if not all(map(_centres, fitted)):
            x, y = (
                unit(one.apply(side.array)) for one, side in zip(fitted, spaces[:2], strict=True)
            )
            spaces.notes.extend(_centring_note(x, y, None, mapped=True))
    return save(out, fitted, spaces, form=form), spaces.notes


def _refuse_foreign(out: Path) -> None:
    refuse_file(out)
    if out.is_dir() and any(out.iterdir()) and not (out / NOTES).is_file():
        raise OutputError(
            "is not empty and holds no maps", file=out, remedy="choose another folder with --out"
        )


def look_up(
    source: str | Path,
    target: str | Path,
    *,
    maps: str | Path | None = None,
    dictionary: str | Path | None = None,
    out: str | Path | None = None,
    k: int = 5,
    limit: int | None = LIMIT,
    bad_rows: BadRows = "refuse",
    seed: int = 0,
) -> tuple[Scores, list[str]]:
    """Translations of words between two spaces: scored, written, or both.

    Args:
        source: word vectors.
        target: word vectors, in the same space, unless `maps` brings them there.
        maps: the folder of `map_spaces`.
        dictionary: words to ask and their right answers; accuracies by nearest neighbour and by
            CSLS side by side.
        out: a TSV of the k best translations of every source word by CSLS, with scores.
        k: how many; fewer where there are fewer words.
        limit: words of each file.
        bad_rows: `refuse` or `skip`, see `read_word_vectors`.
        seed: of the bootstrap.

    Raises:
        UsageError: neither a dictionary nor `out`, a folder as `out`, k below 1, or maps of the
            two files the other way round.
        VectorError: spaces of different widths.
    """
    if dictionary is None and out is None:
        raise UsageError("nothing to do", remedy="give --dictionary to score, --out to write")
    if k < 1:
        raise UsageError(f"k is {k}", remedy="ask for 1 translation at least with --k")
    if out is not None and Path(out).is_dir():
        raise UsageError(f"{out} is a folder", remedy="name a file with --out")
    spaces = read_spaces(source, target, limit=limit, bad_rows=bad_rows)
    sides = [spaces.source.array, spaces.target.array]
    fitted = None
    if maps is not None:
        fitted = load(maps)
        _refuse_swapped(Path(maps), spaces)
    if fitted is not None:
        with _about(f"{source} and {target}"):
            sides = [one.apply(side) for one, side in zip(fitted, sides, strict=True)]
    if sides[0].shape[1] != sides[1].shape[1]:
        raise VectorError(
            f"spaces of widths {sides[0].shape[1]} and {sides[1].shape[1]} have no cosine",
            file=f"{source} and {target}",
            remedy="bring them into one with `isogloss map`, and name its folder with --map",
        )
    x, y = (unit(side) for side in sides)
    rows, asked = Scores(), None
    if dictionary is not None:
        asked = _dictionary(dictionary, spaces)
        for score in ("cosine", "csls"):
            rows += induce(x, y, asked, score=score, seed=seed)
    if fitted is None or not all(map(_centres, fitted)):
        spaces.notes.extend(_centring_note(x, y, asked, mapped=fitted is not None))
    if out is not None:
        if k > len(y):
            spaces.notes.append(f"{out}: {len(y)} translations a word, all words there are")
        found = nearest(x, y, min(k, len(y)), score="csls")
        with atomic_write(out) as file:
            file.write("source\trank\ttarget\tcsls\n")
            for word, ids, scores in zip(spaces.source.words, found.ids, found.scores, strict=True):
                file.writelines(
                    f"{word}\t{rank}\t{spaces.target.words[i]}\t{value:.6f}\n"
                    for rank, (i, value) in enumerate(zip(ids, scores, strict=True), 1)
                )
    return rows, spaces.notes


def _first_words(spaces: Spaces) -> dict[str, str]:
    """What names each side, however many of its words were read."""
    return {
        name: fingerprint_texts(side.words[:FIRST])
        for name, side in ((SOURCE, spaces.source), (TARGET, spaces.target))
    }


def _refuse_swapped(maps: Path, spaces: Spaces) -> None:
    try:
        were = json.loads((maps / NOTES).read_text(encoding="utf-8"))["first_words"]
    except (OSError, ValueError, KeyError, TypeError):  # maps need no notes to be applied
        return
    are = _first_words(spaces)
    if are != were and were == {SOURCE: are[TARGET], TARGET: are[SOURCE]}:
        raise UsageError(
            f"the maps of {maps} were fitted with source and target the other way round",
            remedy="name the two files in the order in which they were mapped",
        )


def _centres(fitted: Map) -> bool:
    return any(step.get("method") in CENTRED for step in fitted.about.get("chain", [fitted.about]))


def _centring_note(
    x: np.ndarray, y: np.ndarray, asked: Dictionary | None, *, mapped: bool
) -> Generator[str]:
    if asked is None:
        found = centring(x, y, np.arange(min(LOOKED_AT, len(x))))
        accuracy = ""
    else:
        found = centring(x, y, asked.queries, asked.gold)
        accuracy = f", and P@1 by cosine from {found.plain:.3f} to {found.centred:.3f}"
    if found.changed > CENTRING:
        unless = "" if mapped else ", unless they were mapped so"
        yield (
            f"WARNING: centring each side would change {found.changed:.0%} of the nearest words"
            f"{accuracy}; map with --normalise unit,centre,unit{unless}"
        )


def _dictionary(path: str | Path, spaces: Spaces) -> Dictionary:
    """A dictionary's rows of both spaces; a note tells how much of it is there."""
    read = read_lexicon(path)
    with _about(path):
        found = dictionary_rows(read.entries, spaces.source.words, spaces.target.words)
    if len(found.queries) < 2:
        raise CorpusError(
            f"{coverage(found)}, and 2 are needed", file=path,
            remedy="give more words; check the languages, and whether words are lower-cased",
        )  # fmt: skip
    left = "".join(f"; {n:,} {why}" for why, n in read.dropped.items())
    spaces.notes.extend([*read.notes, f"{path}: {coverage(found)}{left}"])
    return found


@contextmanager
def _about(file: str | Path) -> Generator[None]:
    """Name the file in errors of what knows arrays and words only."""
    try:
        yield
    except (CorpusError, VectorError) as error:
        if error.file is not None:
            raise
        raise type(error)(error.message, file=file, remedy=error.remedy) from None


def coverage(dictionary: Dictionary) -> str:
    """How much of a dictionary can be asked, in a sentence."""
    left = "".join(f"; {n:,} {why}" for why, n in dictionary.dropped.items())
    return (
        f"{len(dictionary.queries):,} of {dictionary.words:,} words ({dictionary.coverage:.1%}) "
        f"are in both spaces{left}"
    )

"""Vectors on disk, so that the same texts and the same model are run once.

One file a layer, `<root>/vectors/<model>/<key>/layer-<n>.npy`, and `tokens.npy` beside them. Each
is a plain `.npy` that numpy can map, followed by 32 bytes: the sha256 of what stands before. A
file whose sum does not fit is made again. Files appear whole or not at all, so any number of runs
may share the cache.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from isogloss.encode.protocol import Encoder, Progress, differs_by_language
from isogloss.encode.texts import (
    About,
    assemble,
    check_window,
    choose_layers,
    present,
)
from isogloss.encode.vectors import Vectors
from isogloss.errors import OutputError
from isogloss.files import atomic_write, fingerprint

_SUM = 32
_CLOSE = 2**-10


def cache_root() -> Path:
    """The folder of the environment variable ISOGLOSS_CACHE, else ~/.cache/isogloss."""
    named = os.environ.get("ISOGLOSS_CACHE")
    return Path(named).expanduser() if named else Path.home() / ".cache" / "isogloss"


def encode_cached(
    encoder: Encoder,
    texts: Sequence[str | None],
    *,
    language: str,
    layers: Sequence[int] | None = None,
    pooling: str | None = None,
    strict: bool = False,
    progress: Progress | None = None,
    cache: Path | None = None,
    dtype: Literal["float16", "float32"] = "float16",
) -> dict[int, Vectors]:
    """`encoder.encode`, with vectors kept on disk under (model, texts, layer, pooling, window).

    The language is part of the name where the encoder has modules that differ by it.

    Vectors are rounded to `dtype` before they are given out the first time too, so the first run
    and the runs from the cache see the same numbers. Where float16 would move a vector by more
    than 2^-10 of its length (values too large or too small for it), that layer is kept in float32.

    Args:
        encoder: any encoder.
        texts: one entry a row, None where there is no text.
        language: canonical tag.
        layers: the last if not given; only these are computed and read.
        pooling: the encoder's own if not given.
        strict: refuse texts over the window.
        progress: called with the number of texts just finished; at once if all are cached.
        cache: the root folder, see `cache_root`.
        dtype: how vectors are kept.

    Raises:
        TruncationError: `strict`, and a text is longer than the window.
        OutputError: the cache cannot be written.
    """
    there = present(texts)
    chosen = choose_layers(layers, encoder.layers, encoder.name)
    how = pooling or encoder.pooling
    named = [language] if differs_by_language(encoder) else []
    key = fingerprint("vectors.v1", there.fingerprint, how, encoder.window, dtype, *named)
    folder = (cache or cache_root()) / "vectors" / encoder.fingerprint / key
    n = len(there.rows)
    tokens = read_array(folder / "tokens.npy", n)  # [n]
    arrays: dict[int, np.ndarray] = {}  # each [n, d]
    if tokens is not None:
        read = {layer: read_array(_layer(folder, layer), n) for layer in chosen}
        arrays = {layer: array for layer, array in read.items() if array is not None}
    lacking = [layer for layer in chosen if layer not in arrays]
    if tokens is None or lacking:
        made = encoder.encode(
            texts,
            language=language,
            layers=lacking,
            pooling=how,
            strict=strict,
            progress=progress,
        )
        tokens = made[lacking[0]].tokens
        write_array(folder / "tokens.npy", tokens)
        for layer in lacking:
            arrays[layer] = _rounded(made[layer].array, dtype)
            write_array(_layer(folder, layer), arrays[layer])
    elif progress:
        progress(there.total)
    if strict:
        check_window(tokens, there.rows, encoder.window, language)
    full = {layer: np.asarray(arrays[layer], np.float32) for layer in chosen}
    about = About(how, language, tokens, encoder.window, encoder.fingerprint)
    return assemble(full, there, about)


def _layer(folder: Path, layer: int) -> Path:
    return folder / f"layer-{layer:02d}.npy"


def _rounded(array: np.ndarray, dtype: str) -> np.ndarray:
    """The array in `dtype`, or in float32 where float16 cannot hold it."""
    if dtype == "float32":
        return array
    with np.errstate(over="ignore"):
        half = array.astype(np.float16)
        moved = np.linalg.norm(half.astype(np.float32) - array, axis=1)  # [n]
    fits = moved <= _CLOSE * np.linalg.norm(array, axis=1)
    return half if fits.all() else array


def write_array(path: Path, array: np.ndarray) -> None:
    """A `.npy` with the sum of its bytes behind it, whole or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    header = io.BytesIO()
    array = np.ascontiguousarray(array)
    np.lib.format.write_array_header_1_0(header, np.lib.format.header_data_from_array_1_0(array))
    body = memoryview(array.reshape(-1).view(np.uint8).data)
    digest = hashlib.sha256(header.getvalue())
    digest.update(body)
    try:
        with atomic_write(path, "wb") as file:
            file.write(header.getvalue())
            file.write(body)
            file.write(digest.digest())
    except OutputError as error:
        raise OutputError(
            f"the cache of vectors: {error.message}",
            file=path,
            remedy="free some space, or name another folder in ISOGLOSS_CACHE",
        ) from error


def read_array(path: Path, rows: int | None = None) -> np.ndarray | None:
    """An array of `write_array`, mapped; None if it is absent, damaged or not of so many rows."""
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
        whole = np.memmap(path, np.uint8, "r")
    except (OSError, ValueError, EOFError):
        return None
    if array.ndim == 0 or rows not in (None, len(array)) or len(whole) <= _SUM:
        return None
    digest = hashlib.sha256(whole[:-_SUM].data).digest()
    return array if digest == whole[-_SUM:].tobytes() else None

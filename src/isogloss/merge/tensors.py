"""Tensors where they lie in a model folder's safetensors files, read and written in slices.

    found = read_tensors(Path("folder"))            # {name: Tensor}; reads headers alone
    part = floats(read(found["embeddings.weight"], 0, 1000), "BF16")

Files are read by their offsets and not mapped: mapped pages that were touched count as memory.

Source: the format of safetensors: 8 bytes for the header's length, a JSON header with type, shape
and offsets of every tensor, and the tensors, little-endian.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from isogloss.encode.folder import read_json
from isogloss.errors import ModelError

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
FLOATS = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}
"""Types that are computed with, and how numpy reads them; it has no bfloat16."""
_OTHERS = {
    "BOOL": "|u1", "U8": "|u1", "I8": "|i1", "U16": "<u2", "I16": "<i2", "U32": "<u4",
    "I32": "<i4", "U64": "<u8", "I64": "<i8",
}  # fmt: skip
_TYPES = {**FLOATS, **_OTHERS}
_MOST_HEADER = 100_000_000  # bytes, the limit of the format
_LENGTH = 8  # bytes that say how long the header is


@dataclass(frozen=True)
class Tensor:
    """Where a tensor lies.

    Attributes:
        name: in the model.
        kind: its type as the format calls it: `F32`, `BF16`, `I64` ...
        shape: of the whole.
        file: that holds it.
        offset: of its first byte in the file.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    file: Path
    offset: int

    @property
    def count(self) -> int:
        """Values it has."""
        return math.prod(self.shape)

    @property
    def width(self) -> int:
        """Bytes of a value."""
        return np.dtype(_TYPES[self.kind]).itemsize

    @property
    def is_float(self) -> bool:
        """Whether it is computed with."""
        return self.kind in FLOATS

    @property
    def computed(self) -> bool:
        """Whether it stands in no file as it is."""
        return False

    def values(self, start: int, count: int, wide: type = np.float32) -> np.ndarray:
        """`[count]` numbers from the start-th on."""
        return floats(read(self, start, count), self.kind, wide)


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files of one model: `model.safetensors`, or the shards that the index names.

    Raises:
        ModelError: there are none, one is missing, or one lies elsewhere.
    """
    if (folder / WEIGHTS).is_file():
        return [folder / WEIGHTS]
    if not (folder / INDEX).is_file():
        raise ModelError(
            f"has neither {WEIGHTS} nor {INDEX}",
            file=folder,
            remedy="save the model with save_pretrained(folder)",
        )
    names = sorted({str(name) for name in _weight_map(folder).values()})
    for name in names:
        if Path(name).name != name or not name.endswith(".safetensors"):
            raise ModelError(
                f"names a shard that is no file beside it: {name}", file=folder / INDEX
            )
        if not (folder / name).is_file():
            raise ModelError(
                f"the shard {name} is missing",
                file=folder,
                remedy=f"copy all {len(names)} shards that {INDEX} names",
            )
    return [folder / name for name in names]


def read_tensors(folder: Path) -> dict[str, Tensor]:
    """Every tensor of a model by name, in the order of files and offsets.

    Raises:
        ModelError: missing or broken files, types that are not read, tensors named twice.
    """
    found: dict[str, Tensor] = {}
    for file in weight_files(folder):
        for tensor in read_file(file):
            if tensor.name in found:
                raise ModelError(
                    f"{tensor.name} is in {found[tensor.name].file.name} too", file=file
                )
            found[tensor.name] = tensor
    if not (folder / WEIGHTS).is_file():
        wanted = _weight_map(folder)
        wrong = [n for n, file in wanted.items() if n not in found or found[n].file.name != file]
        if wrong:
            raise ModelError(
                f"{len(wrong)} tensors are not in the shard that it names, such as {wrong[0]}",
                file=folder / INDEX,
            )
    return found


def read_file(file: Path) -> list[Tensor]:
    """The tensors of one file in the order of their places, from its header alone.

    Raises:
        ModelError: it is not a whole safetensors file, or has types that are not read.
    """
    size = file.stat().st_size
    with file.open("rb") as opened:
        length = int.from_bytes(opened.read(_LENGTH), "little")
        if size < _LENGTH or length > min(size - _LENGTH, _MOST_HEADER):
            raise ModelError(
                "is not a safetensors file, or was cut short",
                file=file, remedy="copy or download it again",
            )  # fmt: skip
        try:
            header = json.loads(opened.read(length))
            found = [
                _tensor(name, facts, file, _LENGTH + length)
                for name, facts in header.items()
                if name != "__metadata__"
            ]
        except ModelError:
            raise
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ModelError(
                f"its header is not that of a safetensors file: {error}", file=file
            ) from None
    found.sort(key=lambda tensor: (tensor.offset, tensor.count))
    end = _LENGTH + length
    for tensor in found:
        if tensor.offset != end:
            raise ModelError(f"{tensor.name} does not begin where the one before ends", file=file)
        end += tensor.count * tensor.width
    if end != size:
        raise ModelError(
            f"its header promises {end:,} bytes and it has {size:,}",
            file=file, remedy="it was cut short: copy or download it again",
        )  # fmt: skip
    return found


def header_bytes(file: Path) -> bytes:
    """All that stands before a file's tensors."""
    with file.open("rb") as opened:
        start = opened.read(_LENGTH)
        return start + opened.read(int.from_bytes(start, "little"))


def slices(count: int, size: int) -> Iterator[tuple[int, int]]:
    """Begin and length of each slice of `count` values."""
    for start in range(0, count, size):
        yield start, min(size, count - start)


def read(tensor: Tensor, start: int, count: int) -> np.ndarray:
    """`[count]` values from the start-th on, as they are stored.

    Raises:
        ModelError: the file ends before.
    """
    kind = np.dtype(_TYPES[tensor.kind])
    values = np.empty(count, kind)
    with tensor.file.open("rb", buffering=0) as file:
        file.seek(tensor.offset + start * kind.itemsize)
        view, at = values.data.cast("B"), 0
        while at < len(view):
            done = file.readinto(view[at:])  # one call gives 2 GiB at most, or less
            if not done:
                raise ModelError("became shorter while it was read", file=tensor.file)
            at += done
    return values


def write(tensor: Tensor, start: int, values: np.ndarray) -> None:
    """Put stored values at their place in the tensor's file, which is there."""
    data = np.ascontiguousarray(values, _TYPES[tensor.kind]).data.cast("B")
    with tensor.file.open("r+b", buffering=0) as file:
        file.seek(tensor.offset + start * tensor.width)
        at = 0
        while at < len(data):
            at += file.write(data[at:])


def floats(stored: np.ndarray, kind: str, wide: type = np.float32) -> np.ndarray:
    """Stored values as numbers of type `wide`; exact unless float64 is read as less."""
    if kind == "BF16":
        stored = (stored.astype(np.uint32) << 16).view(np.float32)
    return stored.astype(wide, copy=False)


def stored(values: np.ndarray, kind: str) -> np.ndarray:
    """Numbers as a type stores them, rounded to the nearest, ties to even."""
    if kind != "BF16":
        with np.errstate(over="ignore"):  # whoever calls looks for what is not finite
            return values.astype(FLOATS[kind], copy=False)
    bits = values.astype(np.float32, copy=False).view(np.uint32)
    made = bits >> 16
    made &= 1
    made += 0x7FFF
    made += bits  # a NaN's own bits could run over here
    made >>= 16
    if np.isnan(values).any():
        made = np.where(np.isnan(values), np.uint32(0x7FC0), made)
    return made.astype(np.uint16)


def _weight_map(folder: Path) -> dict[str, str]:
    found = read_json(folder / INDEX)
    names = found.get("weight_map") if isinstance(found, dict) else None
    if not isinstance(names, dict) or not names:
        raise ModelError("has no weight_map", file=folder / INDEX)
    return names


def _tensor(name: str, facts: dict[str, Any], file: Path, start: int) -> Tensor:
    kind, shape = facts["dtype"], tuple(facts["shape"])
    if kind not in _TYPES:
        raise ModelError(
            f"{name} is of type {kind}, which is not read here",
            file=file, remedy=f"save the model in one of {', '.join(FLOATS)}",
        )  # fmt: skip
    if not all(isinstance(n, int) and n >= 0 for n in shape):
        raise ValueError(f"{name} has the shape {list(shape)}")
    begin, end = facts["data_offsets"]
    made = Tensor(name, kind, shape, file, start + begin)
    if end - begin != made.count * made.width:
        raise ValueError(f"{name} has {end - begin} bytes for {made.count} values of {kind}")
    return made

"""Fonts: which files there are, and which characters each has a glyph for."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from isogloss.errors import ModelError, UsageError
from isogloss.files import sha256_file

FOLDERS = (
    "/usr/share/fonts", "/usr/local/share/fonts", "~/.local/share/fonts", "~/.fonts",
    "/System/Library/Fonts", "/Library/Fonts", "~/Library/Fonts", "C:/Windows/Fonts",
)  # fmt: skip
"""Where systems keep their fonts."""

_SUFFIXES = (".ttf", ".otf", ".ttc", ".otc")
_OUTLINES = {b"glyf", b"CFF ", b"CFF2"}  # a font of bitmaps alone has one size and no grey
_UNICODE = {(0, 3), (0, 4), (0, 6), (3, 1), (3, 10)}  # platform and encoding of a cmap
_STYLED = ("bold", "italic", "oblique", "light", "thin", "black", "condensed", "narrow", "mono",
           "display", "medium", "semi", "extra", "serif", "emoji", "symbol")  # fmt: skip
_REMEDY = (
    "install fonts of the scripts you need (such as the package fonts-noto-core, and "
    "fonts-noto-cjk for Chinese, Japanese and Korean), or name font files or a folder"
)


@dataclass(frozen=True, eq=False)
class Font:
    """One face of a font file.

    Attributes:
        path: the file.
        index: the face in a collection, 0 elsewhere.
        characters: `[n]` code points it has a glyph for, rising.
    """

    path: Path
    index: int
    characters: np.ndarray

    def has(self, character: str) -> bool:
        """Whether there is a glyph for a character."""
        at = int(np.searchsorted(self.characters, ord(character)))
        return at < len(self.characters) and int(self.characters[at]) == ord(character)

    def about(self) -> dict[str, str | int]:
        """What names it: file name, face, and the sha256 of the file."""
        return {"name": self.path.name, "index": self.index, "sha256": sha256_file(self.path)}


def read_font(path: str | Path) -> Font:
    """The first face of a TrueType or OpenType file.

    Raises:
        ModelError: not such a file, no outlines, or no table from Unicode to glyphs.

    Source: the OpenType specification, tables of the font file, `cmap`, formats 4 and 12.
    """
    path = Path(path)
    try:
        data = np.memmap(path, np.uint8, "r").data
        tables = _tables(data)
        if not _OUTLINES & tables.keys():
            raise ModelError("a font without outlines, which cannot be drawn in grey", file=path)
        return Font(path, 0, _characters(data, tables[b"cmap"]))
    except (OSError, ValueError, KeyError, struct.error) as error:
        raise ModelError(f"not a font that can be read: {error!r}", file=path) from error


def find_fonts(named: Sequence[str | Path] | None = None) -> list[Font]:
    """The faces of the named files and folders, or of the system's folders, best first.

    Named ones keep their order, files of a folder by name. The system's are ordered so that plain
    upright ones without serifs come first, those of Noto before others.

    Raises:
        UsageError: there is no font, or a name is no file.
        ModelError: a named file is no font that can be drawn.
    """
    if named is not None:
        files = [file for name in named for file in _named(Path(name).expanduser())]
        fonts = [read_font(file) for file in files]
    else:
        fonts = list(_readable(sorted(set(_system()), key=_rank)))
    if not fonts:
        raise UsageError("there is no font to draw text with", remedy=_REMEDY)
    return fonts


def choose_fonts(characters: Iterable[str], fonts: Sequence[Font]) -> tuple[list[Font], list[str]]:
    """The fonts that are needed for some characters, in their order, and characters of no font.

    A character needs the first font that has it.
    """
    needed, lacking = set(), []
    for character in sorted(set(characters)):
        first = next((i for i, font in enumerate(fonts) if font.has(character)), None)
        if first is None:
            lacking.append(character)
        else:
            needed.add(first)
    return [fonts[i] for i in sorted(needed)], lacking


def same_font(about: dict[str, str | int], beside: Path) -> Font:
    """The very font that `Font.about` named: from a folder `beside`, or from the system's.

    Raises:
        ModelError: it is not there; another version of it would draw other pixels.
    """
    name = str(about["name"])
    found = [beside / name, *(file for file in _system() if file.name == name)]
    for file in found:
        if file.is_file() and sha256_file(file) == about["sha256"]:
            return read_font(file)
    raise ModelError(
        f"the font {name} that this model was trained with is not here",
        file=beside,
        remedy=f"put the file with the sha256 {about['sha256']} there, or install its package",
    )


def _named(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(f for f in path.rglob("*") if f.suffix.lower() in _SUFFIXES)
    if not path.is_file():
        raise UsageError(f"there is no font {path}", remedy="name font files or a folder of them")
    return [path]


def _system() -> Iterator[Path]:
    for folder in FOLDERS:
        root = Path(folder).expanduser()
        if root.is_dir():
            yield from (f for f in root.rglob("*") if f.suffix.lower() in _SUFFIXES)


def _rank(path: Path) -> tuple[int, bool, bool, str, str]:
    """Fewest words of style first, then Noto Sans, its general font before those of a script."""
    name = path.stem.lower()
    styles = sum(style in name for style in _STYLED)
    return styles, not name.startswith("notosans"), name != "notosans-regular", name, str(path)


def _readable(files: Iterable[Path]) -> Iterator[Font]:
    for file in files:
        try:
            yield read_font(file)
        except ModelError:
            continue  # the system's folders hold fonts of bitmaps and damaged ones


def _tables(data: memoryview) -> dict[bytes, int]:
    """Where each table of the first face begins."""
    at = 0
    if bytes(data[:4]) == b"ttcf":
        (at,) = struct.unpack_from(">I", data, 12)
    if bytes(data[at : at + 4]) not in (b"\x00\x01\x00\x00", b"OTTO", b"true"):
        raise ValueError("no TrueType or OpenType")
    (count,) = struct.unpack_from(">H", data, at + 4)
    records = [struct.unpack_from(">4sIII", data, at + 12 + 16 * i) for i in range(count)]
    return {tag: start for tag, _, start, _ in records}


def _characters(data: memoryview, at: int) -> np.ndarray:
    """Code points `[n]` that the best Unicode table maps to a glyph other than 0."""
    (count,) = struct.unpack_from(">H", data, at + 2)
    found: dict[int, int] = {}
    for i in range(count):
        platform, encoding, start = struct.unpack_from(">HHI", data, at + 4 + 8 * i)
        if (platform, encoding) in _UNICODE:
            found[struct.unpack_from(">H", data, at + start)[0]] = at + start
    if 12 in found:  # all of Unicode; 4 is the first plane alone
        return _groups(data, found[12])
    if 4 in found:
        return _segments(data, found[4])
    raise ValueError("no table from Unicode to glyphs")


def _groups(data: memoryview, at: int) -> np.ndarray:
    """Format 12: runs of characters and the glyph of the first of each."""
    (count,) = struct.unpack_from(">I", data, at + 12)
    groups = np.frombuffer(data, ">u4", 3 * count, at + 16).reshape(-1, 3).astype(np.int64)
    runs = [np.arange(a + (glyph == 0), b + 1) for a, b, glyph in groups]
    return np.unique(np.concatenate([np.empty(0, np.int64), *runs]))


def _segments(data: memoryview, at: int) -> np.ndarray:
    """Format 4: segments with a shift, or with an offset into a list of glyphs."""
    length, _, double = struct.unpack_from(">HHH", data, at + 2)
    count = double // 2
    words = np.frombuffer(data, ">u2", length // 2, at).astype(np.int64)
    last = words[7 : 7 + count]
    first, shift, offset = (words[8 + k * count : 8 + (k + 1) * count] for k in (1, 2, 3))
    runs = []
    for i in range(count):
        points = np.arange(first[i], last[i] + 1)
        if offset[i]:
            where = 8 + 3 * count + i + offset[i] // 2 + points - first[i]
            glyphs = words[np.minimum(where, len(words) - 1)]
            glyphs = np.where(glyphs == 0, 0, (glyphs + shift[i]) % 65536)
        else:
            glyphs = (points + shift[i]) % 65536
        runs.append(points[(glyphs != 0) & (points != 0xFFFF)])
    return np.unique(np.concatenate([np.empty(0, np.int64), *runs]))

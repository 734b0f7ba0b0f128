"""Words as pixels: each is drawn by itself and cut into patches that a network can read."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal, Protocol

import numpy as np
import regex
from pydantic import Field

from isogloss.encode.fonts import Font, choose_fonts, find_fonts, same_font
from isogloss.errors import IsoglossError, MissingExtra, ModelError
from isogloss.settings import Settings, read_settings

_CLUSTER = regex.compile(r"\X")
_HIDDEN = regex.compile(r"[\p{Cc}\p{DI}]")  # joiners, directions: they shape what is around them
_BASELINE = 0.75  # of the height, from above


class Drawing(Settings):
    """How a word becomes patches.

    Attributes:
        height: of a patch, in pixels.
        width: of a patch.
        size: of the font, in pixels; two thirds of the height holds the marks of most scripts.
        letters: letters to a patch, each with its marks; a wider patch is narrowed to fit. Alike
            letters are alike patches then, which is learned sooner. 0 draws the word in one piece,
            so that all its letters join, and cuts it every `width` pixels.
        longest: patches of a word; what is behind them is cut.
    """

    height: int = Field(default=24, ge=4)
    width: int = Field(default=24, ge=4)
    size: int = Field(default=16, ge=4)
    letters: int = Field(default=2, ge=0)
    longest: int = Field(default=16, ge=1)


class Renderer(Protocol):
    """Words to patches, each word by itself.

    Attributes:
        shape: height and width of a patch.
        longest: patches of a word.
    """

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of a patch."""
        ...

    @property
    def longest(self) -> int:
        """Patches of a word at most."""
        ...

    def lacking(self, word: str) -> str:
        """Characters of a word that it cannot draw; such a word is not drawn at all."""
        ...

    def draw(self, word: str) -> np.ndarray:
        """Patches `[t, height, width]` uint8 of a word, 255 for ink."""
        ...

    def about(self) -> dict[str, Any]:
        """What makes the same patches again, see `read_renderer`."""
        ...


class Pixels:
    """Words drawn with fonts, in grey, black where there is nothing.

    The font of a word is the first that has all its characters; else each run of characters is
    drawn in the first that has them. Words are drawn in Unicode's composed form (NFC), joined and
    ordered by raqm where Pillow has it; without, `notes` says that letters stand apart and in the
    order of the text.

    Args:
        fonts: those to draw with, best first.
        drawing: sizes.

    Raises:
        MissingExtra: Pillow is not installed.
        ModelError: Pillow cannot read a font.

    Source: Rust et al. (2023), Language Modelling with Pixels, section 2.1: text drawn in a strip
    that is cut into patches. `letters`: Lotz et al. (2023), Text Rendering Strategies for Pixel
    Language Models, whose patches hold two characters each.
    """

    def __init__(self, fonts: Sequence[Font], drawing: Drawing | None = None) -> None:
        self.fonts, self.drawing = list(fonts), drawing or Drawing()
        pillow = _pillow()
        self.joined = bool(pillow.features.check("raqm"))
        layout = pillow.ImageFont.Layout
        engine = layout.RAQM if self.joined else layout.BASIC
        self._pillow, self._faces = pillow, []
        for font in self.fonts:
            try:
                face = pillow.ImageFont.truetype(
                    str(font.path), self.drawing.size, index=font.index, layout_engine=engine
                )
            except OSError as error:
                raise ModelError(f"Pillow cannot read the font: {error}", file=font.path) from error
            self._faces.append(face)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of a patch."""
        return self.drawing.height, self.drawing.width

    @property
    def longest(self) -> int:
        """Patches of a word at most."""
        return self.drawing.longest

    @property
    def notes(self) -> list[str]:
        """What is not as it should be."""
        if self.joined:
            return []
        return [
            "Pillow has no raqm here: letters of Arabic, Devanagari and other joined scripts are "
            "drawn apart, and from left to right"
        ]

    def lacking(self, word: str) -> str:
        """Characters of a word that no font has; joiners and other invisible ones aside."""
        return "".join(c for c in _visible(_composed(word)) if self._first(c) is None)

    def draw(self, word: str) -> np.ndarray:
        """Patches `[t, height, width]` uint8 of a word, 255 for ink.

        Raises:
            ModelError: a character that no font has, see `lacking`.
        """
        if absent := self.lacking(word):
            raise ModelError(f"no font has {absent!r} of the word {word!r}")
        word, (height, width) = _composed(word), self.shape
        if not self.drawing.letters:
            strip = self._strip(word)
            count = min(max(1, math.ceil(strip.shape[1] / width)), self.longest)
            wide = np.zeros((height, count * width), np.uint8)
            part = strip[:, : count * width]
            wide[:, : part.shape[1]] = part
            return np.ascontiguousarray(wide.reshape(height, count, width).swapaxes(0, 1))
        clusters, step = _CLUSTER.findall(word), self.drawing.letters
        parts = ["".join(clusters[i : i + step]) for i in range(0, len(clusters), step)]
        return np.stack([self._fitted(part) for part in parts[: self.longest]])

    def about(self) -> dict[str, Any]:
        """The fonts, the sizes and the versions that the pixels depend on."""
        versions = {
            name: self._pillow.features.version(name) for name in ("pil", "freetype2", "raqm")
        }
        return {
            "kind": "pixels",
            "drawing": self.drawing.model_dump(),
            "fonts": [font.about() for font in self.fonts],
            "joined": self.joined,
            "versions": versions,
        }

    def _first(self, character: str) -> int | None:
        return next((i for i, font in enumerate(self.fonts) if font.has(character)), None)

    def _runs(self, text: str) -> list[tuple[int, str]]:
        """A text as runs of one font each."""
        shown = set(_visible(text))
        for number, font in enumerate(self.fonts):
            if all(map(font.has, shown)):
                return [(number, text)]
        runs: list[tuple[int, str]] = []
        for character in text:
            number = self._first(character) if character in shown else None
            if runs and number in (None, runs[-1][0]):
                runs[-1] = (runs[-1][0], runs[-1][1] + character)
            elif number is not None:
                runs.append((number, character))
        return runs

    def _strip(self, text: str) -> np.ndarray:
        """A text as `[height, w]`, as wide as it is."""
        if not self.joined:  # without shaping, what is invisible would be drawn as a box
            text = _visible(text)
        runs = [(self._faces[number], part) for number, part in self._runs(text)]
        widths = [math.ceil(face.getlength(part)) for face, part in runs]
        height = self.drawing.height
        image = self._pillow.Image.new("L", (sum(widths) + 2, height), 0)
        draw = self._pillow.ImageDraw.Draw(image)
        x = 1  # some letters reach a pixel to the left of where they stand
        for (face, part), wide in zip(runs, widths, strict=True):
            draw.text((x, round(_BASELINE * height)), part, fill=255, font=face, anchor="ls")
            x += wide
        return np.asarray(image, np.uint8)

    def _fitted(self, text: str) -> np.ndarray:
        """A text as one patch, narrowed if it is wider."""
        strip, (height, width) = self._strip(text), self.shape
        if strip.shape[1] > width:
            image = self._pillow.Image.fromarray(strip)
            bilinear = self._pillow.Image.Resampling.BILINEAR
            return np.asarray(image.resize((width, height), bilinear), np.uint8)
        patch = np.zeros((height, width), np.uint8)
        patch[:, : strip.shape[1]] = strip
        return patch


class Bytes:
    """Words as the bytes of their UTF-8, one a patch of 1 x 256 with one point of ink.

    What a network over bytes reads, in the place of pixels: the same network, no fonts. Letters
    that look alike share nothing here.

    Args:
        longest: bytes of a word; what is behind them is cut.
    """

    shape = (1, 256)

    def __init__(self, longest: int = 48) -> None:
        self.longest = longest

    def lacking(self, word: str) -> str:
        """Nothing: every character has bytes."""
        return ""

    def draw(self, word: str) -> np.ndarray:
        """Patches `[t, 1, 256]` uint8 of a word."""
        found = np.frombuffer(_composed(word).encode()[: self.longest], np.uint8)
        patches = np.zeros((max(1, len(found)), 1, 256), np.uint8)
        patches[np.arange(len(found)), 0, found] = 255
        return patches

    def about(self) -> dict[str, Any]:
        """What makes the same patches again."""
        return {"kind": "bytes", "longest": self.longest}


def make_renderer(
    kind: Literal["pixels", "bytes"],
    characters: Iterable[str],
    *,
    fonts: Sequence[str | Path] | None = None,
    **drawing: Any,
) -> Pixels | Bytes:
    """A renderer for text with these characters; of the system's fonts those that it needs.

    Args:
        kind: what words become.
        characters: of the text; a renderer of pixels keeps one font for each.
        fonts: files and folders, see `find_fonts`; all of them are kept.
        drawing: settings of `Drawing`, or `longest` for bytes.

    Raises:
        UsageError: no font at all.
        MissingExtra: Pillow is not installed.
    """
    if kind == "bytes":
        return Bytes(**drawing)
    _pillow()  # what is not installed is told before what has no font
    found = find_fonts(fonts)
    if fonts is None:
        shown = {c for text in characters for c in _visible(_composed(text))}
        found = choose_fonts(shown, found)[0] or found[:1]
    return Pixels(found, read_settings(Drawing, drawing))


def read_renderer(about: dict[str, Any], beside: Path) -> Pixels | Bytes:
    """The renderer that `about` describes, with the very same fonts.

    Args:
        about: what `Renderer.about` gave.
        beside: a folder that may hold the fonts; else they are the system's.

    Raises:
        ModelError: a font is not here in this version, or letters were joined and cannot be.
        MissingExtra: Pillow is not installed.
    """
    if about["kind"] == "bytes":
        return Bytes(about["longest"])
    _pillow()
    fonts = [same_font(one, beside) for one in about["fonts"]]
    made = Pixels(fonts, read_settings(Drawing, about["drawing"]))
    if made.joined != about["joined"]:
        how = ("apart", "joined by raqm")
        raise ModelError(
            f"the model was trained on letters {how[about['joined']]}; Pillow draws them "
            f"{how[made.joined]} here",
            file=beside,
            remedy="install a Pillow that draws them in the same way, or train again",
        )
    return made


def seen_by(kind: Literal["pixels", "bytes"], fonts: Sequence[str] | None) -> list[Any]:
    """What is here that pixels depend on, for the key of a cache: fonts by size, and Pillow."""
    if kind == "bytes":
        return []
    try:
        features = _pillow().features
        versions = [features.version(name) for name in ("pil", "freetype2", "raqm")]
        found = [(str(font.path), font.path.stat().st_size) for font in find_fonts(fonts)]
    except IsoglossError:  # told where something is drawn
        return []
    return [*versions, *found]


def _pillow() -> SimpleNamespace:
    """The parts of Pillow that draw."""
    try:
        from PIL import Image, ImageDraw, ImageFont, features

        if features.check("freetype2"):
            return SimpleNamespace(
                Image=Image, ImageDraw=ImageDraw, ImageFont=ImageFont, features=features
            )
    except ImportError:
        pass
    raise MissingExtra("pillow", "pixels", "drawing words as pixels")


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _visible(text: str) -> str:
    return _HIDDEN.sub("", text)

"""Real encoders that share nothing: drawings of emoji and their names; two layers of one model.

Glyphs are drawn by the renderer that draws the report's figures, with whatever emoji font there is.
"""

import struct
import zlib

import numpy as np
import pytest

from isogloss import read_corpus
from isogloss.encode import load_encoder
from isogloss.space.unaligned import local_cka, quadratic_matching

SIZE, ACROSS = 32, 20  # pixels of a glyph, glyphs in a row
EMOJI, QUERIES, SEEDS = 400, 60, range(4)


@pytest.fixture(scope="module")
def emoji():
    """Signs and English names of some emoji."""
    pytest.importorskip("emoji", reason="needs pip install isogloss[emoji]")
    corpus = read_corpus("emoji", languages=["eng"])
    chosen = np.random.default_rng(0).permutation(len(corpus))[:EMOJI]
    names = corpus.texts("eng_Latn")
    return [corpus.ids[i] for i in chosen], [names[i] for i in chosen]


def drawn(signs):
    """`[n, SIZE, SIZE, 3]` between 0 and 1."""
    import vl_convert

    texts = "".join(
        f'<text x="{SIZE * (i % ACROSS + 0.5)}" y="{SIZE * (i // ACROSS + 0.82)}" '
        f'text-anchor="middle" font-size="{0.8 * SIZE}" font-family="Noto Color Emoji, Apple Color '
        f'Emoji, Segoe UI Emoji, sans-serif">{sign}</text>'
        for i, sign in enumerate(signs)
    )
    down = -(-len(signs) // ACROSS)
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{SIZE * ACROSS}" height="{SIZE * down}">'
        f'<rect width="100%" height="100%" fill="white"/>{texts}</svg>'
    )
    image = pixels(vl_convert.svg_to_png(svg, scale=1))[..., :3] / 255
    grid = image.reshape(down, SIZE, ACROSS, SIZE, 3).swapaxes(1, 2)
    return grid.reshape(-1, SIZE, SIZE, 3)[: len(signs)]


def pixels(png):
    """A plain reader of 8-bit RGBA, `[h, w, 4]`; see the PNG specification, section 9."""
    at, packed, width, height = 8, b"", 0, 0
    while at < len(png):
        length, kind = struct.unpack(">I4s", png[at : at + 8])
        if kind == b"IHDR":
            width, height, *how = struct.unpack(">IIBBBBB", png[at + 8 : at + 21])
            assert how == [8, 6, 0, 0, 0]
        packed += png[at + 8 : at + 8 + length] if kind == b"IDAT" else b""
        at += 12 + length
    data, line, up, rows = zlib.decompress(packed), 4 * width, bytes(4 * width), []
    for y in range(height):
        how, row = data[y * (line + 1)], bytearray(data[y * (line + 1) + 1 : (y + 1) * (line + 1)])
        for i in range(line if how else 0):
            a, b, c = (row[i - 4], up[i], up[i - 4]) if i >= 4 else (0, up[i], 0)
            near = min(((abs(b - c), 0, a), (abs(a - c), 1, b), (abs(a + b - 2 * c), 2, c)))[2]
            row[i] = (row[i] + (0, a, b, (a + b) // 2, near)[how]) & 255
        rows.append(np.frombuffer(bytes(row), np.uint8))
        up = row
    return np.stack(rows).reshape(height, width, 4)


def features(glyphs):
    """Small pixels `[8, 8, 3]`, gradients by place and direction, colours by count; equal parts."""
    n, cell = len(glyphs), SIZE // 8
    small = glyphs.reshape(n, 8, cell, 8, cell, 3).mean((2, 4)).reshape(n, -1)
    down, right = np.gradient(glyphs.mean(3), axis=(1, 2))
    angle = (np.arctan2(down, right) % np.pi / np.pi * 8).astype(int) % 8  # [n, SIZE, SIZE]
    at = np.arange(SIZE) // (SIZE // 4)
    gradients = np.zeros((n, 4, 4, 8))
    where = np.arange(n)[:, None, None], at[None, :, None], at[None, None, :], angle
    np.add.at(gradients, where, np.hypot(down, right))
    bins = (glyphs * 4).astype(int).clip(0, 3) @ [16, 4, 1]  # [n, SIZE, SIZE]
    colours = np.stack([np.sqrt(np.bincount(one.ravel(), minlength=64)) for one in bins])
    parts = (small, gradients.reshape(n, -1), colours)
    return np.concatenate([p / np.linalg.norm(p - p.mean(0)) for p in parts], 1)


def found(x, y, wrong=False):
    """P@1 by quadratic matching, P@10 by local CKA: means over seeds; `wrong` known pairs."""
    scores = []
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        rows, order = rng.permutation(len(x)), rng.permutation(QUERIES)
        known, asked = rows[:-QUERIES], rows[-QUERIES:]
        base = x[known], y[rng.permutation(known) if wrong else known]
        gold = np.argsort(order)
        matched = quadratic_matching(base, x[asked], y[asked][order]).ids
        near = local_cka(base, x[asked], y[asked][order], 10).ids
        scores.append([(matched == gold).mean(), (near == gold[:, None]).any(1).mean()])
    return np.mean(scores, 0)


def test_drawings_find_their_names(emoji, minilm):
    """Measured: P@1 0.10 and P@10 0.52 among 60; chance is 0.017 and 0.17.

    340 known pairs; the font is Noto Color Emoji, the features are simple ones without training.
    Colours alone reach P@1 0.15 and P@10 0.48: pixels and gradients help among ten only.
    """
    signs, names = emoji
    glyphs = drawn(signs)
    coloured = (glyphs.max(3) - glyphs.min(3)).max((1, 2)) > 0.2
    if coloured.mean() < 0.9:
        pytest.skip("needs a colour emoji font, such as the Debian package fonts-noto-color-emoji")
    x = features(glyphs)
    y = load_encoder(minilm).encode(names, language="eng_Latn")[6].array
    one, ten = found(x, y)
    assert one > 3 / QUERIES and ten > 0.35
    one, ten = found(x, y, wrong=True)
    assert one < 3 / QUERIES and ten < 0.3


def test_two_layers_of_a_model_find_each_other(emoji, minilm):
    """Embedding layer and last layer, an easy case: other vectors, the same names.

    Measured: P@1 1.00 by quadratic matching, P@10 1.00 by local CKA; chance is 0.017 and 0.17.
    """
    made = load_encoder(minilm).encode(emoji[1], language="eng_Latn", layers=[0, 6])
    x, y = made[0].array, made[6].array
    one, ten = found(x, y)
    assert one > 0.9 and ten > 0.9
    one, ten = found(x, y, wrong=True)
    assert one < 3 / QUERIES and ten < 0.3

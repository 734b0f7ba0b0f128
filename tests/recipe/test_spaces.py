"""Spaces are read, mapped by every method, saved, looked up in, and warned about."""

import numpy as np
import pytest

from isogloss.encode.word_vectors import read_word_vectors, write_word_vectors
from isogloss.errors import CorpusError, OutputError, UsageError
from isogloss.recipe.spaces import (
    fit_maps,
    load,
    look_up,
    map_spaces,
    methods,
    read_spaces,
    without_pairs,
)


@pytest.fixture
def place(tmp_path):
    """Two files of 150 words whose spaces are turned copies, a dictionary of all of them."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(20, 12))
    x = (centres[rng.integers(0, 20, 150)] + 0.5 * rng.normal(size=(150, 12))) * np.linspace(
        2, 0.5, 12
    )
    turn, _ = np.linalg.qr(rng.normal(size=(12, 12)))
    y = x @ turn + 0.02 * rng.normal(size=x.shape)
    write_word_vectors(tmp_path / "x.vec", [f"x{i}" for i in range(150)], x.astype(np.float32))
    write_word_vectors(tmp_path / "y.vec", [f"y{i}" for i in range(150)], y.astype(np.float32))
    (tmp_path / "seeds.tsv").write_text("".join(f"x{i}\ty{i}\n" for i in range(60)))
    (tmp_path / "test.tsv").write_text("".join(f"x{i}\ty{i}\n" for i in range(60, 160)))
    return tmp_path


def value(scores, measure, score):
    return next(r for r in scores if r.measure == measure and r.settings["score"] == score)


@pytest.mark.parametrize("method", [m for m in methods() if m != "identical"])
def test_every_method_brings_translations_together(method, place):
    spaces = read_spaces(place / "x.vec", place / "y.vec")
    pairs = None if method in without_pairs() else np.stack([np.arange(60)] * 2, 1)
    fitted = fit_maps(method, spaces, pairs)
    x, y = fitted.source.apply(spaces.source.array), fitted.target.apply(spaces.target.array)
    cosines = x @ y.T / np.outer(np.linalg.norm(x, axis=1), np.linalg.norm(y, axis=1))
    assert (cosines[60:].argmax(1) == np.arange(60, 150)).mean() > 0.8


def test_what_is_saved_is_what_is_looked_up_in(place):
    out = place / "out"
    files, notes = map_spaces(
        place / "x.vec", place / "y.vec", out, dictionary=place / "seeds.tsv", seed=1
    )
    assert [f.name for f in files] == ["source", "source.vec", "target", "target.vec"]
    assert any("word2vec_text.v1, 150 words of width 12" in note for note in notes)
    assert any("60 of 60 words (100.0%)" in note for note in notes)
    fitted, raw = load(out), read_word_vectors(place / "x.vec")
    np.testing.assert_allclose(
        read_word_vectors(out / "source.vec").array, fitted.source.apply(raw.array), atol=1e-6
    )
    scores, notes = look_up(
        place / "x.vec", place / "y.vec", maps=out, dictionary=place / "test.tsv",
        out=place / "found.tsv", k=2,
    )  # fmt: skip
    assert value(scores, "lexicon_p1", "csls").value > 0.9
    assert value(scores, "lexicon_p1", "csls").n == 90
    assert any(
        "90 of 100 words (90.0%) are in both spaces; 10 not in the source" in n for n in notes
    )
    rows = [line.split("\t") for line in (place / "found.tsv").read_text().splitlines()]
    assert rows[0] == ["source", "rank", "target", "csls"] and len(rows) == 301
    assert sum(r[1] == "1" and r[0][1:] == r[2][1:] for r in rows) > 130
    again, _ = look_up(out / "source.vec", out / "target.vec", dictionary=place / "test.tsv")
    assert value(again, "lexicon_p1", "csls").value == value(scores, "lexicon_p1", "csls").value


def test_a_common_offset_is_warned_about(place):
    for name in "xy":
        vectors = read_word_vectors(place / f"{name}.vec")
        write_word_vectors(place / f"{name}.off.vec", vectors.words, vectors.array + 8)
    rng = np.random.default_rng(1)
    _, notes = look_up(place / "x.off.vec", place / "y.off.vec", dictionary=place / "test.tsv")
    warning = [n for n in notes if n.startswith("WARNING: centring each side would change")]
    assert len(warning) == 1 and "and P@1 by cosine from 0.0" in warning[0]
    _, notes = look_up(place / "x.off.vec", place / "y.off.vec", out=place / "found.tsv")
    assert any(n.startswith("WARNING: centring each side would change") for n in notes)
    x = read_word_vectors(place / "x.vec")
    centred = x.array - x.array.mean(0)
    for name in "xy":
        near = centred + 1e-3 * rng.normal(size=centred.shape).astype(np.float32)
        words = [name + word[1:] for word in x.words]
        write_word_vectors(place / f"{name}.mid.vec", words, near - near.mean(0))
    _, notes = look_up(place / "x.mid.vec", place / "y.mid.vec", dictionary=place / "test.tsv")
    assert not any("WARNING" in n for n in notes)


def test_maps_that_centre_are_not_advised_to_centre(place):
    rng = np.random.default_rng(3)
    for name in "xy":  # nothing to find, and a tenth of the words far off all others
        noise = rng.normal(size=(150, 12)).astype(np.float32)
        noise[:, 0] += np.where(np.arange(150) < 15, -40, 4)
        write_word_vectors(place / f"{name}.vec", [f"{name}{i}" for i in range(150)], noise)
    both = place / "x.vec", place / "y.vec"
    for normalisers, warned in ((None, False), (["unit"], True)):
        _, made = map_spaces(
            *both, place / "out", dictionary=place / "seeds.tsv", normalisers=normalisers
        )
        assert any("WARNING: centring" in note for note in made) is warned
        _, notes = look_up(*both, maps=place / "out", dictionary=place / "test.tsv")
        assert any("WARNING" in note for note in notes) is warned


def test_maps_are_not_applied_to_the_wrong_side(place):
    map_spaces(place / "x.vec", place / "y.vec", place / "out", dictionary=place / "seeds.tsv")
    how = {"maps": place / "out", "out": place / "found.tsv"}
    with pytest.raises(UsageError, match="the other way round"):
        look_up(place / "y.vec", place / "x.vec", **how)
    look_up(place / "x.vec", place / "y.vec", limit=120, **how)
    (place / "out" / "spaces.json").unlink()
    look_up(place / "x.vec", place / "y.vec", **how)


def test_maps_are_not_written_among_other_things(place):
    with pytest.raises(OutputError, match="holds no maps"):
        map_spaces(place / "x.vec", place / "y.vec", place, dictionary=place / "seeds.tsv")
    assert not (place / "source").exists()


def test_what_cannot_be_done_says_so(place):
    both = place / "x.vec", place / "y.vec"
    with pytest.raises(UsageError, match="no method 'muse'"):
        map_spaces(*both, place / "out", method="muse")
    with pytest.raises(UsageError, match="procrustes needs a dictionary"):
        map_spaces(*both, place / "out")
    with pytest.raises(UsageError, match="nothing to do"):
        look_up(*both)
    with pytest.raises(UsageError, match="unsupervised learns from no dictionary"):
        map_spaces(*both, place / "out", method="unsupervised", dictionary=place / "seeds.tsv")
    with pytest.raises(UsageError, match="supervised normalises both sides itself"):
        map_spaces(*both, place / "out", method="supervised", dictionary=place / "seeds.tsv",
                   normalisers=["zca"])  # fmt: skip
    (place / "other.tsv").write_text("cat\tchat\ndog\tchien\n")
    with pytest.raises(CorpusError, match="2 words none can be asked"):
        map_spaces(*both, place / "out", dictionary=place / "other.tsv")
    assert not (place / "out").exists()

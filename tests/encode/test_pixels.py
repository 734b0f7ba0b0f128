"""Words as patches: the same word the same pixels, other words others, nothing drawn as a box."""

import sys
from dataclasses import replace

import numpy as np
import pytest

from isogloss.encode.fonts import find_fonts, read_font
from isogloss.encode.pixels import Bytes, Drawing, Pixels, make_renderer, read_renderer, seen_by
from isogloss.errors import MissingExtra, ModelError, UsageError


@pytest.fixture(scope="module")
def bundled(tmp_path_factory):
    """The font that Pillow carries itself, as a file."""
    pytest.importorskip("PIL", reason="needs pip install isogloss[pixels]")
    from PIL import ImageFont

    if not hasattr(ImageFont, "load_default"):
        pytest.skip("this Pillow carries no font")
    path = tmp_path_factory.mktemp("font") / "bundled.ttf"
    path.write_bytes(ImageFont.load_default(16).font_bytes)
    return path


@pytest.fixture
def latin(bundled):
    return make_renderer("pixels", (), fonts=[bundled])


@pytest.fixture(scope="module")
def system():
    """From a text to a renderer with the system's fonts for it."""
    pytest.importorskip("PIL", reason="needs pip install isogloss[pixels]")

    def make(text, **drawing):
        try:
            made = make_renderer("pixels", [text], **drawing)
        except UsageError:
            pytest.skip("needs fonts, such as those of fonts-noto-core and fonts-noto-cjk")
        if made.lacking(text):
            pytest.skip(f"needs a font with {made.lacking(text)}")
        return made

    return make


def test_the_same_word_is_the_same_pixels_and_another_word_others(bundled, latin):
    again = make_renderer("pixels", (), fonts=[bundled])
    words = ["word", "ward", "drow", "Word", "words", "w", "x"]
    drawn = {word: latin.draw(word) for word in words}
    for word, patches in drawn.items():
        assert patches.dtype == np.uint8 and patches.shape[1:] == latin.shape == (24, 24)
        np.testing.assert_array_equal(patches, latin.draw(word))
        np.testing.assert_array_equal(patches, again.draw(word))
        assert patches.max() > 200
    assert len({(p.shape, p.tobytes()) for p in drawn.values()}) == len(words)


def test_it_is_the_word_that_is_drawn(latin):
    """Letters that look alike give pixels that are alike, and ink stands where letters do."""

    def near(a, b):
        left, right = (latin.draw(word)[0].astype(float).ravel() for word in (a, b))
        return left @ right / np.linalg.norm(left) / np.linalg.norm(right)

    assert near("o", "c") > near("o", "l") and near("E", "F") > near("E", "o")
    assert latin.draw("l")[0].sum() < latin.draw("M")[0].sum()
    assert not latin.draw("x")[0][:6].any() and latin.draw("l")[0][:9].any()
    assert latin.draw("p")[0][19:].any() and not latin.draw("x")[0][19:].any()


def test_a_word_begins_as_its_first_letters_do(bundled):
    strip = make_renderer("pixels", (), fonts=[bundled], width=4, letters=0)
    np.testing.assert_array_equal(strip.draw("ill")[:1], strip.draw("illness")[:1])
    assert len(strip.draw("ill")) < len(strip.draw("illness"))
    windows = make_renderer("pixels", (), fonts=[bundled], letters=2)
    assert len(windows.draw("word")) == 2 and len(windows.draw("words")) == 3
    np.testing.assert_array_equal(windows.draw("wordwo")[2], windows.draw("word")[0])
    for wide in ("WM", "ii"):
        assert windows.draw(wide).shape == (1, 24, 24)


def test_long_words_are_cut(bundled):
    cut = make_renderer("pixels", (), fonts=[bundled], longest=2, letters=1)
    np.testing.assert_array_equal(cut.draw("abcd"), cut.draw("ab"))
    assert make_renderer("pixels", (), fonts=[bundled], longest=2, letters=0).draw(
        "m" * 99
    ).shape == (2, 24, 24)


def test_composed_and_decomposed_letters_are_one(system):
    drawn = system("\u00e9")
    np.testing.assert_array_equal(drawn.draw("\u00e9"), drawn.draw("e\u0301"))


def test_what_no_font_has_is_told_and_never_drawn(latin):
    assert latin.lacking("a\U000e0100b\uf8ff") == "\uf8ff"  # the first is a variation selector
    assert latin.lacking("a\u200db") == ""
    with pytest.raises(ModelError, match=r"no font has .* of the word"):
        latin.draw("a\uf8ff")


def test_it_is_made_again_with_the_very_same_font(bundled, latin, tmp_path, monkeypatch):
    monkeypatch.setattr("isogloss.encode.fonts.FOLDERS", ())
    about = latin.about()
    assert about["fonts"][0]["name"] == "bundled.ttf" and len(about["fonts"][0]["sha256"]) == 64
    assert about["versions"]["pil"]
    again = read_renderer(about, bundled.parent)
    np.testing.assert_array_equal(again.draw("word"), latin.draw("word"))
    with pytest.raises(ModelError, match=r"the font bundled\.ttf that this model was trained with"):
        read_renderer(about, tmp_path)
    with pytest.raises(ModelError, match=r"trained on letters .*; Pillow draws them"):
        read_renderer({**about, "joined": not about["joined"]}, bundled.parent)


def test_without_raqm_it_says_so_and_draws_no_box_for_a_joiner(bundled, monkeypatch):
    from PIL import features

    known = features.check
    monkeypatch.setattr(features, "check", lambda name: name != "raqm" and known(name))
    apart = Pixels([read_font(bundled)], Drawing())
    [note] = apart.notes
    assert "no raqm" in note and not apart.joined
    np.testing.assert_array_equal(apart.draw("a\u200db"), apart.draw("ab"))


@pytest.mark.parametrize("word", ["Привет", "日本", "テスト", "한국어", "हिन्दी", "سلام", "สวัสดี"])
def test_words_of_many_scripts_are_drawn_whole(system, word):
    drawn = system(word, letters=0)
    patches = drawn.draw(word)
    ink = patches.swapaxes(0, 1).reshape(24, -1)
    assert ink.max() > 200
    assert not ink[:1].any() and ink[8:19].any()  # the letters fit the height
    assert not np.array_equal(patches, drawn.draw(word[:-1]))


def test_arabic_is_joined_where_raqm_is(system):
    drawn = system("سلام", letters=0)
    if not drawn.joined:
        pytest.skip("needs a Pillow with raqm")
    single = [drawn.draw(letter) for letter in "سلام"]
    width = sum(int((one.swapaxes(0, 1).reshape(24, -1).any(0)).sum()) for one in single)
    joined = drawn.draw("سلام").swapaxes(0, 1).reshape(24, -1).any(0)
    assert joined.sum() < 0.9 * width


def test_a_word_is_drawn_in_the_first_font_that_has_all_of_it_else_in_runs(bundled):
    def only(letters):
        return replace(read_font(bundled), characters=np.array(sorted(map(ord, letters))))

    halves = Pixels([only("abcm"), only("mnopz"), only("z")])
    assert halves._runs("cab") == [(0, "cab")]
    assert halves._runs("zom") == [(1, "zom")]
    assert halves._runs("amoz") == [(0, "am"), (1, "oz")]
    assert halves.lacking("amyz") == "y"
    whole = Pixels([read_font(bundled)])
    np.testing.assert_array_equal(halves.draw("zom"), whole.draw("zom"))


def test_a_word_of_two_fonts_is_drawn_with_both(bundled, system):
    mixed = Pixels([read_font(bundled), *system("日本").fonts])
    first, second = mixed.draw("a日"), mixed.draw("b日")
    assert first.any() and not np.array_equal(first, second)
    assert not np.array_equal(first, mixed.draw("a本"))


def test_the_fonts_of_a_text_are_those_it_needs(system):
    latin_alone, both = system("word"), system("word 日本")
    assert len(latin_alone.fonts) == 1 and len(both.fonts) <= 2
    assert len(find_fonts()) > len(both.fonts) or len(find_fonts()) == 1
    assert seen_by("pixels", None) == seen_by("pixels", None) != []


def test_bytes_are_one_point_each():
    drawn = Bytes(longest=5).draw("ab\u00e9é")
    assert drawn.shape == (5, 1, 256) and (drawn.sum((1, 2)) == 255).all()
    assert drawn[:, 0].argmax(1).tolist() == list("abéé".encode()[:5])
    assert Bytes().draw("").shape == (1, 1, 256)
    assert read_renderer(Bytes(7).about(), None).longest == 7
    assert seen_by("bytes", None) == []


def test_without_pillow_the_remedy_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(MissingExtra, match=r"drawing words as pixels .*\n.*isogloss\[pixels\]"):
        make_renderer("pixels", ["a"])
    assert seen_by("pixels", None) == []

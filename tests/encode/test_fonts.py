"""Characters of fonts: tables built by hand, and those of the system against fontconfig."""

import shutil
import struct
import subprocess

import numpy as np
import pytest

from isogloss.encode.fonts import FOLDERS, choose_fonts, find_fonts, read_font, same_font
from isogloss.errors import ModelError, UsageError


def four(segments):
    """A table of format 4 from (first, last, shift, glyphs or None)."""
    segments = [*segments, (0xFFFF, 0xFFFF, 1, None)]
    count = len(segments)
    offsets, listed = [], []
    for i, (_, _, _, glyphs) in enumerate(segments):
        offsets.append(2 * (count - i + len(listed)) if glyphs else 0)
        listed += glyphs or []
    body = b"".join(
        [
            struct.pack(f">{count}H", *(s[1] for s in segments)), b"\0\0",
            struct.pack(f">{count}H", *(s[0] for s in segments)),
            struct.pack(f">{count}h", *(s[2] for s in segments)),
            struct.pack(f">{count}H", *offsets),
            struct.pack(f">{len(listed)}H", *listed),
        ]
    )  # fmt: skip
    return struct.pack(">HHHHHHH", 4, 14 + len(body), 0, 2 * count, 0, 0, 0) + body


def twelve(groups):
    body = b"".join(struct.pack(">III", *group) for group in groups)
    return struct.pack(">HHIII", 12, 0, 16 + len(body), 0, len(groups)) + body


def font(path, tables, outlines=b"glyf", platform=(3, 1)):
    """A file with a directory, a table of outlines that is empty, and character tables."""
    at = 4 + 8 * len(tables)
    head, bodies = b"", b""
    for table in tables:
        head += struct.pack(">HHI", *platform, at + len(bodies))
        bodies += table
    cmap = struct.pack(">HH", 0, len(tables)) + head + bodies
    start = 12 + 2 * 16
    directory = struct.pack(">4sHHHH", b"\0\1\0\0", 2, 0, 0, 0)
    directory += struct.pack(">4sIII", b"cmap", 0, start, len(cmap))
    directory += struct.pack(">4sIII", outlines, 0, start + len(cmap), 0)
    path.write_bytes(directory + cmap)
    return path


def points(path):
    return read_font(path).characters.tolist()


def test_segments_with_a_shift_and_with_a_list(tmp_path):
    table = four([(65, 68, -64, None), (97, 100, 0, [7, 0, 9, 3]), (200, 201, -200, None)])
    # b has glyph 0 in the list, and 200 is shifted to glyph 0: neither can be drawn
    assert points(font(tmp_path / "a.ttf", [table])) == [65, 66, 67, 68, 97, 99, 100, 201]


def test_groups_reach_beyond_the_first_plane_and_come_first(tmp_path):
    tables = [four([(65, 65, 1, None)]), twelve([(65, 66, 5), (0x10000, 0x10002, 0)])]
    assert points(font(tmp_path / "a.ttf", tables)) == [65, 66, 0x10001, 0x10002]


def test_a_collection_is_read_at_its_first_face(tmp_path):
    inner = font(tmp_path / "a.ttf", [four([(65, 65, 1, None)])]).read_bytes()
    shifted = bytearray(inner)
    for i in range(2):  # offsets count from the start of the file
        (start,) = struct.unpack_from(">I", inner, 12 + 16 * i + 8)
        struct.pack_into(">I", shifted, 12 + 16 * i + 8, start + 16)
    (tmp_path / "a.ttc").write_bytes(struct.pack(">4sIII", b"ttcf", 0, 1, 16) + shifted)
    assert points(tmp_path / "a.ttc") == [65]


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "not a font"), (b"GIF89a" + bytes(90), "no TrueType or OpenType"), (b"OTTO", "not a")],
)
def test_what_is_no_font_is_refused(tmp_path, content, message):
    (tmp_path / "a.ttf").write_bytes(content)
    with pytest.raises(ModelError, match=message):
        read_font(tmp_path / "a.ttf")


def test_fonts_that_give_no_grey_are_refused(tmp_path):
    table = [four([(65, 65, 1, None)])]
    with pytest.raises(ModelError, match="without outlines"):
        read_font(font(tmp_path / "a.ttf", table, outlines=b"CBDT"))
    with pytest.raises(ModelError, match="no table from Unicode"):
        read_font(font(tmp_path / "b.ttf", table, platform=(1, 0)))


def test_each_character_needs_the_first_font_that_has_it(tmp_path):
    made = [
        font(tmp_path / f"{name}.ttf", [four([(first, last, 1, None)])])
        for name, first, last in (("a", 65, 66), ("b", 66, 67), ("c", 67, 67))
    ]
    fonts = find_fonts([tmp_path])
    assert [one.path for one in fonts] == made
    needed, lacking = choose_fonts("ABCDAA", fonts)
    assert [one.path.stem for one in needed] == ["a", "b"] and lacking == ["D"]
    assert [one.path.stem for one in find_fonts([made[2], made[0]])] == ["c", "a"]


def test_no_font_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr("isogloss.encode.fonts.FOLDERS", (str(tmp_path),))
    with pytest.raises(UsageError, match=r"no font to draw text with\n.*fonts-noto-core"):
        find_fonts()
    with pytest.raises(UsageError, match="no font to draw"):
        find_fonts([tmp_path])
    with pytest.raises(UsageError, match=r"there is no font .*nowhere"):
        find_fonts([tmp_path / "nowhere"])


def test_the_system_is_ordered_and_damaged_files_are_passed_over(tmp_path, monkeypatch):
    for name in ("DejaVuSans", "NotoSans-Bold", "NotoSansThai-Regular", "NotoSans-Regular"):
        font(tmp_path / f"{name}.ttf", [four([(65, 65, 1, None)])])
    (tmp_path / "broken.ttf").write_bytes(b"")
    monkeypatch.setattr("isogloss.encode.fonts.FOLDERS", (str(tmp_path), str(tmp_path / "no")))
    found = [one.path.stem for one in find_fonts()]
    assert found == ["NotoSans-Regular", "NotoSansThai-Regular", "DejaVuSans", "NotoSans-Bold"]


def test_only_the_very_same_file_is_the_same_font(tmp_path, monkeypatch):
    system, beside = tmp_path / "system", tmp_path / "beside"
    system.mkdir()
    beside.mkdir()
    monkeypatch.setattr("isogloss.encode.fonts.FOLDERS", (str(system),))
    path = font(system / "a.ttf", [four([(65, 65, 1, None)])])
    about = read_font(path).about()
    assert same_font(about, beside).path == path
    shutil.move(path, beside / "a.ttf")
    assert same_font(about, beside).path == beside / "a.ttf"
    font(beside / "a.ttf", [four([(65, 67, 1, None)])])
    with pytest.raises(ModelError, match=rf"the font a\.ttf that .*\n.*{about['sha256']}"):
        same_font(about, beside)


def test_characters_are_those_that_fontconfig_lists():
    if not shutil.which("fc-query"):
        pytest.skip("needs fc-query of fontconfig")
    try:
        fonts = find_fonts()[::40]
    except UsageError:
        pytest.skip(f"needs fonts in one of {', '.join(FOLDERS)}")
    for one in fonts:
        command = ["fc-query", "--index", "0", "--format", "%{charset}", str(one.path)]
        listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        theirs = [np.empty(0, np.int64)]
        for part in listed.split():
            first, _, last = part.partition("-")
            theirs.append(np.arange(int(first, 16), int(last or first, 16) + 1))
        # fontconfig leaves out controls and letters that have no ink though they should
        visible = one.characters[one.characters > 0xA0]
        missing = np.setdiff1d(np.concatenate(theirs), one.characters)
        assert len(missing) == 0
        assert len(np.setdiff1d(visible, np.concatenate(theirs))) <= 5

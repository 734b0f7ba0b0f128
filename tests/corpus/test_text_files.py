"""Strict text files: blocks of any size give the same lines and the same complaints."""

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.corpus import text_files
from isogloss.corpus.text_files import read_blocks, read_column, read_lines
from isogloss.errors import CorpusError

odd = st.text(st.sampled_from("aä語\u2028\u2029\x85\x0b\x0c\x1c\ufeff 😀"), max_size=6)


@given(
    st.lists(odd, min_size=1), st.integers(4, 40), st.sampled_from(["\n", "\r\n"]), st.booleans()
)
def test_blocks_of_any_size_give_the_same_lines(tmp_path_factory, lines, block, end, packed):
    lines = ["x" + lines[0], *lines[1:]]  # not a byte-order mark
    data = (end.join(lines) + end).encode()
    path = tmp_path_factory.mktemp("blocks") / ("x.txt.gz" if packed else "x.txt")
    path.write_bytes(gzip.compress(data) if packed else data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text_files, "BLOCK", block)
        assert read_lines(path) == lines
        assert [x for chunk in read_column(path) for x in chunk.to_pylist()] == lines
        firsts = [(first, len(some)) for first, some in read_blocks(path)]
    assert [first for first, _ in firsts] == [
        1 + sum(count for _, count in firsts[:i]) for i in range(len(firsts))
    ]


@given(st.integers(0, 30), st.integers(4, 40), st.sampled_from([b"\xe4", b"\0", b"\xed\xa0\x80"]))
def test_the_line_of_a_bad_byte_is_right_in_any_block(tmp_path_factory, before, block, bad):
    path = tmp_path_factory.mktemp("bad") / "x.txt"
    path.write_bytes(b"ab\n" * before + b"c" + bad + b"\n" + b"d\n" * 3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text_files, "BLOCK", block)
        with pytest.raises(CorpusError, match=rf"x.txt:{before + 1}: ") as caught:
            read_lines(path)
    assert caught.value.line == before + 1 and caught.value.remedy


def test_a_byte_order_mark_is_removed_once_and_noted(tmp_path):
    (tmp_path / "x.txt").write_bytes("\ufeffja\n\ufeffnein".encode())
    notes: list[str] = []
    assert read_lines(tmp_path / "x.txt", notes) == ["ja", "\ufeffnein"]
    assert notes == ["x.txt began with a byte-order mark, which was removed"]


@pytest.mark.parametrize("cut", [1, 9, 30])
def test_a_truncated_or_damaged_gzip_file(tmp_path, cut):
    whole = gzip.compress("".join(f"line {i}\n" for i in range(999)).encode())
    (tmp_path / "x.txt.gz").write_bytes(whole[:-cut])
    with pytest.raises(CorpusError, match=r"x.txt.gz: is a truncated or damaged.*\n.*again"):
        read_lines(tmp_path / "x.txt.gz")
    (tmp_path / "x.txt.gz").write_bytes(whole[:50] + b"????" + whole[54:])
    with pytest.raises(CorpusError, match=r"x.txt.gz: is a truncated or damaged"):
        read_lines(tmp_path / "x.txt.gz")


def test_a_folder_is_not_a_file(tmp_path):
    with pytest.raises(CorpusError, match=r"cannot be read: .*\n.*check the path"):
        read_lines(tmp_path)

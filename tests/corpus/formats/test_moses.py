"""Moses files: one set by its prefix, several sets told apart."""

import gzip

import pytest

from isogloss.corpus import read_corpus
from isogloss.errors import CorpusError


def test_a_prefix_a_folder_and_a_pattern_agree(tmp_path):
    (tmp_path / "news.de").write_text("ja\nnein\n")
    (tmp_path / "news.en").write_text("yes\nno\n")
    places = (tmp_path / "news", tmp_path, f"{tmp_path}/news.{{language}}")
    assert len({read_corpus(place).fingerprint for place in places}) == 1
    (tmp_path / "news.fr.gz").write_bytes(gzip.compress(b"oui\nnon\n"))
    assert read_corpus(tmp_path / "news").texts("fr") == ["oui", "non"]
    assert read_corpus(tmp_path / "news").name == "news"


def test_several_sets_are_named(tmp_path):
    for name in ("dev.de", "dev.en", "train.de", "train.en"):
        (tmp_path / name).write_text("a\nb\n")
    with pytest.raises(CorpusError, match=r"there are: dev, train\n.*name one set"):
        read_corpus(tmp_path)
    assert len(read_corpus(tmp_path / "train")) == 2


def test_unequal_lines_name_both(tmp_path):
    (tmp_path / "news.de").write_text("a\n")
    (tmp_path / "news.en").write_text("a\nb\n")
    with pytest.raises(CorpusError, match=r"news.en:2: has 2 lines, but news.de has 1"):
        read_corpus(tmp_path / "news")

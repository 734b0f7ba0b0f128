"""JSON lines, Parquet and Hugging Face tables: wide, long, and what is wrong with them."""

import json
import socket
import sys

import pytest

from isogloss.corpus import read_corpus
from isogloss.errors import CorpusError, MissingExtra, NetworkRefused

WIDE = [{"id": "a", "deu": "ja", "eng": "yes"}, {"id": "b", "deu": None, "eng": "no"}]
LONG = [{"id": r["id"], "language": t, "text": r[t]} for t in ("deu", "eng") for r in WIDE]


def write(path, records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def parquet(path, records):
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.Table.from_pylist(records), path)
    return path


@pytest.mark.parametrize("languages", [None, ["eng", "deu"]])
def test_wide_and_long_agree_in_both_formats(tmp_path, languages):
    places = [
        write(tmp_path / "wide.jsonl", WIDE),
        write(tmp_path / "long.jsonl", LONG),
        parquet(tmp_path / "wide.parquet", WIDE),
        parquet(tmp_path / "long.parquet", LONG),
    ]
    corpora = [read_corpus(place, languages=languages) for place in places]
    assert len({corpus.fingerprint for corpus in corpora}) == 1
    assert corpora[0].texts("deu") == ["ja", None] and corpora[0].ids == ["a", "b"]


def test_the_query_renames_columns(tmp_path):
    path = write(
        tmp_path / "x.jsonl",
        [{"key": k, "lang": "deu", "body": b, "n": 1} for k, b in (("a", "ja"), ("b", "nein"))],
    )
    long = read_corpus(f"{path}?id=key&language=lang&text=body")
    wide = read_corpus(f"{path}?id=key&deu=body")
    assert long.texts("deu") == wide.texts("deu") == ["ja", "nein"] and wide.ids == ["a", "b"]


def line(**record):
    return json.dumps(record) + "\n"


BAD = {
    "not json": (line(deu="a") + "{oops\n", r"x.jsonl:2: is not JSON.*\n.*one JSON object a line"),
    "no object": (line(deu="a") + "[1]\n", r"x.jsonl:2: is not a JSON object\n"),
    "number": (line(deu="a") + line(deu=5), r"'deu' in row 2 is int, not text\n"),
    "nul": (line(deu="a") + line(deu="b\0"), r"deu_Latn in row 2 holds a NUL\n"),
    "half a pair": (line(deu="a") + line(deu="\ud800"), r"not a string of Unicode characters"),
    "twice": (
        line(id=1, deu="a") + line(id=1, deu="b"),
        r"the id '1' occurs twice, in rows 1 and 2",
    ),
    "twice long": (
        line(id=1, language="deu", text="a") + line(id=1, language="deu", text="b"),
        r"x.jsonl:2: the id '1' occurs twice in deu\n",
    ),
    "both": (line(deu="a", de="b") * 2, r"'deu' and 'de' are both deu_Latn\n"),
    "no tags": (line(body="a") * 2, r"no language in the corpus\n.*language tags"),
}


@pytest.mark.parametrize(("content", "message"), BAD.values(), ids=BAD)
def test_bad_json_lines(tmp_path, content, message):
    (tmp_path / "x.jsonl").write_text(content)
    with pytest.raises(CorpusError, match=message):
        read_corpus(tmp_path / "x.jsonl")


def test_a_missing_column_is_named(tmp_path):
    path = write(tmp_path / "x.jsonl", WIDE)
    with pytest.raises(CorpusError, match=r"no column 'english'\n.*id, deu, eng"):
        read_corpus(f"{path}?eng=english")


def test_what_is_not_parquet(tmp_path):
    (tmp_path / "x.parquet").write_text("no")
    with pytest.raises(CorpusError, match=r"x.parquet: is not a Parquet file.*\n.*write it again"):
        read_corpus(tmp_path / "x.parquet")


def test_a_dataset_needs_its_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(MissingExtra, match=r"isogloss\[hub\]"):
        read_corpus("hf:owner/name")


def test_a_dataset_that_is_not_cached_needs_the_network(monkeypatch):
    datasets = pytest.importorskip("datasets", reason="needs isogloss[hub]")
    asked = []

    def refuse(*address, **_):
        asked.append(address)
        raise OSError("no network in tests")

    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    with pytest.raises(NetworkRefused, match=r"'owner/name' is not cached.*\n.*--network"):
        read_corpus("hf:owner/name")
    assert not asked and datasets.config.HF_HUB_OFFLINE is False


def test_a_dataset_is_read_like_a_table(monkeypatch):
    datasets = pytest.importorskip("datasets", reason="needs isogloss[hub]")
    asked = []

    def load(*wanted, **more):
        asked.append((wanted, more))
        return datasets.Dataset.from_list(WIDE)

    monkeypatch.setattr(datasets, "load_dataset", load)
    corpus = read_corpus("hf:owner/name?split=dev&config=all", languages=["deu"], pivot="eng")
    assert asked == [(("owner/name", "all"), {"split": "dev"})]
    assert corpus.texts("deu") == ["ja", None] and corpus.name == "name"

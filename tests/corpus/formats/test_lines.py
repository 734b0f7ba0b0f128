"""N-way lines: NTREX and NLLB-Seed as they lie, and only the files asked for."""

import csv

import pytest

from isogloss.corpus import read_corpus, spec, text_files


def index(folder):
    with (folder / "index.tsv").open(encoding="utf-8", newline="\n") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def test_all_of_ntrex_has_distinct_tags(data):
    corpus = read_corpus(data / "ntrex128")
    assert (
        len(corpus) == 1000 and len(set(corpus.languages)) == len(index(data / "ntrex128")) == 131
    )
    assert {"eng_Latn", "eng_Latn-GB", "spa_Latn.ref2", "cmn_Hans", "cmn_Hant"} <= {
        str(language) for language in corpus.languages
    }
    assert not corpus.dropped
    again = read_corpus(f"{data}/ntrex128/{{language}}.txt.gz")
    assert set(again.languages) == set(corpus.languages)
    assert again.column_fingerprint("zho-TW") == corpus.column_fingerprint("cmn_Hant")


def test_nllb_seed_counts_its_missing_lines(data):
    corpus = read_corpus(data / "nllb_seed")
    missing = {row["code"]: int(row["empty_lines"]) for row in index(data / "nllb_seed")}
    assert len(corpus) == 6193 and len(corpus.languages) == len(missing) == 24
    assert {code: corpus.texts(code).count(None) for code in missing} == missing


def test_five_languages_open_six_files(data, monkeypatch):
    opened = []
    plain = text_files.byte_blocks
    monkeypatch.setattr(
        text_files, "byte_blocks", lambda path: opened.append(path.name) or plain(path)
    )
    read_corpus(data / "ntrex128", languages=["deu", "fra", "rus", "hin", "swa"], pivot="eng")
    assert len([name for name in opened if name != "index.tsv"]) == 6


@pytest.mark.parametrize(
    "place", ["{language}.txt", "*/{language}.txt", "{language}/{language}.txt"]
)
def test_patterns_stay_in_their_folder(tmp_path, place):
    (tmp_path / "in").mkdir()
    (tmp_path / "fra.txt").write_text("x\ny\n")
    for code in ("deu", "eng"):
        (tmp_path / "in" / code).mkdir()
        for folder in ("in", f"in/{code}"):
            (tmp_path / folder / f"{code}.txt").write_text("a\nb\n")
    found = spec.parse(f"{tmp_path}/in/{place}").files
    assert {str(x) for x in found} == {"deu_Latn", "eng_Latn"}
    assert all(tmp_path / "in" in file.parents for files in found.values() for file in files)

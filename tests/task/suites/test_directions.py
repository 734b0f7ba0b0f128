"""N-way text as translations in every direction: what suites name, spell and read."""

import json

import pytest

from isogloss.errors import UnknownLanguage, UsageError
from isogloss.language import read_language
from isogloss.score import Score, Scores
from isogloss.task.ledger import Ledger, labels_used
from isogloss.task.mteb import write_mteb
from isogloss.task.suites import Direction, choose, load, read_suite

SUITE = """
name = "mine"
title = "Mine"
citation = "none"
licence = "CC0"

[[tasks]]
name = "translation"
use = "translate.v1"
metric = "chrf"
path = "t.{languages}.{split}.txt"
to = ["eng", "deu", "spa"]
splits = { train = "train", test = "test" }
settings = { beams = 2 }
n_way = true
"""
TEXTS = {"eng": "one\ntwo\nthree\n", "deu": "eins\n\ndrei\n", "spa": "uno\ndos\ntres\n"}


@pytest.fixture
def root(tmp_path):
    for tag, text in TEXTS.items():
        for split in ("train", "test"):
            (tmp_path / f"t.{tag}.{split}.txt").write_text(text, encoding="utf-8")
    return tmp_path


@pytest.fixture
def suite(root):
    def made(old="", new=""):
        file = root / "mine.toml"
        file.write_text(SUITE.replace(old, new) if old else SUITE, encoding="utf-8")
        return read_suite(file)

    return made


def test_every_ordered_pair_is_there(suite, root):
    there = suite().languages("", "test", data=root)
    assert sorted(map(str, there)) == sorted(
        f"{a}_Latn-{b}_Latn" for a in TEXTS for b in TEXTS if a != b
    )
    one = suite('to = ["eng", "deu", "spa"]', 'to = ["eng"]').languages("", "test", data=root)
    assert sorted(map(str, one)) == ["deu_Latn-eng_Latn", "spa_Latn-eng_Latn"]
    plain = suite('to = ["eng", "deu", "spa"]', 'to = "eng"').languages("", "test", data=root)
    assert sorted(map(str, plain)) == ["deu_Latn", "spa_Latn"]


def test_texts_of_a_direction_are_those_of_a_suite_of_that_one_language(suite, root):
    one = suite().examples("", "de-spa", "test", data=root)
    assert (one.language, one.to, one.tag) == ("deu_Latn", "spa_Latn", "deu_Latn-spa_Latn")
    assert one.column("text") == ["eins", "drei"] and one.column("translation") == ["uno", "tres"]
    assert one.column("to") == ["spa_Latn"] * 2 and one.ids == ["1", "3"]
    alone = suite('to = ["eng", "deu", "spa"]', 'to = "spa"').examples("", "deu", "test", data=root)
    assert alone.table == one.table and alone.tag == "deu_Latn"
    assert one.sealed().tag == one.take([0]).tag == one.tag


def test_only_what_is_wanted_is_loaded(suite, root):
    (root / "t.spa.test.txt").write_bytes(b"\xff")
    read = load(suite(), languages=["deu-eng"], data=root)
    assert [one.examples.tag for one in read.parts] == ["deu_Latn-eng_Latn"]
    with pytest.raises(
        UnknownLanguage, match=r"'eng-fra' is no direction.*\n.*there are deu_Latn-"
    ):
        load(suite(), languages=["deu-eng", "eng-fra"], data=root)
    with pytest.raises(UnknownLanguage, match="'deu' is no direction"):
        suite().examples("", "deu", "test", data=root)


def test_a_hyphen_may_be_of_a_language():
    mexican, english = read_language("spa_Latn-MX"), read_language("eng")
    pairs = [Direction(mexican, english), Direction(english, mexican)]
    assert choose(["spa_Latn-MX-eng", "en-es-MX"], pairs) == pairs
    assert choose(["eng"], [*pairs, english]) == [english]


def test_labels_of_a_direction_are_not_those_of_another(suite, root):
    used = labels_used(suite().examples("", "deu-eng", "train", data=root), "train")
    for target, count in (("deu_Latn-spa_Latn", 0), ("deu_Latn-eng_Latn", 2)):
        told = (used + Ledger(target=target)).settings()
        assert told["labels"] == {"train": {"deu_Latn-eng_Latn": 2}}
        assert told["target_labels"] == count
        assert (f"no label of {target}" in told["rule"]) == (count == 0)


def test_settings_of_the_task_are_the_suites(suite):
    assert suite().part().task.beams == 2
    odd = suite("beams = 2", "bems = 2").part()
    with pytest.raises(UsageError, match=r"translation: translate.v1 cannot be set so.*bems"):
        odd.task  # noqa: B018


def test_mteb_has_both_sides(suite, root, tmp_path):
    rows = [Score(measure="chrf", value=1.0, n=2, language="deu_Latn-spa_Latn", dataset="mine",
                  task="translation", system="x", settings={"split": "test"})]  # fmt: skip
    write_mteb(Scores(rows), suite(), tmp_path / "out", data=root)
    [file] = (tmp_path / "out").rglob("mine*.json")
    [entry] = json.loads(file.read_text())["scores"]["test"]
    assert entry["hf_subset"] == "deu_Latn-spa_Latn"
    assert entry["languages"] == ["deu-Latn", "spa-Latn"]

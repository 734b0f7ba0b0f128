"""Suites as data: what they name, what they open, and what they notice."""

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pytest

from isogloss import registry
from isogloss.corpus.spec import split_query
from isogloss.errors import (
    CorpusError,
    SettingsError,
    UnknownLanguage,
    UnknownName,
    UsageError,
)
from isogloss.language import read_language
from isogloss.task.suites import (
    Suite,
    counts,
    counts_table,
    list_suites,
    load,
    read_suite,
)
from isogloss.task.suites.loading import label_set

SUITE = """
name = "mine"
title = "Mine"
citation = "Nobody (2026)"
licence = "CC0"

[[tasks]]
name = "topic"
use = "classify.v1"
metric = "accuracy"
path = "mine/{language}/{split}.tsv"
splits = { train = "train", dev = "valid", test = "test" }
n_way = true
"""


def topic(root: Path, code: str, split: str, *rows: str) -> None:
    path = root / "mine" / code / f"{split}.tsv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(["id\ttext\tlabel", *rows, ""]), encoding="utf-8")


@pytest.fixture
def root(tmp_path):
    for code in ("deu", "swa", "zho"):
        for split in ("train", "valid", "test"):
            topic(tmp_path, code, split, f"1\t{code} {split}\tx", f"2\tmore {code}\ty")
    return tmp_path


@pytest.fixture
def made(tmp_path):
    def made(text=SUITE, *changes) -> Suite:
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        path = tmp_path / "mine.toml"
        path.write_text(text, encoding="utf-8")
        return read_suite(path)

    return made


def test_examples_of_a_language_and_split(root, made):
    one = made().examples("topic", "de", "dev", data=root)
    assert one.column("text") == ["deu valid", "more deu"]
    assert (one.name, one.language, one.split, one.licence) == ("mine", "deu_Latn", "dev", "CC0")
    assert made().examples("", "swh_Latn", "test", data=root).notes == (
        "'swa' is a macrolanguage; read as swh (Swahili)",
    )


def test_a_spelling_may_mean_another_language(root, made):
    suite = made(SUITE, ('name = "topic"', 'name = "topic"\ntags = { zho = "cmn_Hant" }'))
    there = suite.languages(data=root)
    assert there == {read_language(tag): code for tag, code in (
        ("deu", "deu"), ("swh", "swa"), ("cmn_Hant", "zho"),
    )}  # fmt: skip


def test_only_what_is_wanted_is_opened(root, made, monkeypatch):
    for code in ("swa", "zho"):
        (root / "mine" / code / "test.tsv").write_bytes(b"\xff")
    opened = []
    plain = Path.open

    def counting(self, *args, **more):
        opened.append(self.relative_to(root).as_posix())
        return plain(self, *args, **more)

    monkeypatch.setattr(Path, "open", counting)
    suite = made()
    opened.clear()
    read = load(suite, languages=["deu"], data=root)
    assert opened == ["mine/deu/test.tsv"]
    assert [one.examples.language for one in read.parts] == ["deu_Latn"]


def test_the_data_folder_may_come_from_the_environment(root, made, monkeypatch):
    monkeypatch.setenv("ISOGLOSS_DATA", str(root))
    assert len(made().examples("", "deu", "test")) == 2
    monkeypatch.delenv("ISOGLOSS_DATA")
    with pytest.raises(UsageError, match=r"where is the data of mine\?\n.*ISOGLOSS_DATA"):
        made().examples("", "deu", "test")
    with pytest.raises(CorpusError, match="no language of mine is there"):
        made().languages(data=root / "elsewhere")


def test_whole_paths_need_no_data_folder(root, made, monkeypatch):
    monkeypatch.delenv("ISOGLOSS_DATA", raising=False)
    suite = made(SUITE, ('path = "mine', f'path = "{root}/mine'))
    assert suite.examples("topic", "deu", "dev").column("text") == ["deu valid", "more deu"]


def test_what_is_not_there_is_said_with_what_is(root, made):
    with pytest.raises(UsageError, match=r"no split 'all'\n.*train, dev, test"):
        made().examples("", "deu", "all", data=root)
    with pytest.raises(UsageError, match=r"no task 'tags'\n.*topic"):
        made().examples("tags", "deu", "test", data=root)
    with pytest.raises(UnknownLanguage, match=r"'fra' .*\n.*it has: cmn_Hans, deu_Latn, swh_Latn"):
        load(made(), languages=["deu", "fra"], data=root)  # before anything is read
    with pytest.raises(UsageError, match=r"mine has no all\n.*train, dev, test"):
        load(made(), splits=["all"], data=root)
    with pytest.raises(UsageError, match="retrieves nothing"):
        made().collection("", "deu", "test", data=root)


def test_a_language_that_is_there_twice(root, made):
    topic(root, "swh", "test", "1\ta\tx")
    with pytest.raises(CorpusError, match="swh and swa are both swh_Latn"):
        made().languages("", "test", data=root)


def test_unequal_labels_are_told_or_refused(root, made):
    topic(root, "deu", "test", "1\ta\tx", "2\tb\tz")
    read = load(made(), data=root)
    assert read.notes == [
        "topic: labels are not the same in test: deu_Latn without y; only deu_Latn with z"
    ]
    strict = made(SUITE, ("n_way = true", 'labels = "same"'))
    with pytest.raises(CorpusError, match=r"deu_Latn without y; only deu_Latn with z"):
        load(strict, data=root)
    assert len(load(strict, languages=["swa", "zho"], data=root).parts) == 2


def test_rows_that_a_language_lacks_are_told(root, made):
    topic(root, "deu", "test", "2\ta\tx", "3\tb\ty")
    notes = load(made(), data=root).notes
    assert notes[-1] == (
        "topic: not every row of test is in every language: "
        "deu_Latn (1), swh_Latn (1), cmn_Hans (1) lack"
    )


def test_a_split_that_some_languages_have(root, made):
    train = 'train = { name = "train", languages = ["deu"] }'
    suite = made(SUITE, ('train = "train"', train))
    assert [str(tag) for tag in suite.languages("", "train", data=root)] == ["deu_Latn"]
    assert len(load(suite, splits=["train", "test"], data=root).parts) == 4
    read = load(suite, languages=["deu", "swh"], splits=["train", "test"], data=root)
    assert len(read.parts) == 3
    assert "topic has no train of swh" in read.notes
    with pytest.raises(UnknownLanguage):
        suite.examples("", "swa", "train", data=root)


def test_saved_sets_of_hugging_face_are_folders_with_splits_of_their_names(tmp_path, made):
    for code in ("deu", "swh"):
        for split, word in (("train", "a"), ("validation", "b"), ("test", "c")):
            folder = tmp_path / "mine" / code / split
            folder.mkdir(parents=True)
            table = pa.table({"text": [f"{code} {word}", "more"], "label": ["x", "y"]})
            with pa.ipc.new_stream(str(folder / "data.arrow"), table.schema) as out:
                out.write_table(table)
            state = {"_data_files": [{"filename": "data.arrow"}]}
            (folder / "state.json").write_text(json.dumps(state))
        names = {"splits": ["train", "validation", "test"]}
        (tmp_path / "mine" / code / "dataset_dict.json").write_text(json.dumps(names))
    suite = made(SUITE, ("/{split}.tsv", ""), ('"valid"', '"validation"'))
    assert [str(tag) for tag in suite.languages(data=tmp_path)] == ["deu_Latn", "swh_Latn"]
    for split, word in (("train", "a"), ("dev", "b"), ("test", "c")):
        one = suite.examples("", "swh", split, data=tmp_path)
        assert (one.split, one.column("text")[0]) == (split, f"swh {word}")


def test_labels_and_texts_in_two_files(tmp_path, made):
    (tmp_path / "labels.tsv").write_text(
        "verse\tpart\tlabel\nB\ttest\tx\nA\ttest\ty\nC\ttest\tx\nD\ttrain\ty\n"
    )
    for code in ("deu", "eng"):
        text = f"A\t{code} a\nB\t{code} b\nD\t{code} d\nE\t{code} e\n"
        (tmp_path / f"{code}.tsv.gz").write_bytes(gzip.compress(text.encode()))
    suite = made(SUITE, (
        'path = "mine/{language}/{split}.tsv"',
        'path = "labels.tsv"\ntexts = "{language}.tsv.gz?id=1&text=2&header=no"\n'
        'options = { id = "verse", text = "verse", where = "part:{split}" }',
    ))  # fmt: skip
    one = suite.examples("", "deu", "test", data=tmp_path)
    assert one.table.to_pylist() == [
        {"id": "B", "text": "deu b", "label": "x"}, {"id": "A", "text": "deu a", "label": "y"},
    ]  # fmt: skip
    assert one.dropped == {"labels without a text": 1}


def test_queries_and_what_they_are_answered_from(tmp_path, made):
    for code, lines in (("deu", "eins\nzwei\n"), ("eng", "one\ntwo\n"), ("fra", "un\ndeux\n")):
        (tmp_path / f"t.{code}.txt").write_text(lines)
    suite = made(SUITE, (
        'path = "mine/{language}/{split}.tsv"', 'path = "t.{languages}.txt"\nto = "eng"',
    ), ("classify.v1", "retrieve.v1"))  # fmt: skip
    assert [str(tag) for tag in suite.languages(data=tmp_path)] == ["deu_Latn", "fra_Latn"]
    queries = suite.examples("", "deu", "test", data=tmp_path)
    collection = suite.collection("", "deu", "test", data=tmp_path)
    assert queries.column("relevant") == [["1"], ["2"]]
    assert (collection.ids, collection.texts("eng")) == (["1", "2"], ["one", "two"])


def test_a_collection_of_its_own_is_in_the_language_of_the_queries_or_another(made, tmp_path):
    for code in ("deu", "eng"):
        (tmp_path / f"q.{code}.test.tsv").write_text(f"id\ttext\trelevant\nq\t{code}?\tb|c\n")
        lines = "".join(f"{i}\t{code} {i}\n" for i in "abc")
        (tmp_path / f"p.{code}.test.tsv").write_text(f"id\ttext\n{lines}")
    paths = (
        'path = "q.{language}.{split}.tsv"\npassages = "p.{language}.{split}.tsv?id=id&text=text"'
    )
    changes = ('path = "mine/{language}/{split}.tsv"', paths), ("classify.v1", "retrieve.v1")
    suite, tags = made(SUITE, *changes), ["deu_Latn", "eng_Latn"]
    assert [str(tag) for tag in suite.languages("", "test", data=tmp_path)] == tags
    assert suite.examples("", "deu", "test", data=tmp_path).column("relevant") == [["b", "c"]]
    found = suite.collection("", "deu", "test", data=tmp_path)
    assert (found.ids, found.texts("deu")) == (["a", "b", "c"], ["deu a", "deu b", "deu c"])
    across = made(SUITE, *changes, ("n_way = true", 'n_way = true\nto = "eng"'))
    assert [str(tag) for tag in across.languages("", "test", data=tmp_path)] == tags[:1]
    assert across.collection("", "deu", "test", data=tmp_path).texts("eng")[1] == "eng b"


def test_counts_of_what_was_read(root, made):
    topic(root, "deu", "test", "1\ta\tx", "2\t \ty")
    rows = counts(load(made(), languages=["deu", "swa"], data=root).parts)
    assert rows == [
        ("topic", "deu_Latn", "test", 1, 1, 1),
        ("topic", "swh_Latn", "test", 2, 2, 0),
    ]
    assert counts_table(rows).row_count == 2


def test_problems_of_a_suite_are_told_at_once(made):
    with pytest.raises(SettingsError) as told:
        made(SUITE, ("metric =", "metrik ="), ('licence = "CC0"', ""))
    assert len(told.value.problems) == 3
    with pytest.raises(UnknownName, match="did you mean sib200"):
        read_suite("sib20")


@pytest.mark.parametrize("name", list_suites())
def test_every_suite_that_is_shipped_says_what_it_is(name):
    suite = read_suite(name)
    assert suite.name == name
    assert suite.citation
    assert suite.licence
    assert len({part.name for part in suite.tasks}) == len(suite.tasks)
    for part in suite.tasks:
        task = registry.get("task", part.use)
        assert part.metric in task.measures and part.shape is task.shape
        assert part.from_hub == (name == "xtreme")
        assert bool(part.to) == (part.use in ("retrieve.v1", "links.v1"))
        split_query(part.texts)
        if part.languages:
            assert set(part.tags) <= set(part.languages)
            for split in part.splits:
                assert suite.languages(part.name, split)
                assert set(part.splits[split].languages) <= set(part.languages)


def test_suites_are_shipped_for_all_labelled_data():
    assert set(list_suites()) == {
        "sib200", "taxi1500", "nusax_senti", "masakhaner2", "ner_english", "masakhapos",
        "ud_english_ewt", "ud_pud", "uner", "xquad", "tatoeba", "xtd10", "xtreme",
        "word_alignment",
    }  # fmt: skip


COUNTS = [
    ("sib200", "topic", "eng", "train", 701, 7),
    ("sib200", "topic", "zho_Hans", "test", 204, 7),
    ("taxi1500", "topic", "deu", "test", 111, 6),
    ("nusax_senti", "sentiment", "ban", "dev", 100, 3),
    ("masakhaner2", "entities", "swa", "dev", 942, 3),
    ("masakhaner2", "entities_dates", "swa", "dev", 942, 4),
    ("ner_english", "wikigold", "eng", "train", 1696, 3),
    ("ner_english", "wnut17", "eng", "test", 1287, 3),
    ("masakhapos", "upos", "hau", "test", 601, 16),
    ("ud_english_ewt", "trees", "eng", "dev", 2001, 17),
    ("ud_pud", "upos", "cmn_Hant", "test", 1000, 15),
    ("uner", "pud", "sv", "test", 1000, 3),
    ("uner", "ewt", "en", "dev", 2001, 3),
    ("xquad", "questions", "hi", "all", 1190, 0),
    ("tatoeba", "bitext", "deu", "test", 1000, 0),
    ("xtd10", "captions", "tur", "test", 1000, 0),
    ("word_alignment", "xl_wa", "spa", "dev", 105, 0),
    ("word_alignment", "hansards", "fr", "test", 447, 0),
    ("word_alignment", "fiction", "fr", "test", 522, 0),
]


@pytest.mark.parametrize(("name", "task", "language", "split", "rows", "labels"), COUNTS)
def test_real_data_has_what_its_readme_counts(data, name, task, language, split, rows, labels):
    made = read_suite(name).examples(task, language, split, data=data)
    assert (len(made), len(label_set(made))) == (rows, labels)


def test_xquad_is_split_by_article_alike_in_every_language(data):
    suite = read_suite("xquad")
    parts = {}
    for split in ("train", "dev", "test", "all"):
        ids = {tuple(suite.examples("", tag, split, data=data).ids) for tag in ("en", "hi", "ar")}
        assert len(ids) == 1
        parts[split] = set(ids.pop())
    assert parts["train"] | parts["dev"] | parts["test"] == parts["all"]
    assert sum(len(parts[split]) for split in ("train", "dev", "test")) == len(parts["all"])


def test_languages_without_english_spelling_are_all_known(data):
    for name in set(list_suites()) - {"xtreme"}:
        for part in read_suite(name).tasks:
            there = read_suite(name).languages(part.name, data=data)
            assert len(set(there.values())) == len(there)
    assert len(read_suite("sib200").languages(data=data)) == 123
    assert len(read_suite("tatoeba").languages(data=data)) == 56

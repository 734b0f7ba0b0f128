"""CSV, TSV and JSON lines."""

import csv
import gzip
import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss.errors import CorpusError, UsageError
from isogloss.task.examples import ANSWERS, CHOICES, PAIRS, TEXT, TEXTS, WORDS
from isogloss.task.readers import read_examples


@pytest.fixture
def write(tmp_path):
    def write(name, text):
        path = tmp_path / name
        data = text if isinstance(text, bytes) else text.encode()
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return path

    return write


def read(path, shape=TEXT, query=""):
    return read_examples(f"{path}{query}", shape, language="deu")


def test_columns_by_header_and_by_number(write):
    path = write("mine.tsv.gz", 'key\ttopic\tbody\na\tx\t"quoted" text\nb\ty\tmore\n')
    named = read(path, query="?id=key&label=topic&text=body")
    numbered = read(path, query="?id=1&label=2&text=3&header=yes")
    assert named.ids == ["a", "b"]
    assert named.column("text") == ['"quoted" text', "more"]
    assert named.fingerprint == numbered.fingerprint
    assert (named.name, named.language, named.split) == ("mine", "deu_Latn", "train")


def test_numbers_alone_mean_no_header(write):
    made = read(write("mine.tsv", "x\tone\ny\ttwo\n"), query="?label=1&text=2")
    assert made.column("label") == ["x", "y"]
    assert made.ids == ["1", "2"]


def test_csv_cells_may_hold_commas_quotes_and_lines(write):
    made = read(write("mine.csv", 'text,label\r\n"a, ""b""\nc",x\r\n\r\nd,y\r\n'))
    assert made.column("text") == ['a, "b"\nc', "d"]


def test_csv_cells_may_be_as_long_as_books(write):
    made = read_examples(write("a.csv", f"text,label\n{'x ' * 100_000},y\n"), TEXT, language="eng")
    assert len(made.column("text")[0]) == 200_000


def test_csv_errors_name_the_line_where_the_row_begins(write):
    path = write("mine.csv", 'text,label\n"a\nb",x\n"c"d,y\n')
    with pytest.raises(CorpusError, match=r"mine\.csv:4: is not CSV"):
        read(path)


def test_another_delimiter(write):
    made = read(write("mine.csv", "text;label\na, b;x\n"), query="?delimiter=;")
    assert made.column("text") == ["a, b"]
    with pytest.raises(UsageError, match="not one character"):
        read(write("mine.csv", "text;label\na;x\n"), query="?delimiter=ab")


texts = st.text(st.characters(codec="utf-8", exclude_characters="\0\r\ufeff")).filter(str.strip)


@given(st.lists(st.tuples(texts, texts.map(str.strip)), min_size=1, max_size=6))
@settings(max_examples=60)
def test_csv_reads_back_what_the_standard_library_writes(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([("text", "label"), *rows])
    path.write_bytes(out.getvalue().encode())
    made = read(path)
    assert list(zip(made.column("text"), made.column("label"), strict=True)) == rows


@given(st.lists(st.tuples(texts, texts.map(str.strip)), min_size=1, max_size=6))
@settings(max_examples=60)
def test_json_lines_read_back(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("jsonl") / "a.jsonl.gz"
    lines = (json.dumps({"text": text, "label": label}) for text, label in rows)
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    made = read(path)
    assert list(zip(made.column("text"), made.column("label"), strict=True)) == rows


def test_every_shape_from_json(write):
    def made(shape, **row):
        return read(write("a.jsonl", json.dumps(row)), shape).table.to_pylist()[0]

    assert made(TEXT, text="a", label=3)["label"] == "3"
    assert made(TEXT, text="a", label=True)["label"] == "true"
    assert made(TEXTS, text="a", labels=[])["labels"] == []
    assert made(PAIRS, text="a", second="b", score="0.5")["score"] == 0.5
    assert made(CHOICES, text="a", choices=["x", "y"], label=1)["label"] == 1
    assert made(WORDS, words=["a"], tags=["X"])["tags"] == ["X"]
    answers = {"text": ["b"], "answer_start": [2]}
    told = made(ANSWERS, context="a b", question="?", answers=answers)
    assert told["answers"] == [{"text": "b", "start": 2}]


def test_lists_in_a_table_are_split(write):
    made = read(write("a.tsv", "text\tlabels\na\tx y|z\nb\t\n"), TEXTS, "?missing=keep")
    assert made.column("labels") == [["x y", "z"], None]
    path = write("none.tsv", "text\tlabels\na\tx y|z\nb\t\n")
    with pytest.raises(CorpusError, match=r"none\.tsv:3: has no labels\n.*\?missing=none"):
        read(path, TEXTS)
    assert read(path, TEXTS, "?missing=none").column("labels") == [["x y", "z"], []]
    words = read(write("b.tsv", "words\ttags\na b\tX Y\n"), WORDS, "?format=tsv")
    assert words.column("tags") == [["X", "Y"]]


def test_an_empty_choice_keeps_its_place(write):
    """The label is a place: where one were left out it would name the choice behind it."""
    text = "text\tchoices\tlabel\na\tx||y|z\t2\nb\tx|y|\t1\nc\t|y|z\t1\nd\t\t0\n"
    made = read(write("a.tsv", text), CHOICES)
    assert made.column("choices") == [["x", "", "y", "z"], ["x", "y"], ["", "y", "z"]]
    assert made.dropped == {"without text": 1}


def test_white_space_around_one_of_several_labels_makes_no_other_class(write):
    several = read(write("b.csv", 'text,labels\na,"x, y z"\n'), TEXTS, "?separator=,")
    assert several.column("labels") == [["x", "y z"]]
    one = read(write("c.csv", "text, label\na,x\nb, x \n"))
    assert one.column("label") == ["x", "x"]


def test_a_label_that_is_missing_is_refused_dropped_or_kept(write):
    path = write("mine.tsv", "text\tlabel\na\tx\nb\t\n")
    with pytest.raises(CorpusError, match=r"mine\.tsv:3: has no label"):
        read(path)
    dropped = read(path, query="?missing=drop")
    assert len(dropped) == 1
    assert dropped.dropped == {"without a label": 1}
    assert read(path, query="?missing=keep").column("label") == ["x", None]


def test_a_column_of_labels_that_is_missing_may_be_asked_for(write):
    path = write("mine.tsv", "text\nb\n")
    with pytest.raises(CorpusError, match=r"no column 'label'\n.*it has text"):
        read(path)
    assert read(path, query="?missing=keep").column("label") == [None]
    path = write("mine.jsonl", '{"text": "b"}')
    with pytest.raises(CorpusError, match="no row has 'label'"):
        read(path)
    assert read(path, query="?missing=keep").column("label") == [None]


def test_blank_texts_are_counted(write):
    made = read(write("mine.tsv", "text\tlabel\na\tx\n \ty\n"))
    assert made.dropped == {"without text": 1}


def test_rows_of_one_part_only(write):
    path = write("mine.tsv", "id\ttext\tlabel\tpart\na-1\tx\ty\tdev\nb-1\tx\ty\ttest\n")
    made = read(path, query="?where=part:test")
    assert made.ids == ["b-1"]
    assert made.notes == ("1 rows are not part:test and were not read",)
    assert read(path, query="?where=id:a-*").ids == ["a-1"]
    with pytest.raises(CorpusError, match="no example with part:train"):
        read(path, query="?where=part:train")
    with pytest.raises(UsageError, match="where=part means nothing"):
        read(path, query="?where=part")


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.tsv", "text\tlabel\nx\ty\nx\n", r"a\.tsv:3: has 1 column where 2"),
        ("a.csv", "text,label\nx,y\nx,y,z\n", r"a\.csv:3: has 3 columns where 2"),
        ("a.tsv", "id\ttext\tlabel\n1\tx\ty\n2\tx\ty\n1\tx\ty\n", r":4: the id '1' .* at line 2"),
        ("a.tsv", "id\ttext\tlabel\n\tx\ty\n", r":2: has no id"),
        ("a.tsv", "text\ttext\tlabel\nx\tx\ty\n", r":1: a column name occurs twice"),
        ("a.tsv", b"text\tlabel\nx\xff\ty\n", r"a\.tsv:2: is not UTF-8: byte 0xff"),
        ("a.jsonl", '{"text": "a", "label": "b"}\n{"text"\n', r"a\.jsonl:2: is not JSON"),
        ("a.jsonl", "[1]\n", r":1: is not a JSON object"),
        ("a.jsonl", '{"text": 3, "label": "b"}\n', r":1: the text is int, not text"),
        ("a.jsonl", '{"text": "a", "label": 0.5}\n', r":1: the label is float"),
        ("a.tsv", "text\tlabel\n", "has no example"),
        ("a.xyz", "text\tlabel\n", "in no format"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(write, name, text, said):
    with pytest.raises(CorpusError, match=said):
        read(write(name, text))


@pytest.mark.parametrize("score", ["nan", "inf", "many", "true"])
def test_a_score_that_is_no_number(write, score):
    with pytest.raises(CorpusError, match=r":2: the score .* is not a number"):
        read(write("a.tsv", f"text\tsecond\tscore\na\tb\t{score}\n"), PAIRS)


def test_options_that_mean_nothing(write):
    path = write("a.tsv", "text\tlabel\nx\ty\n")
    with pytest.raises(UsageError, match=r"unknown option 'lable'\n.*known here: .*label"):
        read(path, query="?lable=2")
    with pytest.raises(UsageError, match="missing=perhaps means nothing"):
        read(path, query="?missing=perhaps")
    with pytest.raises(CorpusError, match="no such file"):
        read("absent.tsv")


def test_labels_under_other_names(write):
    path = write("a.tsv", "text\tlabel\na\tgood\nb\tbad\nc\tso-so\n")
    made = read(path, query="?rename=good:+,bad:-,odd:?&keep=%2B,-")
    assert made.column("label") == ["+", "-"]
    assert made.dropped == {"with a label that is not one of +, -": 1}
    assert made.notes == ("no label is called odd, which rename names",)
    with pytest.raises(UsageError, match="rename=good means nothing"):
        read(path, query="?rename=good")


def test_a_file_is_read_a_block_at_a_time(write, monkeypatch):
    monkeypatch.setattr("isogloss.corpus.text_files.BLOCK", 16)
    rows = "".join(f"text {i}\tx\n" for i in range(50))
    made = read(write("a.tsv.gz", "text\tlabel\n" + rows))
    assert made.column("text")[-1] == "text 49"

"""SQuAD JSON."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss.errors import CorpusError, UsageError
from isogloss.task.examples import ANSWERS
from isogloss.task.readers import read_examples
from isogloss.task.readers.checks import nearest


def paragraph(context, **questions):
    return {
        "context": context,
        "qas": [{"id": key, "question": f"{key}?", **told} for key, told in questions.items()],
    }


def answer(text, start):
    return {"answers": [{"text": text, "answer_start": start}]}


def read(tmp_path, *articles, query=""):
    path = tmp_path / "a.json"
    data = [{"title": f"t{i}", "paragraphs": [one]} for i, one in enumerate(articles, 1)]
    path.write_text(json.dumps({"version": "2.0", "data": data}), encoding="utf-8")
    return read_examples(f"{path}{query}", ANSWERS, language="eng")


def test_both_versions(tmp_path):
    made = read(
        tmp_path,
        paragraph("a 𝔟 c", one=answer("c", 4), two={"is_impossible": True, "answers": []}),
    )
    assert made.ids == ["one", "two"]
    assert made.column("answers") == [[{"text": "c", "start": 4}], []]
    assert made.column("title") == ["t1", "t1"]


def test_a_question_that_is_said_to_have_no_answer_has_none(tmp_path):
    plain, told = {"is_impossible": True}, {"is_impossible": True, **answer("a", 0)}
    made = read(tmp_path, paragraph("a b", one=plain, two=told))
    assert made.column("answers") == [[], []]


def test_some_articles(tmp_path):
    articles = [paragraph("a", **{f"q{i}": answer("a", 0)}) for i in range(1, 6)]
    made = read(tmp_path, *articles, query="?articles=1-2,5")
    assert made.ids == ["q1", "q2", "q5"]
    assert made.notes == ("3 of 5 articles were read: 1-2,5",)
    with pytest.raises(CorpusError, match="has 5 articles, none of number 6"):
        read(tmp_path, *articles, query="?articles=4-6")
    with pytest.raises(UsageError, match="articles=2-1 means nothing"):
        read(tmp_path, *articles, query="?articles=2-1")


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (answer("cat", 3), r"a\.json: 'q': the answer 'cat' .* 3 to 6: ', c'.*\n.*stands at 5"),
        (answer("cat", 99), r"outside the text of 8"),
        (answer("cat", -1), r"characters -1 to 2: outside"),
        (answer("dog", 5), r"'q': the answer 'dog' .*\n.*nowhere"),
        (answer("", 0), r"'q': the answer ''"),
        (answer("cat", "5"), r"'q': answers need a text and a whole number"),
        ({"answers": [], "is_impossible": False}, r"'q' is said to have an answer"),
        ({}, r"'q': has no answers"),
    ],
)
def test_answers_that_are_not_there(tmp_path, told, said):
    with pytest.raises(CorpusError, match=said):
        read(tmp_path, paragraph("One cat,", q=told) | {"context": "The, cat"})


def test_answers_are_moved_or_left_out_on_request(tmp_path):
    made = read(
        tmp_path,
        paragraph("cat cat", near=answer("cat", 3), lost=answer("dog", 0), good=answer("cat", 0)),
        query="?invalid=repair",
    )
    assert made.column("answers") == [[{"text": "cat", "start": 4}], [{"text": "cat", "start": 0}]]
    assert made.dropped == {"with an answer that is not in the text": 1}
    assert made.notes[0].startswith("1 answers did not stand")


def test_a_span_is_found_where_it_is_nearest():
    assert nearest("aaaa", "aa", 3) == 2
    assert nearest("aaaa", "aa", 1) == 1  # places may overlap
    assert nearest("abc", "x", 0) is None
    assert nearest("abc", "", 0) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[]", "no list called data"),
        ('{"data": [{}]}', "article 1 has no list called paragraphs"),
        ('{"data": [{"paragraphs": [{"qas": []}]}]}', "article 1, paragraph 1 has no text called"),
        ('{"data": [{"paragraphs": []}]}', "has no question"),
        ('{"data": \n}', r"a\.json:2: is not JSON"),
        (b'{"data": \n"\xff"}', r"a\.json:2: is not UTF-8"),
    ],
)
def test_other_files(tmp_path, text, said):
    path = tmp_path / "a.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(CorpusError, match=said):
        read_examples(path, ANSWERS, language="eng")


def test_an_id_that_occurs_twice(tmp_path):
    with pytest.raises(CorpusError, match="'q': the id 'q' occurs twice, first at example 1"):
        read(tmp_path, paragraph("a", q=answer("a", 0)), paragraph("a", q=answer("a", 0)))


text = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1)
text = text.filter(str.strip)


@given(st.lists(st.tuples(text, st.lists(st.tuples(st.integers(0), st.integers(1)))), min_size=1))
@settings(max_examples=60)
def test_questions_read_back(tmp_path_factory, contexts):
    articles, wanted = [], []
    for number, (context, places) in enumerate(contexts):
        told = []
        for first, length in places:
            start = first % len(context)
            told.append({"text": context[start : start + length], "answer_start": start})
        articles.append(paragraph(context, **{f"q{number}": {"answers": told}}))
        answers = [{"text": one["text"], "start": one["answer_start"]} for one in told]
        wanted.append((f"q{number}", context, answers))
    made = read(tmp_path_factory.mktemp("squad"), *articles)
    columns = (made.ids, made.column("context"), made.column("answers"))
    assert list(zip(*columns, strict=True)) == wanted

"""CoNLL-U: words, trees, and words that are written as one."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss.errors import CorpusError
from isogloss.task.examples import TREES, WORDS
from isogloss.task.readers import read_examples

GOOD = """# sent_id = s1
# text = Im Haus
1-2\tIm\t_\t_\t_\t_\t_\t_\t_\t_
1\tIn\tin\tADP\tAPPR\t_\t3\tcase\t_\t_
2\tdem\tder\tDET\tART\tCase=Dat\t3\tdet\t_\t_
3\tHaus\tHaus\tNOUN\tNN\tCase=Dat\t0\troot\t_\t_
3.1\tist\tsein\tAUX\t_\t_\t_\t_\t_\t_

"""


def read(tmp_path, text, query="", shape=TREES):
    path = tmp_path / "a.conllu"
    path.write_bytes(text.encode())
    return read_examples(f"{path}{query}", shape, language="deu")


def test_a_sentence(tmp_path):
    made = read(tmp_path, GOOD)
    assert made.table.to_pylist() == [
        {
            "id": "s1", "words": ["In", "dem", "Haus"], "tags": ["ADP", "DET", "NOUN"],
            "features": ["_", "Case=Dat", "Case=Dat"], "heads": [3, 3, 0],
            "relations": ["case", "det", "root"],
            "surface": [{"first": 1, "last": 2, "form": "Im"}],
        }
    ]  # fmt: skip
    assert made.notes == ("1 empty nodes were left out",)
    assert made.dropped == {}


@pytest.mark.parametrize(
    ("tags", "told"),
    [("upos", ["ADP", "DET", "NOUN"]), ("xpos", ["APPR", "ART", "NN"]), ("feats", None)],
)
def test_words_with_the_tags_that_are_asked_for(tmp_path, tags, told):
    made = read(tmp_path, GOOD, f"?tags={tags}", WORDS)
    assert made.column("tags") == [told or ["_", "Case=Dat", "Case=Dat"]]


def change(old, new):
    assert old in GOOD
    return GOOD.replace(old, new, 1)


CYCLE = change("\t3\tcase", "\t2\tcase").replace("\t3\tdet", "\t1\tdet")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (change("\tIm\t_", "\tAm\t_"), r":3: the form 'Am' is not next in the text: 'ImHaus'"),
        (change("3\tHaus", "3\tHau"), r":6: the text goes on after the last form: 's'"),
        (change("= Im Haus", "= Im Hau"), r":6: the form 'Haus' is not next in the text: 'Hau'"),
        (change("1-2", "1-4"), r":3: the range 1-4 leaves the sentence of 3 words"),
        (change("1-2", "2-3"), r":3: the range 2-3 does not begin at word 1"),
        (change("2\tdem", "2-3\tdem Haus\t" + "\t".join("_" * 8) + "\n2\tdem"),
         r":5: the range 2-3 does not begin at word 2"),
        (change("2\tdem", "4\tdem"), r":5: the word is numbered '4', not 2"),
        (change("\t3\tcase", "\t4\tcase"), r":4: the head '4' is none of 3 words"),
        (change("\t3\tcase", "\tx\tcase"), r":4: the head 'x'"),
        (change("\t3\tcase", "\t0\tcase"), r":6: 2 words have the head 0"),
        (change("\t0\troot", "\t1\troot"), r":4: 0 words have the head 0"),
        (CYCLE, r":4: the heads of word 1 lead back to it"),
        (change("\tDET\t", "\t_\t"), r":5: column 4 is not filled in"),
        (change("\tADP", ""), r":4: has 9 columns where 10"),
        (GOOD + GOOD, r":12: the id 's1' occurs twice, first at line 4"),
        ("# text = a\n\n", "has no word"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_line(tmp_path, text, said):
    with pytest.raises(CorpusError, match=said):
        read(tmp_path, text)


def test_a_sentence_without_annotation_has_no_labels(tmp_path):
    bare = re.sub(r"^(\d)\t(\w+)\t.*$", r"\1\t\2" + r"\t_" * 8, GOOD, flags=re.MULTILINE)
    with pytest.raises(CorpusError, match="has no tags, heads, relations"):
        read(tmp_path, bare)
    made = read(tmp_path, bare, "?missing=keep")
    assert made.column("heads") == [None]
    assert made.column("words") == [["In", "dem", "Haus"]]


form = st.text(st.characters(codec="utf-8", exclude_characters="\0\r\n\t\ufeff"), min_size=1)
form = form.filter(str.strip)


@st.composite
def trees(draw):
    """A sentence with heads that are a tree, ranges, and empty nodes."""
    words = draw(st.lists(form, min_size=1, max_size=6))
    order = draw(st.permutations(range(1, len(words) + 1)))
    heads = [0] * len(words)
    for at, word in enumerate(order[1:], 1):
        heads[word - 1] = order[draw(st.integers(0, at - 1))]
    surface, at = [], 1
    while at < len(words):
        length = draw(st.integers(1, 3))
        if length > 1 and at + length - 1 <= len(words):
            surface.append({"first": at, "last": at + length - 1, "form": draw(form)})
        at += length
    return {
        "words": words, "tags": [draw(st.sampled_from(["NOUN", "X"])) for _ in words],
        "features": [draw(st.sampled_from(["_", "Case=Dat|Number=Sing"])) for _ in words],
        "heads": heads, "relations": ["root" if h == 0 else "dep:x" for h in heads],
        "surface": surface,
    }  # fmt: skip


def written(number, tree):
    ranges = {one["first"]: one for one in tree["surface"]}
    lines, shown, inside = [], [], 0
    for at, word in enumerate(tree["words"], 1):
        if one := ranges.get(at):
            lines.append(f"{at}-{one['last']}\t{one['form']}" + "\t_" * 8)
            shown.append(one["form"])
            inside = one["last"]
        if at > inside:
            shown.append(word)
        tag, features, head, relation = (
            tree[name][at - 1] for name in ("tags", "features", "heads", "relations")
        )
        lines.append(f"{at}\t{word}\t_\t{tag}\t_\t{features}\t{head}\t{relation}\t_\t_")
        lines.append(f"{at}.1\tx" + "\t_" * 8)
    return "\n".join([f"# sent_id = s{number}", f"# text = {' '.join(shown)}", *lines, "", ""])


@given(st.lists(trees(), min_size=1, max_size=4))
@settings(max_examples=60)
def test_sentences_read_back(tmp_path_factory, sentences):
    text = "".join(written(number, tree) for number, tree in enumerate(sentences))
    made = read(tmp_path_factory.mktemp("conllu"), text)
    rows = made.table.to_pylist()
    assert [row.pop("id") for row in rows] == [f"s{number}" for number in range(len(rows))]
    assert rows == sentences


def test_real_treebanks_have_the_words_their_readme_counts(data):
    for code, words in (("de", 21332), ("hi", 23829), ("sv", 19076)):
        path = data / "ud_pud" / f"{code}_pud-ud-test.conllu.gz"
        made = read_examples(path, TREES, language=code)
        assert sum(map(len, made.column("words"))) == words
        assert len(made) == 1000

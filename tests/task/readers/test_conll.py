"""CoNLL: words with their columns."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss.errors import CorpusError, UsageError
from isogloss.task.examples import INTENTS, WORDS
from isogloss.task.readers import read_examples


def read(tmp_path, text, query="", shape=WORDS, name="a.conll"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_examples(f"{path}{query}", shape, language="hau")


def test_tabs_spaces_and_columns(tmp_path):
    tabs = read(tmp_path, "Anna\tB-PER\nsingt\tO\n\n\nHm .\tO\n")
    assert tabs.column("words") == [["Anna", "singt"], ["Hm ."]]
    spaces = read(tmp_path, "-DOCSTART- -X- O\n\nAnna NNP B-PER\nsingt  VB O\n")
    assert spaces.column("tags") == [["B-PER", "O"]]
    assert spaces.notes == ("1 lines of -DOCSTART- were left out",)
    chosen = read(tmp_path, "Anna NNP B-PER\n", "?tags=2")
    assert chosen.column("tags") == [["NNP"]]


def test_a_word_that_is_a_hash_is_no_comment(tmp_path):
    tabs = read(tmp_path, "# newdoc id = d\n# sent_id = a-1\n# text = # x\n#\tO\nx\tO\n")
    assert tabs.column("words") == [["#", "x"]]
    assert tabs.ids == ["a-1"]
    apart = read(tmp_path, "# sent_id = a-1\n\nx\tO\n\n# sent_id = a-2\ny\tO\n")
    assert apart.ids == ["a-1", "a-2"]
    spaces = read(tmp_path, "# sent_id = a\nx O\n# O\n= O\n\n# sent_id = b\n# O\n")
    assert spaces.column("words") == [["x", "#", "="], ["#"]]
    tagged = read(tmp_path, "#sent_id = a\n#10:30 O\nx O\n\n#sent_id=b\n#Goal:Messi O\n")
    assert tagged.column("words") == [["#10:30", "x"], ["#Goal:Messi"]]
    assert tagged.ids == ["a", "b"]


def test_intents_stand_in_comments(tmp_path):
    made = read(tmp_path, "# intent: play\nJazz\tB-genre\n", shape=INTENTS)
    assert made.column("label") == ["play"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a\tO\nb\n", r"a\.conll:2: has 1 column where 2"),
        ("a O\nb c O\n", r":2: has 3 columns where 2 .*\n.*split at spaces"),
        ("# sent_id = x\na\tO\n\nb\tO\n", r":4: the sentence has no sent_id"),
        ("# sent_id = x\na\tO\n\n# sent_id = x\nb\tO\n", r":5: the id 'x' occurs twice.*line 2"),
        ("a\tO\n\tO\n", r":2: word 2 is empty"),
        ("a\n", r":1: has no tags"),
        ("\n\n", "has no word"),
        (b"a\tO\nb\xff\tO\n", r":2: is not UTF-8"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path, text, said):
    with pytest.raises(CorpusError, match=said):
        read(tmp_path, text)


def test_an_invalid_sequence_is_refused_or_repaired_and_counted(tmp_path):
    text = "a\tO\n\nb\tB-PER\nc\tI-LOC\nd\tI-LOC\n\ne\tI-PER\n"
    with pytest.raises(CorpusError, match=r":4: I-LOC .word 2. cannot stand after B-PER"):
        read(tmp_path, text)
    made = read(tmp_path, text, "?invalid=repair")
    assert made.column("tags") == [["O"], ["B-PER", "B-LOC", "I-LOC"], ["B-PER"]]
    assert made.notes == ("2 invalid tags in 2 sentences were repaired",)


def test_types_that_are_not_kept_become_o_and_are_counted(tmp_path):
    text = "a\tB-person\nb\tI-person\nc\tB-DATE\nd\tB-DATE\ne\tB-LOC\n"
    made = read(tmp_path, text, "?rename=person:PER&keep=PER,LOC")
    assert made.column("tags") == [["B-PER", "I-PER", "O", "O", "B-LOC"]]
    assert made.notes == ("2 entities of type DATE became O",)
    same = read(tmp_path, text, "?rename=person:PER,DATE:O")
    assert same.column("tags") == made.column("tags")


def test_parts_of_speech_are_renamed_and_never_taken_for_entities(tmp_path):
    assert read(tmp_path, "a\tNN\nb\tX\n", "?rename=NN:NOUN").column("tags") == [["NOUN", "X"]]
    with pytest.raises(UsageError, match="the tags name none"):
        read(tmp_path, "a\tNN\n", "?keep=NN")


word = st.text(st.characters(codec="utf-8", exclude_characters="\0\r\n\t\ufeff"), min_size=1)
words = word.filter(lambda text: text.strip() and text != "-DOCSTART-")


@given(st.lists(st.lists(st.tuples(words, st.sampled_from(["NOUN", "B", "_"])), min_size=1)))
@settings(max_examples=60)
def test_sentences_read_back(tmp_path_factory, sentences):
    if not sentences:
        return
    text = "\n".join("".join(f"{word}\t{tag}\n" for word, tag in one) for one in sentences)
    made = read(tmp_path_factory.mktemp("conll"), text)
    pairs = zip(made.column("words"), made.column("tags"), strict=True)
    assert [list(zip(*one, strict=True)) for one in pairs] == sentences


def test_masakhaner_has_as_many_invalid_tags_as_its_source_says(data):
    counts = {}
    for code in ("hau", "zul", "ibo"):
        notes = []
        for split in ("train", "dev", "test"):
            path = data / "masakhaner2" / code / f"{split}.tsv.gz?invalid=repair"
            notes += read_examples(path, WORDS, language=code).notes
        counts[code] = sum(int(note.split()[0]) for note in notes if "invalid" in note)
    assert counts == {"hau": 2, "zul": 10, "ibo": 0}

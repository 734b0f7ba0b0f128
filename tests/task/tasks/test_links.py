"""Links of words as a task: the scores of `align-words`, and a solver that links."""

import numpy as np
import pytest

from isogloss.errors import CorpusError, UsageError
from isogloss.measure.word_alignment import alignment_scores
from isogloss.task.evaluate import evaluate
from isogloss.task.examples import LINKS, WORDS
from isogloss.task.readers import read_examples
from isogloss.task.tasks.links import LinkTask, LinkWords

GOLD = "source\ttarget\tsure\tpossible\na b c\tx y\t0-0\t1-1\nd e\tz w\t0-0 1-1\t0-1\n"
FOUND = [[[0, 0], [1, 1], [2, 0]], [[0, 1]]]


@pytest.fixture
def gold(tmp_path):
    (tmp_path / "gold.tsv").write_text(GOLD, encoding="utf-8")
    return read_examples(tmp_path / "gold.tsv", LINKS, language="deu", split="test")


def test_gold_is_read_with_sure_links_among_the_possible(gold):
    assert gold.ids == ["1", "2"] and gold.column("source")[0] == ["a", "b", "c"]
    assert gold.column("sure") == [[[0, 0]], [[0, 0], [1, 1]]]
    assert gold.column("possible")[0] == [[0, 0], [1, 1]]
    assert gold.sealed().column("sure") == [None, None]


def test_other_labels_are_not_read_from_links(tmp_path):
    (tmp_path / "gold.tsv").write_text(GOLD, encoding="utf-8")
    with pytest.raises(UsageError, match="cannot be read from gold links"):
        read_examples(f"{tmp_path}/gold.tsv?format=links", WORDS, language="deu")
    bad = GOLD.replace("0-0 1-1", "0-0 1-2")
    (tmp_path / "bad.tsv").write_text(bad, encoding="utf-8")
    with pytest.raises(CorpusError, match="1-2 lies outside"):
        read_examples(tmp_path / "bad.tsv", LINKS, language="deu")


def test_scores_are_those_of_the_measure(gold):
    told = LinkTask().score(gold, FOUND)
    wanted = alignment_scores(
        [{(0, 0), (1, 1), (2, 0)}, {(0, 1)}], [{(0, 0)}, {(0, 0), (1, 1)}],
        [{(1, 1)}, {(0, 1)}], [(3, 2), (2, 2)],
    )  # fmt: skip
    for name, tally in told.items():
        value = float(tally.statistic(tally.columns.sum(0)))
        assert value == pytest.approx(wanted.one(measure=name).value)
    nothing = LinkTask().score(gold, [None, None])
    assert float(nothing["alignment_aer"].statistic(nothing["alignment_aer"].columns.sum(0))) == 1


def test_what_has_no_meaning_is_refused(gold):
    with pytest.raises(CorpusError, match="'2': the link 0-2 lies outside 2 and 2"):
        LinkTask().score(gold, [[], [[0, 2]]])
    with pytest.raises(CorpusError, match="no sure link"):
        LinkTask().score(gold.having({"sure": [[], []]}), FOUND)


def test_a_solver_links_by_the_method_it_is_told(gold):
    class Words:
        name, fingerprint, layers = "words", "0" * 16, (0,)

        def encode_words(self, sentences, *, layers):
            from isogloss.encode.words import TokenVectors

            table = {"a": 0, "x": 0, "b": 1, "c": 2, "y": 1, "d": 3, "z": 3, "e": 4, "w": 5}
            made = np.eye(6, dtype=np.float32)[[table[w] for one in sentences for w in one]]
            lengths = np.array([len(one) for one in sentences])
            starts = np.concatenate([[0], lengths.cumsum()])
            at = np.concatenate([np.arange(n) for n in lengths])
            return {0: TokenVectors(made, starts, at, lengths)}

    told = LinkWords(Words(), "intersection").tell(gold)
    assert told.values[0] == [[0, 0], [1, 1]] and [0, 0] in told.values[1]
    forward = LinkWords(Words(), "forward").tell(gold)
    assert len(forward.values[0]) == 3  # every source word has a link, and "c" a false one
    rows, _ = evaluate(LinkWords(Words(), "intersection"), LinkTask(), gold)
    assert [row.measure for row in rows] == list(LinkTask.measures)
    assert rows[0].value == pytest.approx(0.8)

"""Given pairs are scored within their own text; wrong ones score less; duplicates do no harm."""

import numpy as np
import pytest

from isogloss.errors import CorpusError, UsageError
from isogloss.recipe.bitext_scores import score_bitext

TAGS = ("deu", "eng")


def sentences(n):
    rng = np.random.default_rng(0)
    return [rng.integers(0, 400, 4).tolist() for _ in range(n)]


def said(side, words):
    return " ".join(f"{side}{w}" for w in words)


def test_given_pairs_are_scored_and_wrong_ones_score_less(tmp_path, bilingual):
    text = sentences(40)
    other = [i if i < 30 else 69 - i for i in range(40)]
    lines = [f"{said('s', w)}\t{said('t', text[i])}" for i, w in zip(other, text, strict=True)]
    lines.append(lines[0])  # a duplicate must not take the margin of its translation away
    (tmp_path / "t.tsv").write_text("\n".join(["deu\teng", *lines]) + "\n", encoding="utf-8")
    quantiles, notes = score_bitext(
        bilingual, tmp_path / "t.tsv", tmp_path / "s.tsv", languages=TAGS
    )
    made = [line.split("\t") for line in (tmp_path / "s.tsv").read_text().splitlines()]
    assert made[0] == ["id", "margin", "cosine", "source", "target"] and len(made) == 42
    margin = np.array([float(row[1]) for row in made[1:]])
    assert margin[:30].mean() > margin[30:40].mean() + 0.2 and margin[40] == margin[0] > 1.1
    assert quantiles["margin"]["50%"] == pytest.approx(np.median(margin), abs=1e-6)
    assert any("1 sentences stand there more than once" in note for note in notes)


def test_what_cannot_be_scored_says_so(tmp_path, bilingual):
    (tmp_path / "t.tsv").write_text("deu\teng\tfra\na\tb\tc\nd\te\tf\n", encoding="utf-8")
    with pytest.raises(CorpusError, match="there are 3"):
        score_bitext(bilingual, tmp_path / "t.tsv", tmp_path / "s.tsv")
    with pytest.raises(UsageError, match="there is absolute, distance, ratio"):
        score_bitext(bilingual, tmp_path / "t.tsv", tmp_path / "s.tsv", margin="csls")
    with pytest.raises(UsageError, match="k is 0; it must be at least 1"):
        score_bitext(bilingual, tmp_path / "t.tsv", tmp_path / "s.tsv", languages=TAGS, k=0)
    with pytest.raises(UsageError, match="is a folder"):
        score_bitext(bilingual, tmp_path / "t.tsv", tmp_path, languages=TAGS)


def test_more_neighbours_than_sentences_are_told(tmp_path, bilingual):
    lines = [f"{said('s', words)}\t{said('t', words)}\n" for words in sentences(5)]
    (tmp_path / "t.tsv").write_text("deu\teng\n" + "".join(lines), encoding="utf-8")
    _, notes = score_bitext(bilingual, tmp_path / "t.tsv", tmp_path / "s.tsv", k=6)
    assert sum("k is 6, but there are 5 sentences" in note for note in notes) == 2

"""Words that changed lead the list; what changed by chance, and what was planted, goes with it."""

import numpy as np
import pytest

import isogloss
from isogloss.encode.word_vectors import read_word_vectors
from isogloss.errors import CorpusError, SettingsError
from isogloss.measure.catalogue import MEASURES
from isogloss.recipe.cade import dealt, exchanged, planted_found, shared_words, trained_apart
from isogloss.space.compass import Training, cade, meaning_shift

HOW = {"width": 16, "window": 3, "epochs": 5, "sample": 0.0, "planted": 3}
TRAINING = Training(width=16, window=3, epochs=5, sample=0, min_count=5)


def corpus(topic, seed, sentences=700):
    """Sentences of one of eleven topics; "bank" is a word of one of them."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(sentences):
        at = rng.integers(11)
        words = [f"t{at}w{i}" for i in rng.integers(0, 3, 7)]
        if at == topic and rng.random() < 0.5:
            words[rng.integers(7)] = "bank"
        made.append(words)
    return made


TEXTS = {"then": corpus(0, 1), "now": corpus(1, 2)}


@pytest.fixture
def recipe(bilingual, tmp_path):
    """Two texts of one language, and one step."""
    for name, text in TEXTS.items():
        (tmp_path / name).mkdir()
        lines = "".join(f"{' '.join(words)}\n" for words in text)
        (tmp_path / name / "eng.txt").write_text(lines, encoding="utf-8")
    step = {"use": "cade.v1", "name": "c", "slices": {x: {"text": x} for x in TEXTS}, **HOW}
    texts = {name: {"path": str(tmp_path / name)} for name in TEXTS}
    return {"name": "t", "model": str(bilingual), "steps": [step], "text": texts}


def test_the_word_that_changed_leads(recipe, tmp_path):
    run = isogloss.run(recipe, out=tmp_path / "run")
    slices = cade(TEXTS, TRAINING)
    expected = meaning_shift(slices["then"], slices["now"])
    head, *lines = (run.folder / "files/c/then-now.tsv").read_text("utf-8").splitlines()
    assert head == "word\tshift\ttimes in then\ttimes in now"
    cells = [line.split("\t") for line in lines]
    assert [word for word, *_ in cells] == [word for word, _ in expected]
    assert cells[0][0] == "bank" and float(cells[0][1]) > 0.5 > 2 * float(cells[1][1])
    assert int(cells[0][2]) == sum(line.count("bank") for line in TEXTS["then"])
    now = read_word_vectors(run.folder / "files/c/now.npz")
    np.testing.assert_array_equal(now.array, slices["now"].vectors)
    rows = {(row.measure, row.settings["method"]): row for row in run.scores}
    shift = rows["meaning_shift", "compass"]
    assert shift.value == pytest.approx(np.mean([x for _, x in expected])) and shift.n == 34
    by_chance = rows["meaning_shift", "compass, sentences dealt anew"]
    assert by_chance.value < shift.value
    assert rows["planted_shift", "compass"].value > 0.95 and rows["planted_shift", "compass"].n == 6
    assert shift.value != rows["meaning_shift", "trained apart"].value
    assert (
        {row.measure for row in run.scores} == {"meaning_shift", "planted_shift"} <= set(MEASURES)
    )
    assert "planted shift found" in run.report.read_text(encoding="utf-8")


def test_slices_trained_apart_are_turned_onto_the_first():
    made = trained_apart(TEXTS, TRAINING)
    again = trained_apart({"now": TEXTS["now"]}, TRAINING)
    shifts = dict(meaning_shift(made["then"], made["now"]))
    assert max(shifts, key=lambda word: shifts[word]) == "bank"
    # a turn alone: likeness within a slice is kept
    x, y = made["now"].vectors, again["now"].vectors
    np.testing.assert_allclose(x @ x.T, y @ y.T, atol=1e-5)
    assert np.abs(x - y).max() > 0.1


def test_controls():
    a, b = [["x", "y", "z"], ["x", "y"]], [["y", "x"], ["y", "x", "q"]]
    assert shared_words(a, b, 2) == ["x", "y"]
    assert exchanged(b, {"x": "y", "y": "x"}) == [["x", "y"], ["x", "y", "q"]]
    anew = dealt({"a": a, "b": b}, 0)
    assert sorted(map(tuple, anew["a"] + anew["b"])) == sorted(map(tuple, a + b))
    assert len(anew["a"]) == 2 and any(dealt({"a": a, "b": b}, s)["a"] != a for s in range(9))
    shifts = [("p", 0.9), ("u", 0.8), ("q", 0.5), ("v", 0.4), ("w", 0.1)]
    np.testing.assert_allclose(planted_found(shifts, {"p": "q", "q": "p"}), [1, 2 / 3])


def test_what_cannot_work_says_so(recipe, tmp_path):
    [step] = recipe["steps"]

    def run(**how):
        isogloss.run({**recipe, "steps": [{**step, **how}]}, out=tmp_path / "x")

    with pytest.raises(SettingsError, match="slices"):
        run(slices={"then": {"text": "then"}})
    with pytest.raises(SettingsError, match=r"slices.b.text: nothing earlier is called 'later'"):
        run(slices={"a": {"text": "then"}, "b": {"text": "later"}})
    with pytest.raises(CorpusError, match=r"now shares 0 words .* 999 times in both; 4 are needed"):
        run(least=999)
    measure = {"use": "measure.v1", "name": "m", "text": "now"}
    with pytest.raises(CorpusError, match="share no language besides eng_Latn"):
        isogloss.run({**recipe, "steps": [step, measure]}, out=tmp_path / "y")


def test_cade_recipe(shorter):
    run = shorter("CADE", ("cmn_Hans",), {"shift": {"epochs": 4, "least": 4}}, names=500)
    [row] = (r for r in run.scores if r.settings["method"] == "compass, sentences dealt anew")
    assert (row.language, row.pivot, row.dataset) == ("cmn_Hans", "jpn_Jpan", "japanese-chinese")
    lines = (run.folder / "files/shift/japanese-chinese.tsv").read_text("utf-8").splitlines()
    words = [line.split("\t")[0] for line in lines[1:]]
    assert len(words) == run.scores[0].n and {len(word) for word in words} == {1}

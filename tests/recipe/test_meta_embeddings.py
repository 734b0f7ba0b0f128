"""Sets of word vectors in one space are better together, on the words that each has, and whole."""

import numpy as np
import pytest

import isogloss
from isogloss.encode.word_vectors import read_word_vectors, write_word_vectors
from isogloss.errors import SettingsError, VectorError

N, D = 150, 10


@pytest.fixture
def world(bilingual, tmp_path):
    """Two noisy, turned copies of one truth in two languages; the second lacks words."""
    rng = np.random.default_rng(0)
    truth, steps = rng.normal(size=(N, D)), []
    for name, there in (("a", N), ("b", N - 40)):
        turn, files = np.linalg.qr(rng.normal(size=(D, D)))[0], {}
        for tag in ("eng", "deu"):
            files[tag] = str(tmp_path / f"{name}.{tag}.vec")
            array = (truth + 0.55 * rng.normal(size=(N, D))) @ turn
            words = [f"{tag}{i}" for i in range(there)]
            write_word_vectors(files[tag], words, array[:there].astype(np.float32))
        steps.append({"use": "word_vectors.v1", "name": name, "source": "files", "files": files})
    for tag in ("eng", "deu"):
        lines = "".join(f"{tag}{i}\n" for i in range(N))
        (tmp_path / f"{tag}.txt").write_text(lines, encoding="utf-8")
    meta = {"use": "meta_embeddings.v1", "name": "m", "text": "t", "sources": ["a", "b"]}
    return {"name": "t", "model": str(bilingual), "steps": [*steps, meta],
            "text": {"t": {"path": str(tmp_path / "{language}.txt")}}}  # fmt: skip


def found(run, measure="lexicon_p1", **where):
    rows = run.scores.where(measure=measure, **where)
    return {row.settings["method"]: row for row in rows}


def test_together_they_are_better_than_each(world, tmp_path):
    run = isogloss.run(world, out=tmp_path / "run")
    rows = found(run)
    for name in "ab":
        alone, both = rows[name], rows[f"meta, words of {name}"]
        assert both.value > alone.value + 0.05 and both.n == alone.n
        assert both.settings["coverage"] == alone.settings["coverage"]
    assert rows["meta"].n == N and rows["b"].n == N - 40
    assert rows["b"].dropped == {"not in the source space": 40}
    assert rows["meta"].value != rows["meta, nothing filled"].value
    assert "m: words of b: 220 own, 80 generated, 0 lacking" in run.provenance["notes"]
    made = read_word_vectors(run.folder / "files/m/deu_Latn.npz")
    assert made.words == tuple(f"deu{i}" for i in range(N))
    np.testing.assert_allclose(np.linalg.norm(made.array, axis=1), 1, atol=1e-5)
    assert "by meta, nothing filled" in run.report.read_text(encoding="utf-8")


def test_what_cannot_work_says_so(world, tmp_path):
    meta = world["steps"][-1]
    for sources, message in (
        (["a"], r"steps.2.sources: .*at least 2"),
        (["a", "c"], r"steps.2.sources.1: nothing earlier is called 'c'"),
    ):
        broken = {**world, "steps": [*world["steps"][:-1], {**meta, "sources": sources}]}
        with pytest.raises(SettingsError, match=message):
            isogloss.run(broken, out=tmp_path / "x")
    for tag, file in world["steps"][1]["files"].items():
        write_word_vectors(file, [f"{tag}{i}" for i in range(5)], np.eye(5, 4))
    with pytest.raises(VectorError, match="sources of one width"):
        isogloss.run(world, out=tmp_path / "wide")


def test_meta_emb_common_space(shorter):
    run = shorter("MetaEmb-CommonSpace", ("deu_Latn", "spa_Latn"), names=300, train=200)
    for tag in ("deu_Latn", "spa_Latn"):
        rows = found(run, language=tag)
        assert list(rows) == ["contextual", "meta, words of contextual", "static",
                              "meta, words of static", "meta, nothing filled", "meta"]  # fmt: skip
        assert rows["contextual"].n < rows["static"].n == rows["meta"].n
        assert rows["contextual"].value != rows["static"].value
        assert rows["meta"].value > 0.05
    assert any("generated" in note for note in run.provenance["notes"])

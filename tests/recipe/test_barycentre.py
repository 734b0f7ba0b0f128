"""Pairs without the pivot: through it, and through the barycentre, which a poor hub harms less."""

import numpy as np
import pytest

import isogloss
from isogloss.encode.word_vectors import read_word_vectors, write_word_vectors
from isogloss.errors import CorpusError
from isogloss.match.lexicon import dictionary_rows, induce
from isogloss.match.neighbours import unit
from isogloss.measure.catalogue import MEASURES
from isogloss.space.map import Map

N, D, ALIKE = 120, 8, 14
TAGS = ("deu", "fra", "spa")


@pytest.fixture
def world(bilingual, tmp_path):
    """Turned copies of one cloud; the pivot's is noisy, and each shares other words with it."""
    rng = np.random.default_rng(0)
    truth = rng.normal(size=(N, D))
    files, names = {}, {"eng": [f"w{i}" for i in range(N)]}
    for at, tag in enumerate(TAGS):
        names[tag] = [f"w{i}" if i // ALIKE == at else f"{tag}{i}" for i in range(N)]
    for tag, words in names.items():
        turn, noise = np.linalg.qr(rng.normal(size=(D, D)))[0], 0.1 if tag in TAGS else 0.8
        order, files[tag] = rng.permutation(N), str(tmp_path / f"{tag}.vec")
        array = (truth + noise * rng.normal(size=(N, D)))[order] @ turn
        write_word_vectors(files[tag], [words[i] for i in order], array.astype(np.float32))
        text = "".join(f"{word}\n" for word in words)
        (tmp_path / f"{tag}.txt").write_text(text, encoding="utf-8")
    return {"name": "t", "model": str(bilingual), "pivot": "eng",
            "text": {"t": {"path": str(tmp_path / "{language}.txt")}},
            "steps": [
                {"use": "word_vectors.v1", "name": "w", "source": "files", "files": files},
                {"use": "barycentre.v1", "name": "b", "vectors": "w", "text": "t"},
            ]}  # fmt: skip


def lines(folder, tag):
    return (folder / f"{tag}.txt").read_text(encoding="utf-8").splitlines()


def found(run, way):
    rows = run.scores.where(measure="lexicon_p1")
    return np.array([row.value for row in rows if row.settings["method"] == way])


def test_the_barycentre_is_better_than_a_poor_hub(world, tmp_path):
    run = isogloss.run(world, out=tmp_path / "run")
    hub, centre, plain = (found(run, way) for way in ("hub", "barycentre", "as they are"))
    assert len(hub) == 3 and hub.max() < 0.8 and centre.min() > 0.9 and plain.max() < 0.2
    for row in run.scores:
        assert row.measure in MEASURES and row.n == N
        assert row.settings["score"] == "csls"
    assert {row.direction for row in run.scores} == {
        "deu_Latn>fra_Latn", "deu_Latn>spa_Latn", "fra_Latn>spa_Latn",
    }  # fmt: skip
    notes = run.provenance["notes"]
    assert any(f"deu_Latn: turned onto eng_Latn by {ALIKE} words spelled" in x for x in notes)
    assert any("transport cost" in note for note in notes)
    assert "by barycentre" in run.report.read_text(encoding="utf-8")
    sides = []
    for tag in TAGS[:2]:  # the maps that are left make what was scored
        spelt = read_word_vectors(run.folder / f"files/w/{tag}_Latn.npz")
        whole = Map.load(run.folder / f"maps/{tag}_Latn/b/barycentre")
        sides.append((spelt.words, unit(whole.apply(spelt.array))))
    gold = dictionary_rows(
        zip(*(lines(tmp_path, tag) for tag in TAGS[:2]), strict=True), sides[0][0], sides[1][0]
    )
    assert induce(sides[0][1], sides[1][1], gold)[0].value == centre[0]


@pytest.mark.parametrize("start", ["shared", "wasserstein_procrustes"])
def test_other_starts(world, tmp_path, start):
    world["steps"][1] |= {"start": start, "iterations": 2}
    run = isogloss.run(world, out=tmp_path / "run")
    hub = Map.load(run.folder / "maps/deu_Latn/b/hub")
    assert (len(hub.steps) == 4) == (start != "shared")  # the turn comes after unit, centre, unit
    assert ("as they are" in {row.settings["method"] for row in run.scores}) == (start != "shared")


def test_what_cannot_work_says_so(world, tmp_path):
    with pytest.raises(CorpusError, match="pairs without the pivot are asked"):
        isogloss.run({**world, "languages": ["deu"]}, out=tmp_path / "one")
    for tag in ("eng", *TAGS):
        text = "".join(f"{tag}{i} {tag}{i}\n" for i in range(N))
        (tmp_path / f"{tag}.txt").write_text(text, encoding="utf-8")
    with pytest.raises(CorpusError, match="no two languages have 2 translations"):
        isogloss.run(world, out=tmp_path / "none")


def test_wasserstein_barycentre(shorter):
    fewer = {"barycentre": {"iterations": 3}}
    tags = ("deu_Latn", "spa_Latn", "fra_Latn")
    run = shorter("WassersteinBarycenter", tags, fewer, names=250)
    ways = {way: found(run, way) for way in ("as they are", "hub", "barycentre")}
    assert {len(values) for values in ways.values()} == {3}
    assert ways["hub"].mean() > 0.03 and (ways["hub"] != ways["barycentre"]).any()
    assert any("words spelled alike" in note for note in run.provenance["notes"])
    asked = (run.folder.parent / f"names/{tag}_Latn.txt" for tag in ("deu", "spa"))
    rows = zip(*(file.read_text("utf-8").lower().splitlines() for file in asked), strict=True)
    one = {pair for pair in rows if all(len(text.split()) == 1 for text in pair)}
    alike = {pair for pair in one if pair[0] == pair[1]}
    row = run.scores.one(direction="deu_Latn>spa_Latn", measure="lexicon_p1",
                         settings={"score": "csls", "coverage": 1.0, "method": "hub"})  # fmt: skip
    assert alike and row.dropped == {"spelled alike": len(alike)}
    assert row.n == len({word for word, _ in one - alike})

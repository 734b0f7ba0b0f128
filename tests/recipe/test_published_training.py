"""The published systems that train: each is quick here, and its distinctive part is noticed."""

import numpy as np
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import load_file

import isogloss
from isogloss.encode import load_encoder
from isogloss.settings import read_toml

ROWS = {"train": 240, "held_out": 40}


@pytest.fixture
def quick(shorter):
    """Run a recipe on little text with few steps, as far as the named steps go."""

    def run(name, arms, *, tags=("deu_Latn",), only=None, changes=None, model=None, **settings):
        recipe = read_toml(f"recipes/{name}.toml")
        about = {step["name"]: step for step in recipe["steps"]}
        made = {arm: {**settings, "threads": 1, "tuning_rows": 20} for arm in arms}
        for arm in (arm for arm in arms if "lessons" in about[arm]):
            made[arm]["keep"] = "model"
            made[arm]["lessons"] = [
                {**lesson, "mixture": {**lesson["mixture"], "batch": 16}}
                for lesson in about[arm]["lessons"]
            ]
        for step, more in (changes or {}).items():
            made.setdefault(step, {}).update(more)
        texts = {text: ROWS.get(text, 240) for text in recipe["text"]}
        return shorter(name, tags, made, model, only, **texts)

    return run


def kept(run, step):
    """The encoder that a step left."""
    return load_encoder(str(run.folder / "files" / step / "model"))


def vectors(encoder, texts):
    array = next(iter(encoder.encode(texts, language="x").values())).array
    return array / np.linalg.norm(array, axis=1, keepdims=True)


def weights(folder):
    """All weights of a model in one row."""
    found = load_file(folder / "model.safetensors")
    return np.concatenate([found[name].ravel() for name in sorted(found)])


def log(run, step):
    """The rows of a training's log."""
    return pq.read_table(run.folder / "files" / step / "train_log.parquet").to_pylist()


def parts(row):
    """The names of the losses that a row of a log has."""
    return {key for key in row if key.startswith("loss_")}


def against(run, step, language):
    """What was compared with a step."""
    rows = run.scores.where(stage="change", language=language)
    return {row.measure for row in rows if row.settings.get("against") == step}


def test_sbert_pulls_translations_to_the_teachers_vectors(quick):
    arms = ("english-alone", "translations")
    only = (*arms, *(f"with-{arm}" for arm in arms), "pivot", "translations-over-english-alone")
    run = quick("SBERT-Multilingual-KD", arms, only=only, steps=12, learning_rate=2e-4)
    assert run.scores.where(measure="pivot_cosine_to_teacher")[0].value > 0.9
    corpus = isogloss.read_corpus(run.folder.parent / "train", languages=["eng", "deu"])
    pivot, texts = (corpus.texts(tag)[:120] for tag in ("eng", "deu"))
    teacher = load_encoder("all-MiniLM-L6-v2")
    wanted = vectors(teacher, pivot)
    start, alone, taught = (
        (vectors(each, texts) * wanted).sum(1).mean()
        for each in (teacher, *(kept(run, arm) for arm in arms))
    )
    assert taught > max(start, alone) + 0.02
    assert "retrieval_p1" in against(run, "english-alone", "deu_Latn")


def test_labse_asks_for_a_margin(quick):
    only = ("no-margin", "margin", "with-no-margin", "with-margin", "margin-over-no-margin")
    run = quick("LaBSE", ("margin", "no-margin"), only=only, steps=4)
    margin, plain = (log(run, arm)[0] for arm in ("margin", "no-margin"))
    assert margin["tokens_deu_Latn"] == plain["tokens_deu_Latn"]  # the same batch
    assert 3 < margin["loss"] - plain["loss"] < 6.01  # scale x margin, less where it is sure
    assert "retrieval_p1" in against(run, "no-margin", "deu_Latn")


def test_cao_draws_linked_words_together_and_holds_the_pivot(quick):
    pytest.importorskip("thot", reason="needs pip install isogloss[align-stat]")
    only = ("held-alone", "aligned", "words-held-alone", "words-aligned",
            "words-aligned-over-held-alone")  # fmt: skip
    run = quick("CaoAlign", ("held-alone", "aligned"), only=only, steps=6, learning_rate=2e-4)
    aligned, held = (log(run, arm) for arm in ("aligned", "held-alone"))
    assert aligned[-1]["loss_word_l2"] < 0.8 * aligned[0]["loss_word_l2"]
    assert parts(held[0]) == {"loss_near_start"}
    assert aligned[0]["loss_near_start"] == held[0]["loss_near_start"]
    assert against(run, "held-alone", "deu_Latn") == {"word_retrieval_p1"}
    for over in run.scores.where(stage="change"):
        both = [
            run.scores.one(stage="after", system=arm, direction=over.direction).value
            for arm in ("aligned", "held-alone")
        ]
        assert over.value == pytest.approx(both[0] - both[1])  # words weigh alike, not sentences


def test_awesome_trains_by_its_objectives(quick, tmp_path):
    gold = tmp_path / "gold.tsv"
    gold.write_text(
        "source\ttarget\tsure\tpossible\nred heart\trotes Herz\t0-0 1-1\t\n"
        "cat face\tKatze Gesicht\t0-0\t1-1\n",
        encoding="utf-8",
    )
    arms, links = ("mlm-alone", "awesome"), ("links-mlm-alone", "links-awesome")
    pairs = {"pairs": [{"source": "eng", "target": "deu", "gold": str(gold)}]}
    changes = dict.fromkeys(links, pairs) | {"head": {"batch": 16}}
    only = ("head", *arms, *links, "links-awesome-over-mlm-alone")
    run = quick("awesome-align", ("head", *arms), only=only, changes=changes, steps=3)
    assert parts(log(run, "mlm-alone")[0]) == {"loss_mlm"}
    assert parts(log(run, "awesome")[0]) == {
        "loss_mlm", "loss_awesome_so", "loss_awesome_co", "loss_awesome_psi"
    }  # fmt: skip
    assert against(run, "mlm-alone", "eng_Latn") == {"alignment_sentence_aer"}
    assert {row.layer for row in run.scores.where(measure="alignment_aer")} == {4}


def test_translico_pulls_spellings_together(quick):
    arms = ("mlm-alone", "translico")
    scripts = tuple(f"scripts-{arm}" for arm in arms)
    only = ("head", *arms, *scripts, "scripts-translico-over-mlm-alone")
    run = quick(
        "TransliCo", ("head", *arms), tags=("rus_Cyrl", "deu_Latn"), only=only,
        changes={"head": {"steps": 2, "batch": 16}}, steps=10, learning_rate=3e-4,
    )  # fmt: skip
    first = [log(run, arm)[0] for arm in arms]
    assert first[0]["loss_mlm"] == first[1]["loss_mlm"]  # the same batch
    assert parts(first[1]) - parts(first[0]) == {"loss_transliteration_contrast"}
    assert against(run, "mlm-alone", "rus_Cyrl") == {"script_retrieval_p1"}
    own = run.scores.where(measure="script_retrieval_p1", stage="after")
    found = {row.system: row.value for row in own}
    assert found["translico"] > found["mlm-alone"]
    assert any("deu_Latn left out" in note for note in run.provenance["notes"])


def test_lt_sft_adds_up_the_weights_that_changed_most(quick, tiny_body):
    arms = ("german", "portuguese", "german-random", "portuguese-random")
    measured = ("with-both", "with-both-random", "both-over-random")
    sums = {name: {"keep": True} for name in ("both", "both-random")}
    run = quick(
        "LT-SFT", arms, tags=("deu_Latn", "por_Latn"), only=(*arms, *sums, *measured),
        changes=sums, model=str(tiny_body), steps=2, learning_rate=1e-3,
    )  # fmt: skip
    base = weights(tiny_body)
    moved = {n: weights(run.folder / "files" / n / "model") - base for n in (*arms, *sums)}
    told = {note.partition(" of ")[0].rpartition(" ")[2] for note in run.provenance["notes"]
            if "weights changed most" in note or "weights were drawn" in note}  # fmt: skip
    assert len(told) == 1  # as many places in all arms
    for arm in arms:
        assert 0 < np.mean(moved[arm] != 0) <= 0.0501
    for end in ("", "-random"):
        wanted = moved[f"german{end}"] + moved[f"portuguese{end}"]
        np.testing.assert_allclose(moved[f"both{end}"], wanted, atol=1e-6)
    shared = [np.mean(moved[f"portuguese{end}"][moved[f"german{end}"] != 0] != 0)
              for end in ("", "-random")]  # fmt: skip
    assert shared[0] > 0.2  # of the places: what is much changed by one is so by another
    assert {"retrieval_p1"} <= against(run, "both-random", "por_Latn")


def test_prealign_draws_words_to_their_clones_first(tmp_path):
    recipe = read_toml("recipes/PreAlign.toml")
    steps = {step["name"]: step for step in recipe["steps"]}
    steps["drawn"] |= {"size": 600, "width": 32}
    for arm, count in (("joint", 60), ("words-first", 40), ("prealigned", 20)):
        steps[arm] |= {"steps": count, "threads": 1, "learning_rate": 3e-3}
    run = isogloss.run(recipe, out=tmp_path / "run")
    assert parts(log(run, "words-first")[0]) == {"loss_layer_contrast", "loss_mlm"}
    assert parts(log(run, "joint")[0]) == parts(log(run, "prealigned")[0]) == {"loss_mlm"}
    assert against(run, "joint", "eng_Geor") == {"retrieval_p1"}
    found = {
        row.system: row.value
        for row in run.scores.where(measure="retrieval_p1", stage="after", language="eng_Geor")
    }
    assert found["prealigned"] > found["joint"] + 0.05
    assert any("switched to eng_Geor" in note for note in run.provenance["notes"])

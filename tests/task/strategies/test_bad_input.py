"""What a strategy cannot work with is refused before it trains, with what to do instead."""

import pytest

import labelled
from isogloss import registry
from isogloss.encode.folder import open_folder
from isogloss.errors import (
    IsoglossError,
    ModelError,
    SettingsError,
    TranslatorError,
    UnknownLanguage,
    UnknownName,
    UsageError,
)
from isogloss.recipe.factors import known_factor
from isogloss.task.job import Means
from isogloss.task.same_body import check_body
from isogloss.task.tasks.classify import ClassifyTask
from loading import load

_projected = load("task/strategies/test_projected.py")
_votes = load("task/strategies/test_vote.py")
TARGET, WORDS = _projected.TARGET, _projected.WORDS
Letters, Turned, parallel = _projected.Letters, _projected.Turned, _projected.parallel


def refused(job, name, error=UsageError, **settings):
    """What a strategy says when it refuses, message and remedy."""
    with pytest.raises(error) as caught:
        registry.get("strategy", name)(job, TARGET, **settings)
    assert isinstance(caught.value, IsoglossError) and caught.value.remedy
    return f"{caught.value.message} / {caught.value.remedy}"


def without(job, *splits):
    """Take splits of the target away, as a suite that lacks them says it."""
    load_ = job.load

    def lacking(language, split):
        if language == TARGET and split in splits:
            raise UnknownLanguage(f"no {language} in {split}")
        return load_(language, split)

    job.load = lacking


@pytest.mark.parametrize(
    ("strategy", "settings"),
    [
        ("few_shot", {"shots": 0}), ("few_shot", {"shots": -3}), ("few_shot", {"shots": 1.5}),
        ("self_training", {"share": 0.0}), ("self_training", {"share": 1.1}),
        ("self_training", {"share": float("nan")}), ("self_training", {"rounds": 0}),
        ("code_switch", {"copies": 0}), ("code_switch", {"share": -0.5}),
        ("code_switch", {"into": "everything"}),
        ("crop", {"least": 0.0}), ("crop", {"least": 2}),
        ("projected", {"coverage": 1.5}), ("projected", {"coverage": -0.1}),
        ("projected", {"gap": -1}), ("projected", {"layer": -1}),
        ("run_average", {"runs": 1}), ("run_average", {"runs": -2}),
        ("stacked", {"reduction": 0}), ("stacked", {"reduction": -16}),
        ("projected_hmm", {"rounds": -1}), ("projected_hmm", {"layer": -1}),
        ("ranked", {"shots": 0}), ("ranked", {"best": 0}), ("zero_shot", {"sources": 0}),
        ("weighted", {"keep": 0}), ("weighted", {"keep": -1}),
        ("rewritten", {"decide": "drawn"}), ("rewritten", {"labels": "both"}),
        ("rewritten", {"only": "moved"}),
    ],
)  # fmt: skip
def test_numbers_that_mean_nothing_are_refused_before_anything_runs(strategy, settings):
    [name] = settings
    with pytest.raises(ValueError, match=f"{strategy}: {name}: "):
        known_factor("strategy", {"use": strategy, **settings})


def test_settings_that_mean_something_are_not():
    for name, settings in {
        "projected": {"gap": 0, "layer": 0, "coverage": 1.0},
        "weighted": {"keep": None},
        "self_training": {"share": 1},
    }.items():
        read = known_factor("strategy", {"use": name, **settings})
        assert read == {"use": f"{name}.v1", **settings}


@pytest.mark.parametrize("name", ["self_training.v1", "target_labels.v1", "few_shot.v1"])
def test_a_target_without_examples_to_read(job, name):
    without(job, "train")
    said = refused(job, name)
    assert f"of {TARGET}, and there is no train of it" in said and "zero_shot" in said
    assert not job.learner.taught


@WORDS
def test_a_target_without_raw_text(job):
    job.means = Means(translator=Turned())
    without(job, "train")
    assert "labels are not read" in refused(job, "crop.v1") and not job.learner.taught


@pytest.mark.parametrize("name", ["target_labels.v1", "few_shot.v1"])
def test_a_target_whose_examples_have_no_labels(job, name):
    load_ = job.load
    job.load = lambda tag, split: load_(tag, split).sealed() if tag == TARGET else load_(tag, split)
    assert f"none of 60 examples of {TARGET} train has a label" in refused(job, name)


def test_sources_whose_examples_have_no_labels(job):
    load_ = job.load
    job.load = lambda tag, split: load_(tag, split).sealed()
    assert "none of 60 examples of eng_Latn train has a label" in refused(job, "zero_shot.v1")


def test_fewer_examples_than_shots(job):
    said = refused(job, "few_shot.v1", shots=31)
    assert "31 shots are wanted" in said and "30 of fruit, 30 of beast" in said
    assert "shots=30 at most" in said and not job.learner.taught
    load_ = job.load

    def partly(tag, split):
        found = load_(tag, split)
        labels = [x if i < 8 else None for i, x in enumerate(found.column("label"))]
        return found.having({"label": labels}) if tag == TARGET else found

    job.load = partly
    registry.get("strategy", "few_shot.v1")(job, TARGET, shots=4)
    few = [one for one in job.learner.taught[-1]["train"] if one.language == TARGET]
    assert None not in few[0].column("label") and len(few[0]) == 8
    assert "4 of fruit, 4 of beast" in refused(job, "few_shot.v1", shots=5)


@WORDS
def test_fewer_sentences_than_shots(job):
    assert "61 shots are wanted, and deu_Latn train has 60" in refused(job, "few_shot.v1", shots=61)


def test_a_dictionary_of_other_words(job, tmp_path):
    (tmp_path / "other.tsv").write_text("perro\tHund\ngato\tKatze\n", encoding="utf-8")
    job.means = Means(lexicons={TARGET: tmp_path / "other.tsv"})
    said = refused(job, "code_switch.v1")
    assert "not one word of 60 examples was exchanged by" in said and "other.tsv" in said
    assert "first column is of eng_Latn" in said and not job.learner.taught
    job.means = Means(lexicons={"fra_Latn": tmp_path / "other.tsv"})
    assert "no dictionary of deu_Latn" in refused(job, "code_switch.v1")
    job.means = Means()
    assert "--lexicon" in refused(job, "code_switch.v1")


@pytest.mark.parametrize("name", ["translate_train.v1", "translate_test.v1"])
def test_a_translator_that_gives_nothing(job, name):
    class Silent(Turned):
        def translate(self, texts, source, target):
            return [" "] * len(texts)

    job.means = Means(translator=Silent())
    said = refused(job, name, TranslatorError)
    assert "not one of 60 texts of" in said and "has a translation into" in said

    class Short(Turned):
        def translate(self, texts, source, target):
            return list(texts)[1:]

    job.means = Means(translator=Short())
    assert "gave 59 translations of 60 texts" in refused(job, name, TranslatorError)
    job.means = Means()
    assert "--translator" in refused(job, name)


def test_training_data_without_a_translation_are_left_out_and_counted(job):
    plain = job.means.translator

    class Tired(Turned):
        def translate(self, texts, source, target):
            return ["" if i < 5 else one
                    for i, one in enumerate(plain.translate(texts, source, target))]  # fmt: skip

    job.means = Means(translator=Tired())
    registry.get("strategy", "translate_train.v1")(job, TARGET)
    source, made = job.learner.taught[-1]["train"]
    assert (len(source), len(made)) == (60, 55) and made.ids == source.ids[5:]
    assert job.dropped == {"translated to deu_Latn: no translation": 5}


@WORDS
def test_links_layers_marks_and_shares_that_are_not_there(job):
    job.means = Means(parallel=parallel(), encoder=Letters(), translator=Turned())
    refused(job, "projected.v1", UnknownName, links="itermin")
    said = refused(job, "projected.v1", layer=9)
    assert "letters has no layer 9" in said and "0, 1, 2, 3" in said
    assert "has no layer 1" in refused(job, "projected.v1", links="ibm1", layer=1)
    assert "coverage 1.5" in refused(job, "projected.v1", coverage=1.5)
    assert "gap is -1" in refused(job, "projected.v1", gap=-1)
    assert "xml, brackets" in refused(job, "crop.v1", style="stars")
    assert not job.learner.taught


@WORDS
def test_parallel_text_of_other_languages(job):
    job.means = Means(parallel=parallel(), encoder=Letters())
    with pytest.raises(UsageError, match=r"verses, the parallel text, has no fra_Latn"):
        registry.get("strategy", "projected.v1")(job, "fra_Latn")
    job.source = ["spa_Latn"]
    with pytest.raises(UsageError, match=r"has no spa_Latn and no fra_Latn"):
        registry.get("strategy", "projected.v1")(job, "fra_Latn")


def test_more_models_to_keep_than_there_are(tmp_path):
    tags = _votes.THREE
    job = _votes.job_of(tmp_path, labelled.words, _votes.EntityTask(), tags)
    said = refused(job, "weighted.v1", keep=3)
    assert "there are 3 models to choose from" in said and "below 3" in said
    assert not job.learner.taught
    alone = _votes.job_of(tmp_path, labelled.texts, ClassifyTask(), {"eng_Latn": 0.1})
    assert "name several, such as --train" in refused(alone, "vote.v1")


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"num_attention_heads": 4}, "num_attention_heads is 4 and not 2"),
        ({"hidden_act": "relu"}, "hidden_act is relu and not gelu"),
        ({"num_hidden_layers": 3}, "num_hidden_layers is 3"),
    ],
)
def test_a_model_of_another_architecture(tiny_body, tmp_path, change, what):
    """Other numbers of heads leave every weight its shape, so that no shape tells them apart."""
    import json
    import shutil

    shutil.copytree(tiny_body, tmp_path / "other")
    file = tmp_path / "other" / "config.json"
    about = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps({**about, **change}), encoding="utf-8")
    own, other = open_folder(tiny_body, "own"), open_folder(tmp_path / "other", "other")
    with pytest.raises(ModelError, match=what):
        check_body(own, other)
    file.write_text(json.dumps({**about, "vocab_size": 9, "pad_token_id": 3}), encoding="utf-8")
    check_body(own, open_folder(tmp_path / "other", "other"))


@pytest.mark.parametrize("name", ["swap_vocabulary.v1", "stacked.v1"])
def test_another_architecture_is_refused_before_training(tiny_body, tmp_path, name, job):
    import json
    import shutil

    from isogloss.task.learners import TuneModel
    from isogloss.task.solver import Tuning

    shutil.copytree(tiny_body, tmp_path / "other")
    file = tmp_path / "other" / "config.json"
    about = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps({**about, "num_attention_heads": 1}), encoding="utf-8")
    job.learner = TuneModel(open_folder(tiny_body, "own"), Tuning(), tmp_path)
    job.means = Means(folders={"eng_Latn": tiny_body, TARGET: tmp_path / "other"})
    said = refused(job, name, ModelError)
    assert "is of another architecture" in said and "made of the same one" in said
    assert not job._solvers


def test_folders_that_are_missing_or_no_models(job, tmp_path):
    for name in ("swap_vocabulary.v1", "stacked.v1"):
        assert "--folder" in refused(job, name)
    (tmp_path / "empty").mkdir()
    job.means = Means(folders={"eng_Latn": tmp_path / "empty", TARGET: tmp_path / "empty"})
    assert "not a model folder" in refused(job, "stacked.v1", ModelError)


def test_settings_are_told_all_at_once(job):
    from isogloss.settings import read_keywords

    with pytest.raises(SettingsError, match="2 problems"):
        read_keywords(registry.get("strategy", "self_training.v1"), {"share": 0, "rounds": 0})

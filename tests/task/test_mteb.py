"""Scores as MTEB's result files and back."""

import importlib.util
import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isogloss.errors import CorpusError, UsageError
from isogloss.score import Score, Scores
from isogloss.task.mteb import read_mteb, task_result, write_mteb
from isogloss.task.suites import Suite, read_suite

SIB = read_suite("sib200")
TATOEBA = read_suite("tatoeba")

# As MTEB writes it: tests/create_meta/results/.../BornholmBitextMining.json
FOREIGN = {
    "dataset_revision": "3bc5cfb4", "evaluation_time": 6.04, "kg_co2_emissions": None,
    "mteb_version": "1.12.18", "task_name": "BornholmBitextMining",
    "scores": {
        "test": [
            {
                "accuracy": 0.36, "f1": 0.25, "hf_subset": "default", "languages": ["dan-Latn"],
                "main_score": 0.25, "scores_per_experiment": [{"accuracy": 0.3}],
            }
        ]
    },
}  # fmt: skip


@pytest.fixture(autouse=True)
def _no_data(monkeypatch):
    monkeypatch.delenv("ISOGLOSS_DATA", raising=False)


def row(measure="accuracy", value=0.5, **more):
    about = {"language": "deu_Latn", "system": "org/model", "task": "topic", "n": 204}
    return Score(measure=measure, value=value, **{**about, **more})


def check_form(told):
    """What the validators of `mteb.results.TaskResult` ask for, in plain words."""
    assert isinstance(told["dataset_revision"], str)
    assert isinstance(told["task_name"], str)
    assert told["mteb_version"] is None or isinstance(told["mteb_version"], str)
    assert told["evaluation_time"] is None or isinstance(told["evaluation_time"], float)
    for entries in told["scores"].values():
        assert isinstance(entries, list)
        for entry in entries:
            assert "main_score" in entry
            assert isinstance(entry["hf_subset"], str)
            assert isinstance(entry["languages"], list)
            assert all(len(tag.split("-")) == 2 for tag in entry["languages"])
            json.dumps(entry)
    if importlib.util.find_spec("mteb"):
        from mteb.results import TaskResult

        TaskResult.model_validate(told)


def test_a_file_is_where_and_as_mteb_wants_it(tmp_path):
    scores = Scores(
        [row(low=0.4, high=0.6, model_fingerprint="abc"), row("macro_f1", model_fingerprint="abc")]
    )
    paths = write_mteb(scores, SIB, tmp_path, revision="r1", seconds={"topic": 2.5})
    assert paths == [tmp_path / "org__model" / "abc" / "SIB200Classification.json"]
    told = json.loads(paths[0].read_text())
    check_form(told)
    assert (told["evaluation_time"], told["dataset_revision"]) == (2.5, "r1")
    entry = told["scores"]["test"][0]
    assert entry["main_score"] == entry["accuracy"] == 0.5
    assert entry["languages"] == ["deu-Latn"]
    meta = json.loads((paths[0].parent / "model_meta.json").read_text())
    assert meta == {"name": "org/model", "revision": "abc"}


def test_subsets_are_called_as_the_files_are(tmp_path):
    for code in ("deu_Latn", "zho_Hans"):
        path = tmp_path / "sib200" / code / "train.tsv.gz"
        path.parent.mkdir(parents=True)
        path.touch()
    told = task_result([row(language="cmn_Hans")], SIB, SIB.part(), data=tmp_path)
    assert told["scores"]["test"][0]["hf_subset"] == "zho_Hans"


def test_retrieval_names_both_languages():
    told = task_result([row("precision@1", task="bitext")], TATOEBA, TATOEBA.part())
    assert told["scores"]["test"][0]["languages"] == ["deu-Latn", "eng-Latn"]
    assert told["task_name"] == "Tatoeba"


def test_a_direction_names_both_languages_where_a_tag_has_a_hyphen():
    part = {"name": "t", "use": "translate.v1", "metric": "chrf", "path": "x", "to": ["deu", "eng"],
            "splits": {"test": "test"}}  # fmt: skip
    suite = Suite.model_validate(
        {"name": "s", "title": "s", "citation": "none", "licence": "CC0", "tasks": [part]}
    )
    told = task_result([row("chrf", language="spa_Latn-MX-deu_Latn")], suite, suite.part())
    assert told["scores"]["test"][0]["languages"] == ["spa-Latn", "deu-Latn"]


def test_splits_and_languages_are_kept_apart():
    rows = [row(), row(language="fra_Latn"), row(settings={"split": "dev"})]
    told = task_result(rows, SIB, SIB.part())
    assert {split: len(entries) for split, entries in told["scores"].items()} == {
        "test": 2, "dev": 1,
    }  # fmt: skip


def test_what_mteb_cannot_hold_is_refused():
    with pytest.raises(UsageError, match=r"accuracy of deu_Latn is given twice\n.*seed="):
        task_result([row(seed=1), row(seed=2)], SIB, SIB.part())
    with pytest.raises(UsageError, match=r"no accuracy of deu_Latn.*\n.*macro_f1"):
        task_result([row("macro_f1")], SIB, SIB.part())
    with pytest.raises(UsageError, match="means something else by main_score"):
        task_result([row(), row("main_score")], SIB, SIB.part())


values = st.floats(0, 1) | st.none()
counted = st.dictionaries(st.text(max_size=3), st.integers(0, 9), max_size=2)
scores = st.builds(
    Score,
    measure=st.sampled_from(["accuracy", "f1", "loss"]),
    value=values,
    n=st.integers(0, 300),
    language=st.sampled_from(["deu_Latn", "cmn_Hans", "swh_Latn"]),
    low=values,
    high=values,
    dropped=counted,
    truncated=st.none() | st.integers(0, 3),
    system=st.sampled_from(["a/b", "c"]),
    task=st.just("topic"),
    strategy=st.none() | st.just("zero-shot"),
    seed=st.none() | st.integers(0, 3),
    model_fingerprint=st.none() | st.just("f00"),
    settings=st.builds(dict, split=st.sampled_from(["test", "dev"])),
)


@given(st.lists(scores, min_size=1, max_size=8))
@settings(max_examples=15)
def test_nothing_is_lost_on_the_way(tmp_path_factory, rows):
    def place(one):
        return one.system, one.model_fingerprint, one.settings["split"], one.language

    kept = {(*place(one), one.measure): one for one in rows}
    mains = {key[:-1] for key in kept if key[-1] == "accuracy"}
    kept = [one for key, one in kept.items() if key[:-1] in mains]
    if not kept:
        return
    folder = tmp_path_factory.mktemp("mteb")
    for path in write_mteb(kept, SIB, folder):
        check_form(json.loads(path.read_text()))

    def key(one):
        return tuple(map(str, (*place(one), one.measure)))

    assert sorted(read_mteb(folder), key=key) == sorted(kept, key=key)


def test_a_file_of_mteb_itself(tmp_path):
    path = tmp_path / "model" / "rev" / "BornholmBitextMining.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(FOREIGN))
    (path.parent / "model_meta.json").write_text('{"name": "m", "revision": "rev", "loader": null}')
    made = read_mteb(tmp_path)
    assert [(one.measure, one.value) for one in made] == [("accuracy", 0.36), ("f1", 0.25)]
    one = made[0]
    assert (one.language, one.system, one.n) == ("dan_Latn", "m", 0)
    assert (one.dataset, one.settings["split"]) == ("BornholmBitextMining", "test")
    assert one.settings["mteb_version"] == "1.12.18"


def test_a_file_of_no_language_is_named(tmp_path):
    told = json.loads(json.dumps(FOREIGN))
    told["scores"]["test"][0]["languages"] = ["python-Code"]
    (tmp_path / "CodeSearch.json").write_text(json.dumps(told))
    with pytest.raises(
        CorpusError, match=r"CodeSearch\.json: unknown language.*\n.*leave the file"
    ):
        read_mteb(tmp_path)


def test_a_main_score_that_is_no_measure_is_kept(tmp_path):
    told = json.loads(json.dumps(FOREIGN))
    entry = told["scores"]["test"][0]
    entry.update(main_score=0.1, accuracy=math.nan)
    (tmp_path / "a.json").write_text(json.dumps(told))
    assert {one.measure: one.value for one in read_mteb(tmp_path)} == {
        "f1": 0.25,
        "main_score": 0.1,
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", r"a\.json: is not JSON"),
        ("[]", "is not a result of MTEB"),
        ('{"mteb_dataset_name": "X", "test": {}}', "before 1.11"),
        ('{"scores": {"test": [{}]}}', "an entry of test has no main_score"),
        ('{"scores": {"test": 3}}', "an entry of test has no main_score"),
        (
            '{"scores": {"test": [{"main_score": 1, "isogloss": {"rows": [{"new": 1}]}}]}}',
            "unknown columns new",
        ),
    ],
)
def test_other_files_are_refused(tmp_path, text, said):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(CorpusError, match=said):
        read_mteb(tmp_path / "a.json")


def test_a_folder_without_results(tmp_path):
    with pytest.raises(CorpusError, match="has no result file"):
        read_mteb(tmp_path)

"""Hugging Face sets that lie on disk, and the refusal to fetch others."""

import importlib.util
import json
import sys
import types

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from isogloss.errors import CorpusError, MissingExtra, NetworkRefused
from isogloss.task.examples import ANSWERS, TEXT, WORDS
from isogloss.task.readers import read_examples
from isogloss.task.suites import read_suite

CLASSES = {"names": ["no", "yes"], "_type": "ClassLabel"}
FEATURES = {
    "text": {"dtype": "string", "_type": "Value"},
    "label": CLASSES,
    "tokens": {"feature": {"dtype": "string", "_type": "Value"}, "_type": "Sequence"},
    "ner_tags": {
        "feature": {"names": ["O", "B-PER"], "_type": "ClassLabel"},
        "_type": "Sequence",
    },
}
ROWS = {
    "text": ["a", "b", "c"],
    "label": [1, 0, -1],
    "tokens": [["x"], ["y", "z"], ["w"]],
    "ner_tags": [[0], [1, 0], [0]],
}


def save(folder, rows=ROWS, features=FEATURES):
    """What `Dataset.save_to_disk` leaves: an Arrow stream, and two files about it."""
    folder.mkdir(parents=True)
    table = pa.table(rows)
    name = "data-00000-of-00001.arrow"
    with pa.ipc.new_stream(str(folder / name), table.schema) as out:
        out.write_table(table, max_chunksize=2)
    (folder / "state.json").write_text(json.dumps({"_data_files": [{"filename": name}]}))
    (folder / "dataset_info.json").write_text(json.dumps({"features": features}))
    return folder


def read(path, shape=TEXT, query="", **more):
    return read_examples(f"{path}{query}", shape, language="eng", **more)


def test_a_saved_set_tells_its_classes_by_name(tmp_path):
    folder = save(tmp_path / "set")
    with pytest.raises(CorpusError, match=r"example 3: has no label"):
        read(folder)
    made = read(folder, query="?missing=drop")
    assert made.column("label") == ["yes", "no"]
    words = read(folder, WORDS, "?words=tokens&tags=ner_tags")
    assert words.column("tags") == [["O"], ["B-PER", "O"], ["O"]]


def test_a_split_is_chosen(tmp_path):
    for split in ("train", "test"):
        save(tmp_path / "set" / split, {"text": [split], "label": [0]})
    (tmp_path / "set" / "dataset_dict.json").write_text('{"splits": ["train", "test"]}')
    assert read(tmp_path / "set", split="test").column("text") == ["test"]
    assert read(tmp_path / "set", query="?split=train", split="test").column("text") == ["train"]
    with pytest.raises(CorpusError, match=r"no split 'dev'\n.*one of train, test"):
        read(tmp_path / "set", split="dev")


def test_parquet_in_shards_and_alone(tmp_path):
    table = pa.table({"text": ["a"], "label": [1]})
    told = {"huggingface": json.dumps({"info": {"features": FEATURES}})}
    for name in ("test-00000-of-00002", "test-00001-of-00002", "train-00000-of-00001"):
        path = tmp_path / "set" / "data" / f"{name}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table.replace_schema_metadata(told), path)
    assert read(tmp_path / "set", split="test").column("label") == ["yes", "yes"]
    assert len(read(path)) == 1


@pytest.mark.parametrize("name", ["test-00000-of-00001", "test/0000"])
def test_configurations_beside_each_other_are_not_read_as_one(tmp_path, name):
    for tag in ("de", "fr"):
        path = tmp_path / "set" / tag / f"{name}.parquet"
        path.parent.mkdir(parents=True)
        pq.write_table(pa.table({"text": [tag], "label": ["x"]}), path)
    with pytest.raises(CorpusError, match=r"that split in 2 folders: de.*, fr.*\n.*\?config="):
        read(tmp_path / "set", split="test")
    assert read(tmp_path / "set", query="?config=de", split="test").column("text") == ["de"]


def test_answers_as_squad_has_them_on_the_hub(tmp_path):
    answers = [{"text": ["b", "a"], "answer_start": [2, 0]}]
    rows = {"id": ["q"], "context": ["a b"], "question": ["?"], "answers": answers}
    made = read(save(tmp_path / "set", rows, {}), ANSWERS)
    assert made.column("answers") == [[{"text": "b", "start": 2}, {"text": "a", "start": 0}]]


def test_what_is_wrong_with_a_folder(tmp_path):
    folder = save(tmp_path / "set", {"text": ["a"], "label": [5]})
    with pytest.raises(CorpusError, match="row 1: 5 is none of the 2 classes of label"):
        read(folder)
    state = {"_data_files": [{"filename": "../x"}]}
    (folder / "state.json").write_text(json.dumps(state))
    with pytest.raises(CorpusError, match="names no data files of its own"):
        read(folder)
    state = {"_data_files": [{"filename": "dataset_info.json"}]}
    (folder / "state.json").write_text(json.dumps(state))
    with pytest.raises(CorpusError, match="is not an Arrow stream"):
        read(folder)
    (folder / "state.json").write_text(json.dumps({"_indices_files": [{"filename": "i"}]}))
    with pytest.raises(CorpusError, match="flatten_indices"):
        read(folder)
    (folder / "state.json").write_text("{")
    with pytest.raises(CorpusError, match=r"state\.json: is not JSON"):
        read(folder)
    (tmp_path / "a.parquet").write_bytes(b"nothing")
    with pytest.raises(CorpusError, match="is not a Parquet file"):
        read(tmp_path / "a.parquet")


def test_nothing_is_fetched_without_leave():
    installed = importlib.util.find_spec("datasets") is not None
    with pytest.raises(NetworkRefused if installed else MissingExtra):
        read("hf:nobody/nothing-at-all")


class Hub:
    """A stand-in for the package: what was asked for, and one small set."""

    def __init__(self):
        self.asked, self.config = [], types.SimpleNamespace(HF_HUB_OFFLINE=False)
        self.features = types.SimpleNamespace(to_dict=lambda: {"label": CLASSES})

    def load_dataset(self, name, config, *, split):
        self.asked.append((name, config, split, self.config.HF_HUB_OFFLINE))
        return self

    def with_format(self, kind):
        return self

    def __getitem__(self, rows):
        return pa.table({"premise": ["a"], "hypothesis": ["b"], "label": [1]})


def test_what_a_suite_asks_the_hub_for(monkeypatch):
    hub = Hub()
    monkeypatch.setitem(sys.modules, "datasets", hub)
    monkeypatch.setitem(sys.modules, "datasets.config", hub.config)
    made = read_suite("xtreme").examples("xnli", "swh", "dev")
    assert hub.asked == [("facebook/xnli", "sw", "validation", True)]
    assert made.table.to_pylist() == [{"id": "1", "text": "a", "second": "b", "label": "yes"}]
    assert not hub.config.HF_HUB_OFFLINE
    read_suite("xtreme").examples("xnli", "eng", "train", network=True)
    assert hub.asked[1] == ("facebook/xnli", "en", "train", False)

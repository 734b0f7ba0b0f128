"""The recipe of ZeTT on a tiny model: what is trained, what is replaced, and what is refused."""

import json
from pathlib import Path

import numpy as np
import pytest

import isogloss
from isogloss.errors import SettingsError
from isogloss.recipe.recipe import read_recipe
from isogloss.settings import read_toml
from isogloss.train.hypernetwork import load_hypernetwork, predict

RECIPE = Path(__file__).parents[2] / "recipes" / "ZeTT.toml"


def _recipe(model, **training):
    source = read_toml(RECIPE)
    for step in source["steps"]:
        if step["use"] == "hypernetwork.v1":
            step |= {"steps": 4, "layers": 1, "heads": 2, "threads": 1, "queue": 64, **training}
    kept = [s for s in source["steps"] if s["name"].rpartition("-")[2] not in ("random", "overlap")]
    return {**source, "steps": kept, "model": str(model), "languages": ["deu"]}


@pytest.fixture(scope="module")
def run(tiny, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ISOGLOSS_CACHE", str(tmp_path_factory.mktemp("cache")))
        return isogloss.run(_recipe(tiny, warm_up=2), out=tmp_path_factory.mktemp("run") / "zett")


def test_every_initialiser_is_measured_and_compared(run):
    for name in ("mean", "predicted"):
        at = {"system": name, "stage": "after"}
        assert len(run.scores.where(measure="retrieval_p1", **at)) == 2
        assert len(run.scores.where(measure="pivot_cosine_to_teacher", **at)) == 1
        assert len(run.scores.where(measure="retrieval_p1", system=name, stage="change")) == 2
        [note] = [n for n in run.provenance["notes"] if n.startswith(f"{name}: ")]
        assert ("predicted" in note.partition("v1: ")[2]) == (name == "predicted")


def test_the_kept_model_is_the_body_with_predicted_rows(run, tiny):
    from tokenizers import Tokenizer
    from transformers import AutoModel, AutoTokenizer

    from isogloss.encode.resolve import find_model
    from isogloss.vocabulary.initialise.rows import Source, overlap
    from isogloss.vocabulary.surgery import columns, open_model

    folder = run.folder / "files" / "predicted" / "model"
    assert not folder.is_symlink()
    body, before = AutoModel.from_pretrained(folder), AutoModel.from_pretrained(tiny)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    table, rows = (columns(open_model(find_model(str(place)))) for place in (tiny, folder))
    inputs = body.get_input_embeddings().weight.detach().numpy()
    assert rows.shape[1] == 33 and (inputs == rows[:, :32]).all()  # the head's biases beside
    assert len(rows) == len(tokenizer) == body.config.vocab_size
    assert body.config.pad_token_id == tokenizer.pad_token_id
    assert tokenizer("red").input_ids[0] == tokenizer.cls_token_id
    key = "encoder.layer.0.output.dense.weight"
    assert (body.state_dict()[key] == before.state_dict()[key]).all()
    network = load_hypernetwork(run.folder / "files" / "zett" / "hypernetwork")
    old, new = (Tokenizer.from_file(str(f / "tokenizer.json")) for f in (tiny, folder))
    np.testing.assert_array_equal(rows, predict(network, Source(table, old), new).rows)
    shared = overlap(old, new)
    special = [new.token_to_id(t) for t in ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")]
    at = dict(zip(shared.target.tolist(), shared.source.tolist(), strict=True))
    for number in special:
        np.testing.assert_array_equal(rows[number], table[at[number]])


def test_what_was_trained_is_told(run):
    about = json.loads(
        (run.folder / "files" / "zett" / "hypernetwork" / "hypernetwork.json").read_text()
    )
    assert about["shape"]["columns"] == 33 and about["shape"]["layers"] == 1
    assert about["about"]["steps"] == 4 and set(about["about"]["tokens_by_language"]) == {
        "eng_Latn", "deu_Latn",
    }  # fmt: skip
    assert [row["step"] for row in about["about"]["log"]] == [1, 2, 3, 4]


def test_long_texts_are_counted(tiny, tmp_path):
    recipe = _recipe(tiny, longest=4, steps=1)
    recipe["steps"] = [s for s in recipe["steps"] if s["name"] == "zett"]
    run = isogloss.run(recipe, out=tmp_path / "run")
    told = [n for n in run.provenance["notes"] if "over 4 tokens were not trained on" in n]
    assert len(told) == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hypernetwork": None}, "for the initialiser hypernetwork.v1 alone"),
        ({"initialiser": "mean.v1"}, "for the initialiser hypernetwork.v1 alone"),
        ({"initialiser": "meen"}, "there is no initialiser called 'meen'"),
        ({"hypernetwork": "mean"}, "'mean' is a replace_vocabulary.v1, not a hypernetwork.v1"),
        ({"hypernetwork": "none"}, "nothing earlier is called 'none'"),
    ],
)
def test_bad_replacements_are_refused(change, message):
    source = read_toml(RECIPE)
    for step in source["steps"]:
        if step["name"] == "predicted":
            step |= change
    with pytest.raises(SettingsError, match=message):
        read_recipe(source)


def test_sizes_must_rise():
    source = read_toml(RECIPE)
    next(s for s in source["steps"] if s["name"] == "zett")["vocabulary"] = [9, 3]
    with pytest.raises(SettingsError, match="must be the least size, then the largest"):
        read_recipe(source)


def test_a_static_model_has_no_body_to_train_against(bilingual, tmp_path):
    from isogloss.errors import ModelError

    recipe = _recipe(bilingual)
    recipe["steps"] = [s for s in recipe["steps"] if s["name"] == "zett"]
    with pytest.raises(ModelError, match="static vectors without a network"):
        isogloss.run(recipe, out=tmp_path / "run")

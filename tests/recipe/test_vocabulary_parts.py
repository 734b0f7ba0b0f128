"""Vocabularies taken from models, put under other bodies, kept several over one."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import isogloss
import tiny_models as shapes
from isogloss.encode.resolve import find_model
from isogloss.errors import ModelError, OutputError, SettingsError, UsageError
from isogloss.recipe.replacement import replace_vocabulary
from isogloss.recipe.vocabulary_parts import compose_hydra, swap_vocabulary, take_part
from isogloss.settings import read_toml
from isogloss.vocabulary.check import run
from isogloss.vocabulary.hydra import generate, load_hydra, logits, states
from isogloss.vocabulary.surgery import columns, open_model

OLD = [f"the {a} fish and a {b}" for a in ("red", "blue", "old") for b in ("cat", "dog", "sun")] * 3
NEW = [f"punainen {a} ja {b} the fish" for a in ("kala", "kissa", "koira", "talo")
       for b in ("aurinko", "kuu", "laiva")] * 3  # fmt: skip


def opened(folder):
    return open_model(find_model(str(folder)))


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A model, and the same body with another vocabulary."""
    known = {}

    def make(shape):
        if shape not in known:
            folder = tmp_path_factory.mktemp(shape)
            kind = shapes.SHAPES[shape]
            shapes.save_model(shape, shapes.learn(kind, OLD, 420), folder / "old")
            other = shapes.learn(kind, [*NEW, "<s></s>"], 390)
            shapes.save_model(shape, other, folder / "target")
            replace_vocabulary(
                folder / "old", folder / "new", tokenizer=folder / "target",
                initialise="mean.v1", multiple=16,
            )  # fmt: skip
            for name in ("old", "new"):
                take_part(folder / name, folder / f"{name}-part")
            known[shape] = folder
        return known[shape]

    return make


def same(one, other):
    """Whether two folders hold one model: weights, ids, and outputs to the last bit."""
    one, other = opened(one), opened(other)
    for (name, a), (_, b) in zip(
        one.model.state_dict().items(), other.model.state_dict().items(), strict=True
    ):
        np.testing.assert_array_equal(a.numpy(), b.numpy(), err_msg=name)
    assert one.tokenizer.to_str() == other.tokenizer.to_str()
    for name, config in one.configurations.items():
        theirs = other.configurations[name].to_dict()
        assert {**config.to_dict(), "_name_or_path": ""} == {**theirs, "_name_or_path": ""}
    found = [run(each, [*OLD[:4], *NEW[:4]]) for each in (one, other)]
    assert found[0].ids == found[1].ids
    for name in ("states", "logits"):
        for a, b in zip(getattr(found[0], name), getattr(found[1], name), strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("shape", ["bert", "gpt2", "llama-untied", "t5"])
def test_a_model_keeps_its_own_vocabulary_and_finds_the_way_back(model, tmp_path, shape):
    folder = model(shape)
    made = swap_vocabulary(folder / "old", tmp_path / "own", part=folder / "old-part")
    same(folder / "old", tmp_path / "own")
    smoke = made.facts["smoke"]
    assert smoke["texts"] == smoke["same_states"] == smoke["same_logits"] > 0
    assert made.facts["notes"] == []
    there = swap_vocabulary(folder / "old", tmp_path / "there", part=folder / "new-part")
    same(folder / "new", tmp_path / "there")
    assert there.facts["smoke"] is None and there.facts["rows"] == [
        opened(folder / "old").rows, opened(folder / "new").rows
    ]  # fmt: skip
    swap_vocabulary(tmp_path / "there", tmp_path / "back", part=folder / "old-part")
    same(folder / "old", tmp_path / "back")
    again = swap_vocabulary(folder / "old", tmp_path / "there", part=folder / "new-part")
    assert again.facts == json.loads(json.dumps(there.facts))
    with pytest.raises(OutputError, match="holds another model"):
        swap_vocabulary(folder / "old", tmp_path / "there", part=folder / "old-part")


def test_a_body_trained_for_a_task_reads_by_the_part(model, tmp_path):
    """The body and the classifier are the task's, the rows are the part's."""
    import torch
    import transformers

    folder = model("bert")
    torch.manual_seed(3)
    task = transformers.AutoModelForSequenceClassification.from_pretrained(
        folder / "old", num_labels=3
    )
    with torch.no_grad():
        for name, weight in task.named_parameters():
            if "embeddings" not in name:
                weight.add_(0.05 * torch.randn(weight.shape))
    task.save_pretrained(tmp_path / "task")
    for file in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(folder / "old" / file, tmp_path / "task" / file)
    made = swap_vocabulary(tmp_path / "task", tmp_path / "out", part=folder / "new-part")
    notes = " ".join(made.facts["notes"])
    assert "its rows are from another body" in notes and "1 of its tables are left" in notes
    kind = transformers.AutoModelForSequenceClassification
    found, info = kind.from_pretrained(tmp_path / "out", output_loading_info=True)
    assert not info["missing_keys"] and not info["unexpected_keys"]
    rows = opened(folder / "new").model.get_input_embeddings().weight
    theirs = task.state_dict()
    for name, weight in found.state_dict().items():
        wanted = rows if "word_embeddings" in name else theirs[name]
        assert torch.equal(weight, wanted), name
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / "out")
    cut = tokenizer("punainen kala", return_tensors="pt")
    assert cut.input_ids.tolist()[0] == opened(folder / "new").tokenizer.encode("punainen kala").ids
    assert found(**cut).logits.shape == (1, 3)


def test_limits_and_padding_follow_the_body_and_the_part(model, tmp_path):
    from tokenizers import Tokenizer

    folder = model("bert")
    shutil.copytree(folder / "old", tmp_path / "short")
    tokenizer = Tokenizer.from_file(str(tmp_path / "short" / "tokenizer.json"))
    tokenizer.enable_truncation(9)
    tokenizer.enable_padding(pad_id=0, pad_token="[PAD]")
    tokenizer.save(str(tmp_path / "short" / "tokenizer.json"))
    state = json.loads((folder / "new-part" / "tokenizer.json").read_text())
    assert state["truncation"] is None
    swap_vocabulary(tmp_path / "short", tmp_path / "out", part=folder / "new-part")
    made = Tokenizer.from_file(str(tmp_path / "out" / "tokenizer.json"))
    assert made.truncation["max_length"] == 9
    assert made.padding["pad_id"] == made.token_to_id("[PAD]")


def test_taking_a_part_twice_changes_nothing(model, tmp_path):
    from transformers import AutoTokenizer

    folder = model("llama")
    facts = take_part(folder / "old", tmp_path / "part").facts
    file = tmp_path / "part" / "part.json"
    stamp = file.stat().st_mtime_ns
    assert take_part(folder / "old", tmp_path / "part").facts == json.loads(json.dumps(facts))
    assert file.stat().st_mtime_ns == stamp
    assert facts["roles"]["bos"] == ["<s>", 1] and facts["tied"] and facts["widths"] == [32]
    with pytest.raises(OutputError, match="holds another model"):
        take_part(folder / "new", tmp_path / "part")
    read = AutoTokenizer.from_pretrained(tmp_path / "part")
    ours = opened(folder / "old").wrapper
    assert read("the fish").input_ids == ours("the fish").input_ids


def test_a_part_without_what_the_model_needs_is_refused(model, tmp_path):
    old = model("bert") / "old-part"
    shutil.copytree(model("bert") / "old", tmp_path / "bare")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        text = (tmp_path / "bare" / name).read_text()
        (tmp_path / "bare" / name).write_text(text.replace("[MASK]", "mosk"))
    settings = json.loads((tmp_path / "bare" / "tokenizer_config.json").read_text())
    settings.pop("mask_token")
    (tmp_path / "bare" / "tokenizer_config.json").write_text(json.dumps(settings))
    take_part(tmp_path / "bare", tmp_path / "bare-part")
    for call in (
        lambda: swap_vocabulary(
            model("bert") / "old", tmp_path / "out", part=tmp_path / "bare-part"
        ),
        lambda: compose_hydra(
            model("bert") / "old", {"a": old, "b": tmp_path / "bare-part"}, tmp_path / "out"
        ),
    ):
        with pytest.raises(ModelError, match=r"no token for what the model calls mask"):
            call()
        assert not (tmp_path / "out").exists()
    with pytest.raises(ModelError, match="architecture 'gpt2', and the model is 'bert'"):
        swap_vocabulary(model("bert") / "old", tmp_path / "out", part=model("gpt2") / "old-part")
    with pytest.raises(ModelError, match="isogloss vocabulary part MODEL"):
        swap_vocabulary(model("bert") / "old", tmp_path / "out", part=model("bert") / "old")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("shape", ["llama-untied", "t5"])
def test_a_hydra_is_a_folder_that_reads_and_writes_by_any_part(model, tmp_path, shape):
    import torch

    folder = model(shape)
    parts = {"eng": folder / "old-part", "fin": folder / "new-part"}
    made = compose_hydra(folder / "old", parts, tmp_path / "hydra")
    assert made.facts["smoke"]["texts"] == made.facts["smoke"]["same_states"] > 0
    assert compose_hydra(folder / "old", parts, tmp_path / "hydra").facts == json.loads(
        json.dumps(made.facts)
    )
    with pytest.raises(OutputError, match="holds another model"):
        compose_hydra(folder / "new", parts, tmp_path / "hydra")
    same(folder / "old", tmp_path / "hydra" / "body")
    hydra = load_hydra(tmp_path / "hydra")
    by_itself = {"eng": run(opened(folder / "old"), OLD[:1]),
                 "fin": run(opened(folder / "new"), NEW[:1])}  # fmt: skip
    if shape != "t5":
        for name, text in (("eng", OLD[0]), ("fin", NEW[0])):
            np.testing.assert_array_equal(
                states(hydra, [(name, text)])[0], by_itself[name].states[0]
            )
            said = logits(hydra, [(name, text)], name)
            np.testing.assert_array_equal(said, by_itself[name].logits[0])
    # Finnish read, English written: rows of one model, head of the other, by hand.
    wrote = generate(hydra, [("fin", NEW[0]), ("eng", "the")], "eng", longest=5)
    eng, fin = opened(folder / "old"), opened(folder / "new")
    body = eng.model.get_encoder() if shape == "t5" else eng.model.model
    rows = [
        each.model.get_input_embeddings().weight[each.tokenizer.encode(text).ids]
        for each, text in ((fin, NEW[0]), (eng, "the"))
    ]
    with torch.inference_mode():
        read = body(inputs_embeds=torch.cat(rows)[None])[0]
        if shape == "t5":
            start = torch.tensor([[eng.model.config.decoder_start_token_id]])
            said = eng.model(encoder_outputs=(read,), decoder_input_ids=start).logits
        else:
            said = read @ columns_of_head(eng).T
    names = sorted(set(eng.tokenizer.get_vocab().values()))
    assert wrote.ids[0] == names[int(said[0, -1, names].argmax())]
    first = next(iter(hydra.opened.model.parameters()))
    assert sum(one is first for one in hydra.opened.model.parameters()) == 1
    changed = tmp_path / "hydra" / "hydra.json"
    about = json.loads(changed.read_text())
    about["parts"]["fin"] = "0" * 16
    changed.write_text(json.dumps(about))
    with pytest.raises(ModelError, match="the part 'fin' is not the one"):
        load_hydra(tmp_path / "hydra")


def columns_of_head(model):
    import torch

    return torch.from_numpy(columns(model)[:, 32:])


def test_positions_counted_from_the_padding_are_the_bodys(tmp_path):
    """RoBERTa counts positions from its padding id; a part whose word has that id is read right."""
    import torch
    import transformers
    from tokenizers import Tokenizer

    tokenizer = shapes.with_ends(shapes.learn("wordpiece", OLD, 120))
    size = tokenizer.get_vocab_size()
    config = transformers.RobertaConfig(
        vocab_size=size, hidden_size=32, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=48, max_position_embeddings=40, pad_token_id=0, bos_token_id=2,
        eos_token_id=3,
    )  # fmt: skip
    torch.manual_seed(0)
    transformers.RobertaModel(config).save_pretrained(tmp_path / "old")
    named = {f"{role}_token": name for role, name in shapes.NAMED["wordpiece"].items()}
    transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, **named).save_pretrained(
        tmp_path / "old"
    )
    state = json.loads(tokenizer.to_str())  # the padding changes places with a word
    vocabulary = state["model"]["vocab"]
    vocabulary["[PAD]"], vocabulary["fish"] = vocabulary["fish"], vocabulary["[PAD]"]
    for token in state["added_tokens"]:
        token["id"] = vocabulary[token["content"]]
    (tmp_path / "target").mkdir()
    Tokenizer.from_str(json.dumps(state)).save(str(tmp_path / "target" / "tokenizer.json"))
    (tmp_path / "target" / "tokenizer_config.json").write_text(json.dumps(named))
    replace_vocabulary(tmp_path / "old", tmp_path / "new", tokenizer=tmp_path / "target",
                       initialise="overlap.v1")  # fmt: skip
    parts = {name: take_part(tmp_path / name, tmp_path / f"{name}-part").folder
             for name in ("old", "new")}  # fmt: skip
    swap_vocabulary(tmp_path / "new", tmp_path / "back", part=parts["old"])
    wanted = run(opened(tmp_path / "old"), OLD[:1]).states[0]
    np.testing.assert_array_equal(run(opened(tmp_path / "back"), OLD[:1]).states[0], wanted)
    compose_hydra(tmp_path / "old", parts, tmp_path / "hydra")
    hydra = load_hydra(tmp_path / "hydra")
    for name in parts:
        np.testing.assert_array_equal(states(hydra, [(name, OLD[0])])[0], wanted)


def test_names_of_parts_and_their_number(model, tmp_path):
    folder = model("llama")
    with pytest.raises(UsageError, match="there is no part"):
        compose_hydra(folder / "old", {}, tmp_path / "out")
    for name in ("", "a/b", "..", "a b"):
        with pytest.raises(UsageError, match="cannot be the name of a part"):
            compose_hydra(folder / "old", {name: folder / "old-part"}, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_step_swaps_the_vocabularies_of_two_models(tmp_path, tmp_path_factory, monkeypatch):
    pytest.importorskip("emoji", reason="needs pip install isogloss[emoji]")
    monkeypatch.setenv("ISOGLOSS_CACHE", str(tmp_path / "cache"))
    corpus = isogloss.read_corpus("emoji", languages=["eng", "deu"])
    texts = [text for tag in ("eng", "deu") for text in corpus.texts(tag) if text]
    tokenizer = shapes.with_ends(shapes.learn("wordpiece", texts, 600))
    shapes.save_model("bert", tokenizer, tmp_path / "model")
    source = read_toml(Path(__file__).parents[2] / "recipes" / "ZeTT.toml")
    new = next(s for s in source["steps"] if s.get("initialiser") == "mean.v1")
    text = new["text"]
    steps = [
        new | {"name": "new", "size": 300},
        {"name": "back", "use": "swap_vocabulary.v1", "model": "new", "vocabulary": "teacher",
         "keep": True},
        {"name": "before", "use": "measure.v1", "text": text, "measures": ["retrieval_p1.v1"]},
        {"name": "after", "use": "measure.v1", "text": text, "model": "back",
         "measures": ["retrieval_p1.v1"]},
    ]  # fmt: skip
    recipe = {**source, "steps": steps, "model": str(tmp_path / "model"), "languages": ["deu"]}
    recipe["text"] = {text: source["text"][text]}
    made = isogloss.run(recipe, out=tmp_path / "run")
    found = made.scores.where(measure="retrieval_p1")
    values = {
        system: [r.value for r in found.where(system=system)]
        for system in {r.system for r in found}
    }
    assert len(values) == 2 and len({tuple(v) for v in values.values()}) == 1
    kept, own = opened(made.folder / "files" / "back" / "model"), opened(tmp_path / "model")
    np.testing.assert_array_equal(columns(kept), columns(own))
    steps[1] = steps[1] | {"vocabulary": "new"}
    with pytest.raises(SettingsError, match="nothing to swap"):
        isogloss.run({**recipe, "steps": steps}, out=tmp_path / "other")

"""Models of every shape, trimmed: they load anew, and on kept text they answer as they did."""

import json
import shutil
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from isogloss.encode.resolve import find_model
from isogloss.errors import ModelError
from isogloss.vocabulary.check import audit, compare, remember, run
from isogloss.vocabulary.save import token_settings, write_model
from isogloss.vocabulary.surgery import columns, named_ids, open_model, put_columns, renumber
from isogloss.vocabulary.trim import trim_to_texts

SHAPES = ("bert", "gpt2", "llama", "llama-untied", "t5", "mt5")


def cut(folder, texts, out, rows=None):
    """Trim a model to texts; what was there before, what came out, and how they compare."""
    opened = open_model(find_model(str(folder)))
    needed = {i for ids in named_ids(opened).values() for i in ids}
    made = trim_to_texts(opened.tokenizer, texts, also=needed)
    new = {int(old): i for i, old in enumerate(made.kept)}
    before, was = run(opened, texts[:12], columns=made.kept), remember(opened)
    table = columns(opened)
    put_columns(opened, table[made.kept])
    notes = renumber(opened, new)
    out.mkdir()
    notes += write_model(
        opened, made.tokenizer, token_settings(opened, made.tokenizer), out, "Trimmed."
    )
    again = open_model(find_model(str(out)))
    smoke = compare(before, run(again, texts[:12]), new)
    return audit(again, was), again, smoke, notes, (table, made)


@pytest.mark.parametrize("shape", SHAPES)
def test_kept_text_has_the_same_outputs_and_a_second_trim_changes_nothing(
    model_folder, texts, tmp_path, shape
):
    some = texts[::40]
    counts, again, smoke, notes, (table, made) = cut(model_folder(shape), some, tmp_path / "one")
    assert (smoke.texts, smoke.same_ids, smoke.same_states) == (12, 12, 12)
    assert smoke.same_logits >= 6 and smoke.largest < 1e-5  # sums in another order, not other rows
    np.testing.assert_array_equal(columns(again), table[made.kept])
    assert counts["rows"] == counts["tokens"] == len(made.kept) < len(table)
    assert counts["padding rows"] == 0 and not notes
    assert "Trimmed." in (tmp_path / "one" / "README.md").read_text()
    cut(tmp_path / "one", some, tmp_path / "two")
    for name in ("model.safetensors", "tokenizer.json", "config.json"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


@pytest.mark.parametrize("shape", SHAPES)
def test_tables_are_found_by_what_grows_with_the_vocabulary(model_folder, shape):
    opened = open_model(find_model(str(model_folder(shape))))
    names = [table.names for table in opened.tables]
    widths = [table.width for table in opened.tables]
    assert widths == {"bert": [32, 1], "llama-untied": [32, 32]}.get(shape, [32])
    assert sum(map(len, names)) == {"bert": 4, "t5": 4, "mt5": 4}.get(shape, 2)
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(opened.rows + 3, sum(widths))).astype(np.float32)
    put_columns(opened, rows)
    np.testing.assert_array_equal(columns(opened), rows)
    assert opened.rows == len(rows) == opened.model.config.vocab_size
    head = opened.model.get_output_embeddings()
    assert head.out_features == opened.model.get_input_embeddings().num_embeddings == len(rows)


FRESH = """
import sys, torch, transformers
from transformers import AutoConfig, AutoTokenizer
for folder in sys.argv[2:]:
    kind = getattr(transformers, AutoConfig.from_pretrained(folder).architectures[0])
    model = kind.from_pretrained(folder).eval()
    ids = AutoTokenizer.from_pretrained(folder)(sys.argv[1], return_tensors="pt").input_ids
    more = {"decoder_input_ids": ids} if model.config.is_encoder_decoder else {}
    with torch.inference_mode():
        out = model(input_ids=ids, **more)[0]
    print(ids.shape[1], out.double().abs().sum().item(), model.config.vocab_size)
from sentence_transformers import SentenceTransformer
print(*SentenceTransformer(sys.argv[2]).encode(sys.argv[1]).tolist())
"""


def test_a_fresh_process_reads_all_shapes_and_sentence_transformers_too(
    model_folder, texts, tmp_path, minilm
):
    some = [t for t in texts[:400] if t.isascii()]
    text = some[100]
    folders = [minilm, *(model_folder(shape) for shape in ("bert", "gpt2", "llama-untied", "t5"))]
    made, wanted = [], []
    for i, folder in enumerate(folders):
        _, again, smoke, notes, _ = cut(folder, some, tmp_path / str(i))
        assert smoke.same_ids == smoke.same_states == 12
        made.append(str(tmp_path / str(i)))
        out = run(again, [text])
        found = out.logits or out.states
        wanted.append((len(out.ids[0]), np.abs(found[0].astype(float)).sum(), again.rows))
        if folder == minilm:
            assert notes == ["left behind, as they hold the old vocabulary or weights: "
                             "data_config.json, special_tokens_map.json, vocab.txt"]  # fmt: skip
    said = subprocess.run(
        [sys.executable, "-c", FRESH, text, *made], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    for line, (tokens, total, rows) in zip(said, wanted, strict=False):
        count, value, size = line.split()
        assert (int(count), int(size)) == (tokens, rows)
        assert float(value) == pytest.approx(total, rel=1e-5)
    from sentence_transformers import SentenceTransformer

    old = SentenceTransformer(minilm).encode(text)
    np.testing.assert_allclose(np.array(said[-1].split(), float), old, atol=1e-6)


def test_a_body_narrower_at_its_embeddings_than_at_its_states(tokenizer_of, texts, tmp_path):
    import torch
    import transformers

    tokenizer = tokenizer_of("wordpiece")
    config = transformers.ElectraConfig(
        vocab_size=tokenizer.get_vocab_size(), embedding_size=16, hidden_size=32,
        num_hidden_layers=1, num_attention_heads=2, intermediate_size=48,
    )  # fmt: skip
    torch.manual_seed(0)
    transformers.ElectraForMaskedLM(config).save_pretrained(tmp_path / "electra")
    wrapped = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]"
    )
    wrapped.save_pretrained(tmp_path / "electra")
    _, made, smoke, _, _ = cut(tmp_path / "electra", texts[:60], tmp_path / "out")
    assert [table.width for table in made.tables] == [16, 1]
    assert smoke.same_ids == smoke.same_states == 12


@pytest.mark.parametrize("kind", ["Bart", "Marian", "Roberta"])
def test_biases_of_logits_and_sizes_that_are_said_twice(tokenizer_of, texts, tmp_path, kind):
    import torch
    import transformers

    tokenizer = tokenizer_of("unigram")
    size = tokenizer.get_vocab_size()
    ids = {"pad_token_id": 0, "eos_token_id": 1, "bos_token_id": 1, "decoder_start_token_id": 0,
           "forced_eos_token_id": 1}  # fmt: skip
    common = {"d_model": 32, "encoder_layers": 1, "decoder_layers": 1, "encoder_ffn_dim": 48,
              "decoder_ffn_dim": 48, "encoder_attention_heads": 2, "decoder_attention_heads": 2,
              "max_position_embeddings": 100}  # fmt: skip
    if kind == "Roberta":
        common = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2,
                  "intermediate_size": 48, "max_position_embeddings": 100}  # fmt: skip
    config = getattr(transformers, f"{kind}Config")(vocab_size=size, **common, **ids)
    torch.manual_seed(0)
    name = {"Bart": "BartForConditionalGeneration", "Marian": "MarianMTModel",
            "Roberta": "RobertaForMaskedLM"}[kind]  # fmt: skip
    model = getattr(transformers, name)(config)
    bias = model.lm_head.bias.data if kind == "Roberta" else model.final_logits_bias
    bias.normal_()
    model.save_pretrained(tmp_path / "m")
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>", unk_token="<unk>"
    ).save_pretrained(tmp_path / "m")
    _, made, smoke, _, (table, trimmed) = cut(tmp_path / "m", texts[:70], tmp_path / "out")
    assert [t.width for t in made.tables] == [32, 1]
    np.testing.assert_array_equal(columns(made), table[trimmed.kept])
    assert smoke.same_ids == smoke.same_states == 12 and smoke.largest < 1e-5
    assert getattr(made.model.config, "decoder_vocab_size", made.rows) == made.rows


def test_every_place_that_names_a_token_follows(model_folder, tmp_path):
    folder = tmp_path / "named"
    shutil.copytree(model_folder("gpt2"), folder)
    config = json.loads((folder / "config.json").read_text())
    config |= {
        "sep_token_id": 99_999, "lang_to_id": {"x": 9},
        "task_specific_params": {"t": {"eos_token_id": [0, 1]}},
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))
    generation = json.loads((folder / "generation_config.json").read_text())
    generation |= {
        "suppress_tokens": [5, 9, 7], "forced_bos_token_id": 11, "bad_words_ids": [[5, 7], [9]],
    }  # fmt: skip
    (folder / "generation_config.json").write_text(json.dumps(generation))
    opened = open_model(find_model(str(folder)))
    assert named_ids(opened)["generation_config.json: forced_bos_token_id"] == [11]
    notes = renumber(opened, {0: 0, 1: 1, 5: 2, 7: 3, 11: 4})
    made, generation = opened.model.config, opened.model.generation_config
    assert made.task_specific_params == {"t": {"eos_token_id": [0, 1]}} and made.lang_to_id == {}
    assert made.sep_token_id is None and made.bos_token_id == 0
    assert generation.suppress_tokens == [2, 3] and generation.forced_bos_token_id == 4
    assert generation.bad_words_ids == [[2, 3]]
    assert any("sep_token_id was 99999" in note for note in notes)
    again = open_model(find_model(str(folder)))
    with pytest.raises(ModelError, match=r"forced_bos_token_id names '.+', which the new"):
        renumber(again, {0: 0, 1: 1})


def broken(model_folder, tmp_path, shape, change):
    """A copy of a model whose weights or files were changed."""
    from safetensors.torch import load_file, save_file

    folder = tmp_path / "broken"
    shutil.copytree(model_folder(shape), folder)
    weights = load_file(folder / "model.safetensors")
    change(SimpleNamespace(folder=folder, weights=weights))
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelError) as error:
        open_model(find_model(str(folder)))
    return str(error.value)


def edit(file, **values):
    state = json.loads(file.read_text())
    file.write_text(json.dumps(state | values))


def test_bad_folders_are_refused_with_a_remedy(model_folder, tmp_path):
    import torch

    def untied(it):
        it.weights["lm_head.weight"] = it.weights["model.embed_tokens.weight"] * 2

    def wide(it):
        it.weights["lm_head.weight"] = torch.zeros(len(it.weights["lm_head.weight"]), 48)

    def slow(it):
        (it.folder / "tokenizer.json").rename(it.folder / "tokenizer.model")

    def short(it):
        for name in list(it.weights):
            if "embed_tokens" in name or "lm_head" in name:
                it.weights[name] = it.weights[name][:900].clone()
        edit(it.folder / "config.json", vocab_size=900)

    def twice(it):
        file = it.folder / "tokenizer.json"
        file.write_text(file.read_text().replace('"vocab":{', '"vocab":{"ab":7,"ab":8,', 1)
                        .replace('"vocab": {', '"vocab": {"ab":7,"ab":8,', 1))  # fmt: skip

    def padded(it):
        edit(it.folder / "config.json", pad_token_id=1210)

    def strange(it):
        edit(it.folder / "config.json", architectures=["OfMyOwn"])

    def random(it):
        file = it.folder / "tokenizer.json"
        state = json.loads(file.read_text())
        state["model"]["dropout"] = 0.2
        file.write_text(json.dumps(state))

    cases = {
        "cuts words at random (BPE dropout 0.2)": ("llama", random),
        "two that differ": ("llama", untied), "[1216, 48] where": ("llama-untied", wide),
        "no fast tokenizer, tokenizer.json; there is tokenizer.model": ("llama", slow),
        "tokens without a row": ("llama-untied", short), "names 1 tokens twice": ("llama", twice),
        "no architecture 'OfMyOwn'": ("bert", strange),
    }  # fmt: skip
    for said, (shape, change) in cases.items():
        assert said in broken(model_folder, tmp_path, shape, change)
        shutil.rmtree(tmp_path / "broken")
    shutil.copytree(model_folder("llama"), tmp_path / "broken")
    padded(SimpleNamespace(folder=tmp_path / "broken"))
    with pytest.raises(ModelError, match="id of a padding row that no token has"):
        named_ids(open_model(find_model(str(tmp_path / "broken"))))


def test_models_that_draw_words_are_refused_for_what_they_are(model_folder, tmp_path):
    folder = shutil.copytree(model_folder("bert"), tmp_path / "drawing")
    (folder / "pixel_fallback.json").write_text("{}")
    with pytest.raises(ModelError, match=r"draws words[^$]*without pixel_fallback\.json"):
        open_model(find_model(str(folder)))

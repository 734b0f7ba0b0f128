"""Keys and values before a text's own: as transformers reads a cache, and as they are saved."""

import numpy as np
import pytest
import torch

from isogloss.encode import load_encoder
from isogloss.encode.inserted.now import Now
from isogloss.encode.inserted.prefix import attention, prefix
from isogloss.errors import ModelError, UsageError
from isogloss.train.batch import stack_texts
from isogloss.train.contracts import Lesson
from isogloss.train.loop import LoopSettings, train
from isogloss.train.mixtures.parallel import ParallelViews
from isogloss.train.objectives.contrast import ContrastViews
from isogloss.train.student import student_of

TEXTS = ["red heart", "a dog and the sun", "Sonne", "waving hand, light skin tone"]


@pytest.fixture(scope="module", params=["bert", "gpt2", "llama"])
def parts(request, model_folder):
    from tokenizers import Tokenizer

    folder = model_folder(request.param)
    return folder, Tokenizer.from_file(str(folder / "tokenizer.json"))


def bold(student, seed=0):
    """Prefixes that are seen."""
    torch.manual_seed(seed)
    with torch.no_grad():
        for weight in student.module.inserted.parameters():
            weight.normal_()
    return student


def ids_of(tokenizer):
    return [np.array(tokenizer.encode(t, add_special_tokens=False).ids) for t in TEXTS]


def read(student, ids, wanted="states"):
    with torch.no_grad():
        batch = stack_texts([ids], [["eng_Latn"] * len(ids)])
        return student.module.eval()(batch, (wanted,))[wanted]


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("kind", ["none", "bool", "float"])
def test_attention_is_that_of_the_formula(causal, kind):
    from types import SimpleNamespace

    torch.manual_seed(0)
    q, k, v = (torch.randn(2, 3, 5, 4, dtype=torch.float64) for _ in range(3))
    first = SimpleNamespace(
        keys=torch.randn(2, 3, 4).double(), values=torch.randn(2, 3, 4).double()
    )
    module = torch.nn.Module()
    module.is_causal = causal
    module._isogloss_prefixes = [(first, lambda: True)]
    seen = torch.ones(2, 1, 5, 5, dtype=torch.bool)
    seen = seen.tril() if causal else seen
    if kind != "none":
        seen[1, :, :, 4:] = False
    given = {"none": None, "bool": seen, "float": torch.zeros(2, 1, 5, 5).double().masked_fill(
        ~seen, -torch.inf)}[kind]  # fmt: skip
    found, _ = attention(module, q, k, v, given, scaling=0.3)
    for n in range(2):
        for h in range(3):
            for t in range(5):
                there = [j for j in range(5) if seen[n, 0, t, j]]
                keys = torch.cat([first.keys[:, h], k[n, h, there]])
                values = torch.cat([first.values[:, h], v[n, h, there]])
                wanted = torch.softmax(0.3 * keys @ q[n, h, t], 0) @ values
                torch.testing.assert_close(found[n, t, h], wanted)
    module._isogloss_prefixes = [(first, lambda: False)]
    plain, _ = attention(module, q, k, v, given, scaling=0.3)
    assert not torch.allclose(plain, found)


def test_states_are_those_of_transformers_with_a_cache(parts):
    from transformers import AutoModel, DynamicCache

    folder, tokenizer = parts
    if "bert" in folder.name:
        pytest.skip("an encoder takes no cache")
    student = bold(student_of("prefix.v1", *parts, length=3))
    plain = AutoModel.from_pretrained(folder).eval()
    ids = ids_of(tokenizer)
    states, at = read(student, ids), 0
    for row in ids:
        cache = DynamicCache(config=plain.config)
        for layer, one in enumerate(student.module.inserted[0].values()):
            keys, values = (x.detach().transpose(0, 1)[None] for x in (one.keys, one.values))
            cache.update(keys, values, layer)
        with torch.no_grad():
            out = plain(
                input_ids=torch.tensor(row)[None], past_key_values=cache,
                attention_mask=torch.ones(1, 3 + len(row)),
                position_ids=torch.arange(len(row))[None],
            )  # fmt: skip
        wanted = out.last_hidden_state[0]
        torch.testing.assert_close(states[at : at + len(row)], wanted, atol=1e-5, rtol=1e-4)
        at += len(row)


def test_prefixes_alone_learn_and_the_saved_folder_reads_as_they_do(parts, tmp_path):
    from transformers import AutoModel

    student = student_of("prefix.v1", *parts, length=4, layers="last:1")
    before = {n: w.detach().clone() for n, w in student.module.named_parameters()}
    rng = np.random.default_rng(1)
    tokens = {
        lang: [rng.integers(10, 200, rng.integers(3, 9)) for _ in range(30)]
        for lang in ("eng_Latn", "deu_Latn")
    }
    mixture = ParallelViews(tokens, np.zeros((30, 1), np.float32), "eng_Latn", size=8, views=2)
    train(student, [Lesson(mixture, [(1.0, ContrastViews())])],
          LoopSettings(steps=3, learning_rate=0.05, threads=1))  # fmt: skip
    moved = {n for n, w in student.module.named_parameters() if not torch.equal(w, before[n])}
    assert {n.rpartition(".")[2] for n in moved} == {"keys", "values"} and len(moved) == 2
    bold(student)
    mine = read(student, ids_of(parts[1]), "vectors")[0].numpy()
    student.save(tmp_path / "s")
    found = load_encoder(tmp_path / "s").encode(TEXTS, language="eng_Latn", pooling="mean")
    np.testing.assert_allclose(next(iter(found.values())).array, mine, atol=1e-5)
    assert "isogloss" not in (tmp_path / "s" / "config.json").read_text()
    plain = AutoModel.from_pretrained(tmp_path / "s").state_dict()
    for name, weight in AutoModel.from_pretrained(parts[0]).state_dict().items():
        assert "pooler" in name or torch.equal(plain[name], weight)
    # What is put on top is stacked, and means nothing while its values and the others' are one.
    again = student_of("prefix.v1", tmp_path / "s", parts[1], length=2)
    assert len(again.module.inserted.parts) == 2
    assert not torch.allclose(read(bold(again, 5), ids_of(parts[1])),
                              read(student, ids_of(parts[1])), atol=1e-3)  # fmt: skip


def test_a_batch_of_one_is_a_batch_of_many(parts):
    student = bold(student_of("prefix.v1", *parts, length=3))
    ids = ids_of(parts[1])
    many = read(student, ids, "vectors")[0]
    for row, one in enumerate(ids):
        torch.testing.assert_close(read(student, [one], "vectors")[0, 0], many[row], atol=1e-5,
                                   rtol=1e-4)  # fmt: skip


SMALL = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
         "intermediate_size": 24, "vocab_size": 60, "pad_token_id": 0}  # fmt: skip
KINDS = {
    "XLMRoberta": SMALL,
    "DistilBert": {"dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 24, "vocab_size": 60},
    "ModernBert": {**SMALL, **{f"{x}_token_id": 1 for x in ("cls", "sep", "bos", "eos")}},
    "Mistral": {**SMALL, "num_key_value_heads": 1},
    "Qwen3": {**SMALL, "num_key_value_heads": 1},
}


def body_of(kind, settings):
    import transformers

    config = getattr(transformers, f"{kind}Config")(**settings)
    return transformers.AutoModel.from_config(config).eval()


@pytest.mark.parametrize("kind", KINDS)
def test_other_architectures_have_them_too(kind):
    body, now = body_of(kind, KINDS[kind]), Now()
    ids, mask = torch.randint(2, 60, (2, 5)), torch.ones(2, 5, dtype=torch.long)
    mask[1, 3:] = 0
    with torch.no_grad():
        plain = body(input_ids=ids, attention_mask=mask).last_hidden_state
        for weight in prefix(body, now, length=3).parameters():
            weight.normal_()
        made = body(input_ids=ids, attention_mask=mask).last_hidden_state
        alone = body(input_ids=ids[1:, :3], attention_mask=mask[1:, :3]).last_hidden_state
        now.silent.update({1, 2})
        silent = body(input_ids=ids, attention_mask=mask).last_hidden_state
    assert not torch.allclose(plain, made, atol=1e-3)
    torch.testing.assert_close(made[1, :3], alone[0], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(silent[0], plain[0], atol=1e-5, rtol=1e-4)


def test_an_architecture_of_its_own_attention_is_refused():
    with pytest.raises(ModelError, match="before the keys of the architecture mpnet"):
        prefix(body_of("MPNet", SMALL), Now())


def test_lengths_and_layers_that_cannot_be_are_refused(parts):
    with pytest.raises(UsageError, match="a prefix of 0"):
        student_of("prefix.v1", *parts, length=0)
    with pytest.raises(UsageError):
        student_of("prefix.v1", *parts, layers="last:9")

"""Prompts before every text: as peft has them, and as the saved model reads its own tokenizer."""

import itertools

import numpy as np
import pytest
import torch

from isogloss.encode import load_encoder
from isogloss.errors import TrainingError, UsageError
from isogloss.train.batch import stack_texts
from isogloss.train.contracts import Lesson
from isogloss.train.delta import load_delta
from isogloss.train.loop import LoopSettings, train
from isogloss.train.mixtures.parallel import ParallelViews
from isogloss.train.objectives.contrast import ContrastViews
from isogloss.train.readers import words
from isogloss.train.student import student_of

TEXTS = ["red heart", "a dog and the sun", "Sonne", "waving hand, light skin tone"]
NUMBERS = {"eng_Latn": 0, "deu_Latn": 1}
FACTORED = {"languages": 2, "length": 2, "language_length": 3}


@pytest.fixture(scope="module", params=["bert", "gpt2", "llama", "llama-untied"])
def parts(request, model_folder, tmp_path_factory):
    """A folder and its tokenizer; BERT's with what it puts around texts."""
    import shutil

    from tokenizers import Tokenizer, processors

    folder = tmp_path_factory.mktemp(request.param) / "model"
    shutil.copytree(model_folder(request.param), folder)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    if request.param == "bert":
        tokenizer.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
        )
        tokenizer.save(str(folder / "tokenizer.json"))
    return folder, tokenizer


def batch_of(tokenizer, languages=None):
    ids = [np.array(tokenizer.encode(t, add_special_tokens=False).ids) for t in TEXTS]
    return stack_texts([ids], [languages or ["eng_Latn"] * len(ids)], NUMBERS)


def vectors(student, batch):
    with torch.no_grad():
        return student.module.eval()(batch)["vectors"][0].numpy()


def encoded(folder, texts=TEXTS):
    """What the saved model gives, by the mean, which is what students give."""
    encoder = load_encoder(folder)
    return next(iter(encoder.encode(texts, language="eng_Latn", pooling="mean").values())).array


def taught(student, *, steps=5, **more):
    rng = np.random.default_rng(1)
    tokens = {
        lang: [rng.integers(10, 200, rng.integers(3, 9)) for _ in range(30)] for lang in NUMBERS
    }
    mixture = ParallelViews(
        tokens, np.zeros((30, 1), np.float32), "eng_Latn", size=8, views=2, numbers=NUMBERS
    )
    settings = LoopSettings(steps=steps, learning_rate=0.05, threads=1, checkpoint_every=2)
    train(student, [Lesson(mixture, [(1.0, ContrastViews())])], settings, **more)
    return student


@pytest.mark.parametrize("point", ["prompts.v1", "factored_prompts.v1"])
def test_the_saved_model_reads_texts_as_the_student_does(parts, point, tmp_path):
    from transformers import AutoModel, AutoTokenizer

    options = {"length": 4} if point == "prompts.v1" else FACTORED
    student = taught(student_of(point, *parts, **options))
    mine = vectors(student, batch_of(parts[1]))
    student.save(tmp_path / "s")
    np.testing.assert_allclose(encoded(tmp_path / "s"), mine, atol=1e-5)
    wrapper = AutoTokenizer.from_pretrained(tmp_path / "s")
    model = AutoModel.from_pretrained(tmp_path / "s").eval()
    length = 4 if point == "prompts.v1" else 5
    read = wrapper(TEXTS[0])
    assert len(read["input_ids"]) == len(AutoTokenizer.from_pretrained(parts[0])(TEXTS[0])[
        "input_ids"]) + length  # fmt: skip
    with torch.no_grad():
        last = model(input_ids=torch.tensor([read["input_ids"]])).last_hidden_state
    np.testing.assert_allclose(last.mean(1)[0].numpy(), mine[0], atol=1e-5)
    before = AutoModel.from_pretrained(parts[0]).state_dict()
    table = next(n for n in before if "embed" in n.lower() or "wte" in n)
    known = parts[1].get_vocab_size()  # prompts stand where a longer table has unused rows
    for name, weight in model.state_dict().items():
        rows = slice(known if name == table else None)
        assert "pooler" in name or torch.equal(weight[rows], before[name][rows]), name
    np.testing.assert_array_equal(vectors(student, batch_of(parts[1])), mine)  # it can go on


def test_states_and_gradients_are_those_of_peft(model_folder):
    peft = pytest.importorskip("peft", reason="needs pip install isogloss[peft]")
    from tokenizers import Tokenizer
    from transformers import AutoModel

    folder = model_folder("gpt2")
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    student = student_of("prompts.v1", folder, tokenizer, length=3)
    student.module.eval()
    prompt = student.module.body.get_input_embeddings().prompt
    config = peft.PromptTuningConfig(task_type="FEATURE_EXTRACTION", num_virtual_tokens=3)
    theirs = peft.get_peft_model(AutoModel.from_pretrained(folder), config).eval()
    embedding = theirs.prompt_encoder["default"].embedding.weight
    with torch.no_grad():
        embedding.copy_(prompt.rows)
    batch = batch_of(tokenizer)
    states = student.module(batch, ("states",))["states"]
    bounds = [*batch["offsets"].tolist(), len(batch["ids"])]
    rows = [batch["ids"][a:b][None] for a, b in itertools.pairwise(bounds)]
    wanted = torch.cat([theirs(input_ids=row).last_hidden_state[0][-row.shape[1]:]
                        for row in rows])  # fmt: skip
    torch.testing.assert_close(states, wanted, atol=1e-5, rtol=1e-4)
    states.square().sum().backward()
    wanted.square().sum().backward()
    torch.testing.assert_close(prompt.rows.grad, embedding.grad, atol=1e-3, rtol=1e-4)


def test_only_prompts_change_and_are_all_that_a_delta_holds(parts, tmp_path):
    from safetensors.torch import load_file

    student = student_of("prompts.v1", *parts, length=4)
    before = {n: w.detach().clone() for n, w in student.module.named_parameters()}
    taught(student)
    moved = {n for n, w in student.module.named_parameters() if not torch.equal(w, before[n])}
    assert len(moved) == 1 and before[moved.copy().pop()].shape[0] == 4
    student.save_delta(tmp_path / "d", "print", {"use": "prompts.v1", "length": 4})
    assert load_file(tmp_path / "d" / "delta.safetensors").keys() == moved
    again = student_of("prompts.v1", *parts, length=4)
    load_delta(tmp_path / "d", again.module, "print")
    batch = batch_of(parts[1])
    np.testing.assert_array_equal(vectors(again, batch), vectors(student, batch))


def test_a_text_has_the_part_of_its_language(parts):
    student = taught(student_of("factored_prompts.v1", *parts, **FACTORED))
    one, other = (vectors(student, batch_of(parts[1], [tag] * 4)) for tag in NUMBERS)
    assert np.abs(one - other).max() > 1e-3
    mixed = vectors(student, batch_of(parts[1], [*NUMBERS] * 2))
    np.testing.assert_allclose(mixed[::2], one[::2], atol=1e-5)
    np.testing.assert_allclose(mixed[1::2], other[1::2], atol=1e-5)
    prompt = student.module.body.get_input_embeddings().prompt
    begun = student_of("factored_prompts.v1", *parts, **FACTORED)
    start = begun.module.body.get_input_embeddings().prompt
    assert torch.equal(start.language[0], start.language[1])
    assert not torch.equal(prompt.task, start.task)
    batch = batch_of(parts[1])
    texts = {k: v for k, v in batch.items() if k != "language"}
    with pytest.raises(TrainingError, match="does not say which"):
        student.module(texts)
    few = student_of("factored_prompts.v1", *parts, languages=1)
    with pytest.raises(TrainingError, match="prompts of 1 languages, and the batch has number 1"):
        few.module(batch_of(parts[1], ["deu_Latn"] * 4))


def test_a_factored_prompt_is_kept_for_the_language_that_is_asked_for(parts, tmp_path):
    student = taught(student_of("factored_prompts.v1", *parts, **FACTORED, kept=1))
    student.save(tmp_path / "s")
    german = vectors(student, batch_of(parts[1], ["deu_Latn"] * 4))
    np.testing.assert_allclose(encoded(tmp_path / "s"), german, atol=1e-5)


def test_hidden_tokens_are_predicted_with_a_prompt_before_them(model_folder, tmp_path):
    from tokenizers import Tokenizer
    from transformers import AutoModelForCausalLM

    folder = model_folder("gpt2")
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    student = student_of("prompts.v1", folder, tokenizer, length=3, reader=words)
    batch = batch_of(tokenizer)
    batch.tokens["gold"] = batch["ids"].clone()
    with torch.no_grad():
        logits = student.module.eval()(batch, ("logits",))["logits"]
    student.save(tmp_path / "s")
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "s").eval()
    from transformers import AutoTokenizer

    ids = AutoTokenizer.from_pretrained(tmp_path / "s")(TEXTS[0])["input_ids"]
    with torch.no_grad():
        wanted = model(input_ids=torch.tensor([ids])).logits[0, 3:, : logits.shape[1]]
    torch.testing.assert_close(logits[: len(wanted)], wanted, atol=1e-4, rtol=1e-4)


def test_a_killed_run_ends_with_the_same_bits(parts, tmp_path):
    def stop(step, loss):
        if step == 3:
            raise KeyboardInterrupt

    whole = taught(student_of("prompts.v1", *parts))
    with pytest.raises(KeyboardInterrupt):
        taught(student_of("prompts.v1", *parts), checkpoint=tmp_path / "c", progress=stop)
    resumed = taught(student_of("prompts.v1", *parts), checkpoint=tmp_path / "c")
    for name, value in whole.module.state_dict().items():
        assert torch.equal(value, resumed.module.state_dict()[name]), name


def test_lengths_and_languages_that_cannot_be_are_refused(parts):
    with pytest.raises(UsageError, match="a prompt of 0 rows"):
        student_of("prompts.v1", *parts, length=0)
    with pytest.raises(UsageError, match="kept = 2, and languages are numbered from 0 to 1"):
        student_of("factored_prompts.v1", *parts, languages=2, kept=2)

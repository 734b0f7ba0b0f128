"""A table of another language under a body that was taught the task."""

import numpy as np
import pytest
import torch

import labelled
from isogloss import registry
from isogloss.encode.folder import open_folder
from isogloss.errors import ModelError, UsageError
from isogloss.task.job import Job, Means, attempt
from isogloss.task.learners import TuneModel
from isogloss.task.solver import Tuning, open_tuned
from isogloss.task.strategies.swap_vocabulary import swapped
from isogloss.task.tasks.classify import ClassifyTask
from loading import load
from tiny_models import with_ends

backwards = load("task/strategies/conftest.py").backwards
TARGET = "deu_Latn"
WORDS = sorted([w for kind in labelled.KINDS.values() for w in kind] + labelled.OTHERS)
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
QUICK = Tuning(epochs=12, batch=16, learning_rate=1e-2, threads=1, warmup=0.0, clip=0.0)


def save_words(folder, words, rows=None, **sizes):
    """A model whose tokens are whole words; `rows` of its table, random ones by default."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    made = Tokenizer(models.WordLevel({w: i for i, w in enumerate([*SPECIAL, *words])}, "[UNK]"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
             "intermediate_size": 24, "max_position_embeddings": 16, **sizes}  # fmt: skip
    body = BertModel(BertConfig(vocab_size=len(SPECIAL) + len(words), **sizes))
    body.get_input_embeddings().weight.data *= 10  # words are told apart more than places
    if rows is not None:
        body.get_input_embeddings().weight.data = rows.clone()
    body.save_pretrained(folder)
    named = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]",
             "sep_token": "[SEP]"}  # fmt: skip
    PreTrainedTokenizerFast(tokenizer_object=with_ends(made), **named).save_pretrained(folder)
    return body


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A model of English words, and one of the same words backwards, in another order."""
    own, other = (tmp_path_factory.mktemp(name) for name in ("own", "other"))
    table = save_words(own, WORDS).get_input_embeddings().weight.data
    order = [*reversed(range(len(WORDS)))]
    rows = torch.cat([table[:4], table[4:][order], table[-1:]])  # one word more
    save_words(other, [WORDS[i][::-1] for i in order] + ["more"], rows)
    return own, other


def job_of(folders, scratch, **changes):
    def load(language, split):
        examples = labelled.texts(64, split=split, seed=split == "test")
        return examples if language == "eng_Latn" else backwards(examples, language)

    tuning = Tuning.model_validate({**QUICK.model_dump(), **changes})
    learner = TuneModel(open_folder(folders[0], "own"), tuning, scratch / "training")
    means = Means(folders={TARGET: folders[1]})
    return Job(ClassifyTask(), ["eng_Latn"], load, learner, 0, means, scratch / "solvers")


def test_the_body_tells_of_the_mirror_what_it_tells_of_english(folders, tmp_path):
    job = job_of(folders, tmp_path)
    strategy = registry.get("strategy", "swap_vocabulary.v1")
    guesses = attempt(job, strategy, TARGET)
    gold = job.load(TARGET, "test").column("label")
    assert np.mean([g.value == x for g, x in zip(guesses, gold, strict=True)]) > 0.85
    [solver] = job._solvers.values()
    english = solver.tell(job.test("eng_Latn")).guesses
    for one, other in zip(guesses, english, strict=True):
        np.testing.assert_allclose(one.shares, other.shares, atol=1e-5)
    zero = attempt(job, registry.get("strategy", "zero_shot.v1"), TARGET)
    assert np.mean([g.value == x for g, x in zip(zero, gold, strict=True)]) < 0.7


def test_only_the_blocks_and_the_head_learn_and_the_table_is_the_other_models(folders, tmp_path):
    from transformers import BertModel

    job = job_of(folders, tmp_path)
    attempt(job, registry.get("strategy", "swap_vocabulary.v1"), TARGET)
    begun, other = (BertModel.from_pretrained(folder).state_dict() for folder in folders)
    job.last.save(tmp_path / "kept")
    kept = BertModel.from_pretrained(tmp_path / "kept").state_dict()
    for name, weight in kept.items():
        if name.endswith("word_embeddings.weight"):
            assert torch.equal(weight, other[name])
        elif name.startswith("embeddings."):
            assert torch.equal(weight, begun[name])
    changed = "encoder.layer.0.attention.self.query.weight"
    assert not torch.equal(kept[changed], begun[changed])
    again = open_tuned(open_folder(tmp_path / "kept", "kept"), ClassifyTask())
    assert again.tell(job.test(TARGET)).values == job.last.tell(job.test(TARGET)).values


def test_each_target_has_its_own_table(folders, tmp_path):
    job = job_of(folders, tmp_path, epochs=0.1)
    job.means.folders["fra_Latn"] = folders[0]
    tables = {}
    for tag in (TARGET, "fra_Latn"):
        attempt(job, registry.get("strategy", "swap_vocabulary.v1"), tag)
        tables[tag] = job.last.student.module.body.embeddings.word_embeddings.weight
    assert len(job._solvers) == 1 and tables[TARGET].shape != tables["fra_Latn"].shape


def test_all_embeddings_can_be_taken(folders, tmp_path):
    job = job_of(folders, tmp_path)
    solver = job.train(job.sources(), parameters={"use": "full.v1"})
    table = swapped(solver, folders[1], "table").student.module.body.embeddings
    every = swapped(solver, folders[1], "embeddings").student.module.body.embeddings
    own = solver.student.module.body.embeddings
    assert torch.equal(table.position_embeddings.weight, own.position_embeddings.weight)
    assert not torch.equal(every.position_embeddings.weight, own.position_embeddings.weight)
    assert torch.equal(table.word_embeddings.weight, every.word_embeddings.weight)


@pytest.mark.parametrize(
    ("sizes", "what"),
    [
        ({"num_hidden_layers": 2}, r"encoder.layer.1.\S+ is in one model alone"),
        ({"intermediate_size": 20}, r"has 20 and not 24"),
        ({"max_position_embeddings": 20}, r"position_embeddings.weight has 20 x 16 and not 16 x"),
        ({"hidden_size": 12}, r"token table has 12 columns|and \d+ more"),
    ],
)
def test_other_shapes_are_named(folders, tmp_path, sizes, what):
    job = job_of(folders, tmp_path)
    solver = job.train(job.sources(), epochs=0.1)
    save_words(tmp_path / "wrong", WORDS, **sizes)
    with pytest.raises(ModelError, match=what):
        swapped(solver, tmp_path / "wrong")


def test_a_model_that_is_missing_is_named(folders, tmp_path, job):
    strategy = registry.get("strategy", "swap_vocabulary.v1")
    with pytest.raises(UsageError, match="needs other models"):
        strategy(job, TARGET)
    own = job_of(folders, tmp_path)
    with pytest.raises(UsageError, match="no model of fra_Latn"):
        strategy(own, "fra_Latn")
    job.means = own.means
    with pytest.raises(UsageError, match="no token table of its own"):
        strategy(job, TARGET)

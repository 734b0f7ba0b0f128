"""Hidden tokens are predicted as transformers does it, with the model's head or one made for it."""

import itertools

import numpy as np
import pytest
import torch

from isogloss.errors import ModelError
from isogloss.train.batch import UNKNOWN
from isogloss.train.contracts import Lesson
from isogloss.train.loop import LoopSettings, train
from isogloss.train.mixtures.masked import MaskedText, window_losses
from isogloss.train.objectives.mlm import Mlm
from isogloss.train.readers import words
from isogloss.train.student import student_of
from tiny_models import with_ends

SPECIAL = list(range(5))


@pytest.fixture(scope="module")
def tokenizer(tokenizer_of):
    from tokenizers import Tokenizer

    return with_ends(Tokenizer.from_str(tokenizer_of("wordpiece").to_str()))


def folder_of(name, tokenizer, folder, **more):
    """A model of random weights with a language head."""
    import transformers

    torch.manual_seed(0)
    settings = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
                "intermediate_size": 24}  # fmt: skip
    if name == "DistilBert":
        settings = {"dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 24}
    settings |= {"vocab_size": tokenizer.get_vocab_size(), "pad_token_id": 0, **more}
    model = getattr(transformers, f"{name}ForMaskedLM")(
        getattr(transformers, f"{name}Config")(**settings)
    )
    with torch.no_grad():
        for key, weight in model.named_parameters():
            weight.normal_(1.0 if "LayerNorm.weight" in key else 0.0, std=0.1)
    model.save_pretrained(folder)
    names = {"pad": 0, "unk": 1, "cls": 2, "sep": 3, "mask": 4}
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        **{f"{role}_token": tokenizer.id_to_token(i) for role, i in names.items()},
    ).save_pretrained(folder)
    return folder


def text(tokenizer, size=6):
    """Windows of which the second word follows from the first."""
    rng = np.random.default_rng(0)
    first = rng.integers(5, 40, 60)
    found = {tag: [np.array([i, i + 50, i + 100]) for i in first] for tag in ("eng", "deu")}
    return MaskedText(found, 4, SPECIAL, tokenizer.get_vocab_size(), size=size)


def plain(model, batch):
    """The loss of transformers on padded ids and labels."""
    bounds = [*batch["offsets"].tolist(), len(batch["ids"])]
    rows, none = [], UNKNOWN
    for column, (one, two), pad in ((batch["ids"], (2, 3), 0), (batch["gold"], (none, none), none)):
        parts = [
            torch.cat([torch.tensor([one]), column[a:b], torch.tensor([two])])
            for a, b in itertools.pairwise(bounds)
        ]
        rows.append(torch.nn.utils.rnn.pad_sequence(parts, True, pad))
    return model(input_ids=rows[0], attention_mask=(rows[0] != 0).long(), labels=rows[1]).loss


@pytest.mark.parametrize("name", ["Bert", "Roberta", "DistilBert", "Electra"])
def test_loss_and_gradients_are_those_of_transformers(name, tokenizer, tmp_path):
    from transformers import AutoModelForMaskedLM

    folder = folder_of(name, tokenizer, tmp_path)
    mixture = text(tokenizer)
    mixture.windows["eng"][0] = np.arange(40, 60)  # windows of several lengths
    batch = mixture.batch(0, 0)
    model = AutoModelForMaskedLM.from_pretrained(folder).eval()
    ours = student_of("full.v1", folder, tokenizer, reader=words).module.eval()
    assert ours.head is None
    loss, wanted = Mlm()(ours(batch, ("logits",)), batch).total, plain(model, batch)
    torch.testing.assert_close(loss, wanted, atol=1e-5, rtol=1e-5)
    loss.backward()
    wanted.backward()
    theirs = dict(model.named_parameters())
    for key, weight in ours.body.named_parameters():
        if theirs[key].grad is not None:
            torch.testing.assert_close(weight.grad, theirs[key].grad, atol=1e-5, rtol=1e-4)


def test_a_made_head_is_that_of_bert(tokenizer, tmp_path):
    from transformers import BertForMaskedLM, BertModel

    folder = folder_of("Bert", tokenizer, tmp_path / "a", layer_norm_eps=1e-5)
    model = BertForMaskedLM.from_pretrained(folder).eval()
    BertModel.from_pretrained(folder).save_pretrained(tmp_path / "b")
    ours = student_of("full.v1", tmp_path / "b", tokenizer, reader=words).module.eval()
    theirs = model.cls.predictions
    with torch.no_grad():
        ours.head.dense.load_state_dict(theirs.transform.dense.state_dict())
        ours.head.norm.load_state_dict(theirs.transform.LayerNorm.state_dict())
        ours.head.bias.copy_(theirs.bias)
    batch = text(tokenizer).batch(0, 0)
    torch.testing.assert_close(Mlm()(ours(batch, ("logits",)), batch).total, plain(model, batch))


def learned(parameters, tokenizer, *, steps=3, rate=1e-2, **more):
    train(
        parameters, [Lesson(text(tokenizer), [(1.0, Mlm())])],
        LoopSettings(steps=steps, learning_rate=rate, threads=1, checkpoint_every=2), **more,
    )  # fmt: skip
    return parameters


@pytest.mark.parametrize(
    ("point", "changed"),
    [("full.v1", {"body", "table", "bias", "head"}), ("embeddings.v1", {"table", "bias"}),
     ("factors.v1", {"table", "bias"})],
)  # fmt: skip
def test_an_own_head_belongs_to_the_body_but_for_its_bias(point, changed, tokenizer, tmp_path):
    from transformers import BertForMaskedLM

    folder = folder_of("Bert", tokenizer, tmp_path / "a")
    options = {"rank": 16} if point == "factors.v1" else {}
    made = learned(student_of(point, folder, tokenizer, reader=words, **options), tokenizer)
    made.save(tmp_path / "b")
    before, after = (BertForMaskedLM.from_pretrained(tmp_path / x).state_dict() for x in "ab")
    table = "cls.predictions.decoder.weight"
    assert torch.equal(after[table], after["bert.embeddings.word_embeddings.weight"])
    found = {n for n in before if not torch.allclose(before[n], after[n], atol=1e-5)}
    kinds = {
        "table" if "word_embeddings" in n or n == table else "bias" if n.endswith(".bias")
        and "predictions" in n and "transform" not in n else "head" if "cls" in n else "body"
        for n in found
    }  # fmt: skip
    assert kinds == changed
    if changed != {"body", "table", "bias", "head"}:
        frozen = [n for n in before if "encoder" in n or "transform" in n]
        assert frozen and all(torch.equal(before[n], after[n]) for n in frozen)


@pytest.mark.parametrize("point", ["embeddings.v1", "factors.v1"])
def test_a_killed_run_with_tied_tables_ends_with_the_same_bits(point, tokenizer, tmp_path):
    folder = folder_of("Bert", tokenizer, tmp_path / "a")

    def build():
        return student_of(point, folder, tokenizer, reader=words)

    def stop(step, loss):
        if step == 3:
            raise KeyboardInterrupt

    whole = learned(build(), tokenizer, steps=4)
    with pytest.raises(KeyboardInterrupt):
        learned(build(), tokenizer, steps=4, checkpoint=tmp_path / "c", progress=stop)
    resumed = learned(build(), tokenizer, steps=4, checkpoint=tmp_path / "c")
    for name, value in whole.module.state_dict().items():
        assert torch.equal(value, resumed.module.state_dict()[name]), name


def test_a_made_head_learns_alone_then_is_kept_and_never_saved(tokenizer, tmp_path):
    from functools import partial

    from safetensors.torch import load_file
    from transformers import BertModel

    whole = folder_of("Bert", tokenizer, tmp_path / "a")
    body = BertModel.from_pretrained(whole)
    folder = tmp_path / "b"
    body.save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).write_bytes((whole / name).read_bytes())
    begun = student_of("head.v1", folder, tokenizer, reader=words)
    held = text(tokenizer, size=20)
    losses = [window_losses(begun.module, held, "eng", 0)]
    learned(begun, tokenizer, steps=60)
    losses.append(window_losses(begun.module, held, "eng", 0))
    assert losses[1].mean() < losses[0].mean() - 0.3 and len(losses[0]) == 60
    begun.save(tmp_path / "same")
    old, new = (load_file(f / "model.safetensors") for f in (folder, tmp_path / "same"))
    assert old.keys() == new.keys() and all(torch.equal(old[n], new[n]) for n in old)
    reader = partial(words, head=begun.module.head.transform())
    student = learned(
        student_of("factors.v1", folder, tokenizer, reader=reader, rank=16), tokenizer
    )
    for name, value in student.module.head.transform().items():
        assert torch.equal(value, begun.module.head.transform()[name])
    assert student.module.head.bias.abs().sum() > 0
    student.save(tmp_path / "s")
    assert load_file(tmp_path / "s" / "model.safetensors").keys() == old.keys()
    with pytest.raises(ModelError, match="has a language head of its own"):
        student_of("head.v1", whole, tokenizer, reader=words)
    wide = partial(words, head={"dense.weight": torch.zeros(9, 9)})
    with pytest.raises(ModelError, match="made for a body of another width"):
        student_of("full.v1", folder, tokenizer, reader=wide)


def test_an_untied_head_trains_beside_the_table_and_is_not_factored(tokenizer, tmp_path):
    folder = folder_of("Bert", tokenizer, tmp_path, tie_word_embeddings=False)
    made = student_of("embeddings.v1", folder, tokenizer, reader=words)
    assert len(made.groups()[0]["params"]) == 3
    with pytest.raises(ModelError, match="the head has a table of its own"):
        student_of("factors.v1", folder, tokenizer, reader=words)


def test_losses_of_windows_are_means_over_their_hidden_tokens(tokenizer, tmp_path):
    module = student_of(
        "full.v1", folder_of("Bert", tokenizer, tmp_path), tokenizer, reader=words
    ).module
    held = text(tokenizer, size=1)
    held.share = 0.6
    with torch.no_grad():
        one_by_one = [
            float(Mlm()(module.eval()(batch, Mlm.outputs), batch).total)
            for batch in held.in_order("eng", 0)
        ]
    held.size = 16
    np.testing.assert_allclose(window_losses(module, held, "eng", 0), one_by_one, rtol=1e-4)

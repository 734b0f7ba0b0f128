"""Only the hypernetwork changes, resumes to the bit, and learns tokens it never met."""

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer

from isogloss.encode import load_encoder
from isogloss.errors import ModelError
from isogloss.match.neighbours import unit
from isogloss.train.contracts import Lesson
from isogloss.train.hypernetwork import load_hypernetwork, padded_pieces, predict
from isogloss.train.loop import LoopSettings, train
from isogloss.train.mixtures.sampled_tokenizers import OwnTokens, SampledTokenizers
from isogloss.train.objectives.distil import Distil
from isogloss.train.objectives.lexical import Lexical
from isogloss.train.parameters.hypernetwork import HypernetworkParameters, text_ends
from isogloss.vocabulary.initialise.mean import mean
from isogloss.vocabulary.initialise.overlap import overlap
from isogloss.vocabulary.initialise.rows import Help, Source
from isogloss.vocabulary.respell import respell

SMALL = {"layers": 1, "heads": 2, "width": 32}


@pytest.fixture(scope="module")
def lesson(model_folder, texts):
    """A tiny body, a few hundred texts, and its vectors of them."""
    folder = model_folder("bert")
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    chosen = [text for text in texts if text.isascii()][:400]
    vectors = next(iter(load_encoder(folder).encode(chosen, language="eng_Latn").values())).array
    centred = vectors - vectors.mean(0)  # else all texts of a random body are nearly one
    return folder, tokenizer, chosen, centred.astype(np.float32), vectors.mean(0)


class Centred:
    """The body's vectors around their mean, as the lesson's are."""

    def __init__(self, mean):
        self.mean = torch.from_numpy(mean)

    def __call__(self, outputs, batch):
        return Distil()({"vectors": outputs["vectors"] - self.mean}, batch)


def _mixture(lesson, table, **options):
    _, tokenizer, texts, vectors, _ = lesson
    settings = {"size": 24, "queue": 96, "vocabulary": (300, 3000), **options}
    return SampledTokenizers(
        texts, ["eng_Latn"] * len(texts), vectors, tokenizer, table, **settings
    )


def _train(lesson, steps=60, checkpoint=None, stop_at=None, rate=3e-3, every=5):
    parameters = HypernetworkParameters(lesson[0], lesson[1], 0, **SMALL)

    def progress(step, loss):
        if step == stop_at:
            raise KeyboardInterrupt

    trained = train(
        parameters,
        [Lesson(
            _mixture(lesson, parameters.table), [(1.0, Centred(lesson[4])), (0.5, Lexical())]
        )],
        LoopSettings(steps=steps, learning_rate=rate, threads=1, checkpoint_every=every),
        checkpoint=checkpoint, progress=progress,
    )  # fmt: skip
    return parameters, trained


@pytest.fixture(scope="module")
def taught(lesson):
    return _train(lesson, steps=150, every=1000, rate=1e-2)


@pytest.mark.parametrize("shape", ["bert", "gpt2", "llama-untied", "t5"])
def test_it_reads_the_sources_own_cut_as_the_encoder_does(model_folder, texts, shape):
    folder, texts = model_folder(shape), texts[:9]
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    parameters = HypernetworkParameters(folder, tokenizer, 0, **SMALL)
    ids = [tokenizer.encode(text, add_special_tokens=False).ids for text in texts]
    used, flat = np.unique(np.concatenate(ids), return_inverse=True)
    lengths = np.array([len(row) for row in ids])
    batch = {
        "ids": torch.from_numpy(flat), "offsets": torch.from_numpy(lengths.cumsum() - lengths),
        "views": torch.tensor(1), "pieces": torch.from_numpy(used[:, None]),
    }  # fmt: skip
    with torch.no_grad():
        found = parameters.module.train()(batch)["vectors"][0]  # no dropout in training either
    wanted = load_encoder(folder).encode(texts, language="eng_Latn", pooling="mean")
    np.testing.assert_allclose(found, next(iter(wanted.values())).array, atol=1e-4)


def test_ends_of_a_text_are_those_of_the_template(lesson, tokenizer_of):
    from tokenizers import processors

    plain = tokenizer_of("wordpiece", 1200)
    assert text_ends(plain) == ([], [])
    around = Tokenizer.from_str(plain.to_str())
    around.post_processor = processors.TemplateProcessing(
        single="$A [SEP] [CLS]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    around.enable_padding(length=20)
    assert text_ends(around) == ([], [3, 2])


def test_nothing_but_the_hypernetwork_changes(lesson):
    fresh = HypernetworkParameters(lesson[0], lesson[1], 0, **SMALL).module.state_dict()
    parameters, _ = _train(lesson, steps=3)
    changed = {n for n, v in parameters.module.state_dict().items() if not torch.equal(v, fresh[n])}
    assert {
        "network.core.leave.weight",
        "network.core.enter.weight",
        "network.core.places",
    } <= changed
    assert all(name.startswith("network.") for name in changed)
    assert not changed & {"network.core.centre", "network.core.deviation"}


def test_it_learns_what_no_mean_of_pieces_gives(taught, lesson):
    parameters, trained = taught
    before = HypernetworkParameters(lesson[0], lesson[1], 0, **SMALL)
    mixture = _mixture(lesson, parameters.table)
    parts = []
    for one in (before, parameters):
        with torch.no_grad():  # tokenizers of another seed
            batches = [mixture.batch(77, step) for step in range(8)]
            outputs = [one.module(batch) for batch in batches]
        away = [Centred(lesson[4])(o, b).total for o, b in zip(outputs, batches, strict=True)]
        kept = [Lexical()(o, b).total for o, b in zip(outputs, batches, strict=True)]
        parts.append((float(sum(away)) / 8, float(sum(kept)) / 8))
    assert parts[1][0] < 0.9 * parts[0][0]
    assert parts[0][1] < 1e-5 and parts[1][1] < 0.5  # shared tokens stay near their rows
    assert set(trained.read) == {"eng_Latn"}


def _vectors(body, rows, cut):
    """Means of a body's last states `[n, d]` over texts of which the ids are given."""
    lengths = torch.tensor([len(ids) for ids in cut])
    embedded = torch.nn.utils.rnn.pad_sequence(
        [torch.from_numpy(rows[ids]) for ids in cut], batch_first=True
    )
    mask = torch.arange(embedded.shape[1])[None] < lengths[:, None]
    with torch.no_grad():
        states = body(inputs_embeds=embedded, attention_mask=mask.long()).last_hidden_state
    return ((states * mask[..., None]).sum(1) / lengths[:, None]).numpy()


@pytest.mark.parametrize("tuned", [False, True], ids=["base", "fine-tuned"])
@pytest.mark.parametrize("kind", ["unigram", "wordpiece"])
def test_an_unseen_tokenizer_reads_nearer_to_the_source_than_with_overlap_or_mean(
    taught, lesson, tokenizer_of, kind, tuned
):
    _, tokenizer, texts, *_ = lesson
    parameters, before = taught[0], HypernetworkParameters(lesson[0], lesson[1], 0, **SMALL)
    body, table = before.module.body, parameters.table
    if tuned:  # a model that went on from the one that the hypernetwork was trained on
        torch.manual_seed(1)
        for weight in body.parameters():
            weight.add_(0.2 * weight.std() * torch.randn_like(weight) if weight.ndim > 1 else 0)
        table = body.get_input_embeddings().weight.detach().numpy()
    own = [ids.ids for ids in tokenizer.encode_batch(texts, add_special_tokens=False)]
    wanted = _vectors(body, table, own)
    centre = wanted.mean(0)
    source, target = Source(table, tokenizer), tokenizer_of(kind, 4000)
    candidates = {
        "hypernetwork": predict(parameters.module.network, source, target),
        "untrained": predict(before.module.network, source, target),
        "mean": mean(source, target, Help()), "overlap": overlap(source, target, Help()),
    }  # fmt: skip
    cut, away = [one.ids for one in target.encode_batch(texts)], {}
    for name, made in candidates.items():
        pair = [unit(x - centre) for x in (_vectors(body, made.rows, cut), wanted)]
        away[name] = 1 - (pair[0] * pair[1]).sum(1).mean()
    assert away["hypernetwork"] < 0.93 * away["mean"] < away["overlap"]
    assert away["hypernetwork"] < 0.95 * away["untrained"]


def test_a_killed_run_resumes_to_the_same_bits_and_keeps_no_body(lesson, tmp_path):
    from safetensors.numpy import load_file

    whole, undisturbed = _train(lesson, steps=8)
    with pytest.raises(KeyboardInterrupt):
        _train(lesson, steps=8, checkpoint=tmp_path / "c", stop_at=7)
    kept = load_file(tmp_path / "c" / "step-000000005" / "weights.safetensors")
    assert kept and all(name.startswith("model.network.") for name in kept)
    resumed, trained = _train(lesson, steps=8, checkpoint=tmp_path / "c")
    assert trained.resumed_at == 5 and trained.log == undisturbed.log
    for name, value in whole.module.state_dict().items():
        assert torch.equal(value, resumed.module.state_dict()[name]), name


def test_a_warm_up_teaches_a_network_without_residual_the_sources_rows(lesson):
    away = []
    for steps in (1, 150):
        parameters = HypernetworkParameters(lesson[0], lesson[1], 0, residual=False, **SMALL)
        train(
            parameters, [Lesson(OwnTokens(parameters.table, size=64), [(1.0, Lexical())])],
            LoopSettings(steps=steps, learning_rate=5e-3, threads=1),
        )  # fmt: skip
        network, table = parameters.module.network, parameters.table
        with torch.no_grad():
            rows = network(torch.arange(5, 1000)[:, None], torch.from_numpy(table)).numpy()
        apart = np.linalg.norm(rows - table[5:1000], axis=1) / np.linalg.norm(table[5:1000], axis=1)
        away.append(apart.mean())
    assert away[0] > 0.9 and away[1] < 0.5


def test_tables_of_a_head_are_predicted_beside_and_do_not_reach_the_body(lesson):
    folder, tokenizer, *_ = lesson
    plain = HypernetworkParameters(folder, tokenizer, 0, **SMALL)
    head = np.random.default_rng(0).normal(size=plain.table.shape).astype(np.float32)
    both = HypernetworkParameters(
        folder, tokenizer, 0, np.concatenate([plain.table, head], 1), **SMALL
    )
    batches = [_mixture(lesson, one.table).batch(0, 0) for one in (plain, both)]
    with torch.no_grad():
        found = [one.module(b) for one, b in zip((plain, both), batches, strict=True)]
    torch.testing.assert_close(found[0]["vectors"], found[1]["vectors"])
    assert found[1]["rows"].shape[1] == 64 == batches[1]["gold"].shape[1]
    with pytest.raises(ModelError, match="rows of 9 columns for a body of width 32"):
        HypernetworkParameters(folder, tokenizer, 0, head[:, :9], **SMALL)


def test_what_is_saved_predicts_the_same(taught, lesson, tokenizer_of, tmp_path):
    parameters, _ = taught
    parameters.save(tmp_path / "h", {"steps": 150})
    source, target = Source(parameters.table, lesson[1]), tokenizer_of("byte-bpe", 600)
    read = load_hypernetwork(tmp_path / "h")
    ours, theirs = (predict(n, source, target).rows for n in (parameters.module.network, read))
    np.testing.assert_array_equal(ours, theirs)
    spelled = [ids for ids in respell(lesson[1], target) if len(ids) > 1][:20]
    with torch.no_grad():
        rows = read(padded_pieces(spelled), torch.from_numpy(parameters.table)).numpy()
    means = np.stack([parameters.table[ids].mean(0) for ids in spelled])
    assert np.abs(rows - means).mean() > 1e-3

"""A text goes through the adapters of its language, as in X-MOD; others neither count nor learn."""

import numpy as np
import pytest
import torch
import transformers

from isogloss.encode import encode_cached, load_encoder
from isogloss.encode.inserted.now import Now
from isogloss.encode.inserted.per_language import per_language
from isogloss.errors import ModelError, UsageError
from isogloss.train.body import Body
from isogloss.train.contracts import Lesson
from isogloss.train.loop import LoopSettings, train
from isogloss.train.objectives.mlm import Mlm
from loading import load

_made = load("train/parameters/test_bottleneck.py")
base, student, taught, vectors, encoded = (
    _made.base, _made.student, _made.taught, _made.vectors, _made.encoded,
)  # fmt: skip
ENG, DEU = "eng_Latn", "deu_Latn"


@pytest.mark.parametrize(("placement", "before"), [("xmod", True), ("pfeiffer", False)])
def test_it_is_the_xmod_of_transformers(placement, before):
    torch.manual_seed(0)
    small = {"hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2,
             "intermediate_size": 12, "vocab_size": 30}  # fmt: skip
    theirs = transformers.XmodModel(
        transformers.XmodConfig(
            **small, languages=["en_XX", "de_DE", "fr_FR"], ln_before_adapter=before,
            adapter_reuse_layer_norm=True, adapter_reduction_factor=2,
        )
    ).eval()  # fmt: skip
    with torch.no_grad():
        for weight in theirs.parameters():
            weight.add_(0.3 * torch.randn(weight.shape))
    ours = transformers.XLMRobertaModel(transformers.XLMRobertaConfig(**small)).eval()
    missing = ours.load_state_dict(theirs.state_dict(), strict=False)
    assert not missing.missing_keys
    now = Now(languages=("fra_Latn", ENG, DEU), language=torch.tensor([0, 1, 2, 1]))
    made = per_language(ours, now, languages=("eng", "de", "fra"), placement=placement)
    for layer in (1, 2):
        for one, other in zip(made.sets[f"{layer}_feed_forward"],
                              theirs.encoder.layer[layer - 1].output.adapter_modules.values(),
                              strict=True):  # fmt: skip
            one.down.load_state_dict(other.dense1.state_dict())
            one.up.load_state_dict(other.dense2.state_dict())
    ids = torch.randint(3, 30, (4, 6), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        wanted = theirs(input_ids=ids, lang_ids=torch.tensor([2, 0, 1, 0])).last_hidden_state
        torch.testing.assert_close(ours(input_ids=ids).last_hidden_state, wanted)
        now.language = torch.ones(1, dtype=torch.long)  # all of one language
        wanted = theirs(input_ids=ids, lang_ids=torch.zeros(4).long()).last_hidden_state
        torch.testing.assert_close(ours(input_ids=ids).last_hidden_state, wanted)


def test_what_is_saved_is_what_trained_in_each_language(base, tmp_path):
    made = taught(base, "per_language.v1", reduction=4)
    made.save(tmp_path / "s")
    found = [vectors(made, language) for language in (0, 1)]
    assert not np.allclose(*found, atol=1e-3)
    for tag, wanted in zip((ENG, DEU), found, strict=True):
        np.testing.assert_allclose(encoded(tmp_path / "s", language=tag), wanted, atol=1e-5)
    np.testing.assert_allclose(
        encoded(tmp_path / "s", language="deu_Latn.ref2"), found[1], atol=1e-5
    )
    encoder = load_encoder(str(tmp_path / "s"))
    for tag, wanted in zip((ENG, DEU), found, strict=True):  # the cache knows which module it was
        [kept] = encode_cached(encoder, _made.TEXTS, language=tag, dtype="float32").values()
        np.testing.assert_allclose(kept.array, wanted, atol=1e-5)
    with pytest.raises(UsageError, match="there is no module for fra_Latn"):
        encoder.encode(["a"], language="fra_Latn")
    with pytest.raises(UsageError, match="of the texts no language is known"):
        encoder.encode_words([["a"]])
    words = next(iter(encoder.encode_words([["a"]], language=DEU).values()))
    assert words.array.shape[1] == 32


def test_adapters_of_a_language_that_is_not_read_have_no_gradient(base):
    made = student(base, "per_language.v1", reduction=4)
    batch = _made.Words().batch(0, 0)
    batch.texts["language"][:] = 1
    Mlm()(made.module(batch, ("logits",)), batch).total.backward()
    sets = made.module.inserted[0].sets.values()
    for eng, deu in sets:
        assert eng.up.weight.grad is None and deu.up.weight.grad.any()


def test_a_batch_without_languages_is_refused(base):
    made = student(base, "per_language.v1", reduction=4)
    batch = _made.Words().batch(0, 0)
    del batch.texts["language"]
    with pytest.raises(UsageError, match="name a mixture with the column language"):
        made.module(batch)
    with pytest.raises(UsageError, match="modules of languages need languages"):
        per_language(body_of(made), Now(), reduction=4)


def body_of(made):
    assert isinstance(made.module, Body)
    return made.module.body


def test_one_more_language_begins_as_another_and_leaves_the_others(base, tmp_path):
    taught(base, "per_language.v1", reduction=4).save(tmp_path / "two")
    made = student(tmp_path / "two", "new_language.v1", language="gsw", like="deu")
    made.module.now.languages = (ENG, "gsw_Latn")  # a run of others than those it has
    np.testing.assert_allclose(vectors(made, 1), encoded(tmp_path / "two", language=DEU), atol=1e-5)
    train(
        made, [Lesson(_made.Words(), [(1.0, Mlm())])],
        LoopSettings(steps=4, learning_rate=3e-2, threads=1),
    )  # fmt: skip
    made.save(tmp_path / "three")
    three = {tag: encoded(tmp_path / "three", language=tag) for tag in (ENG, DEU, "gsw_Latn")}
    for tag in (ENG, DEU):
        np.testing.assert_array_equal(three[tag], encoded(tmp_path / "two", language=tag))
    np.testing.assert_allclose(three["gsw_Latn"], vectors(made, 1), atol=1e-5)
    assert not np.allclose(three["gsw_Latn"], three[DEU], atol=1e-3)
    new = student(tmp_path / "two", "new_language.v1", language="gsw")
    assert not new.module.inserted[0].sets["1_feed_forward"][2].up.weight.any()
    with pytest.raises(UsageError, match="deu_Latn cannot be added like None"):
        student(tmp_path / "two", "new_language.v1", language="de")
    with pytest.raises(ModelError, match="no adapters of languages are in the body"):
        student(base, "new_language.v1", language="gsw")

"""A small random model: its probabilities are those of its own loss, and marks are put by them."""

import numpy as np
import pytest

from isogloss.task.projection.candidates import by_translation, candidates
from isogloss.task.projection.constrained import codec, insert
from isogloss.task.projection.contract import Labelled
from isogloss.task.projection.seq2seq import model_decoder, model_probability, next_log_p
from isogloss.task.spans import Span

SIZE = 40


@pytest.fixture(scope="module")
def model():
    import torch
    from transformers import BartConfig, BartForConditionalGeneration

    torch.manual_seed(0)
    return BartForConditionalGeneration(BartConfig(
        vocab_size=SIZE, d_model=16, encoder_layers=1, decoder_layers=1, encoder_ffn_dim=16,
        decoder_ffn_dim=16, encoder_attention_heads=2, decoder_attention_heads=2,
        max_position_embeddings=64, pad_token_id=0, bos_token_id=1, eos_token_id=2,
        decoder_start_token_id=2, init_std=0.5,
    )).eval()  # fmt: skip


def tokenizer(text, add_special_tokens=True):
    ids = [3 + sum(map(ord, word)) % (SIZE - 3) for word in text.split()]
    return {"input_ids": [*ids, 2] if add_special_tokens else ids}


def test_step_by_step_is_the_loss_of_the_whole(model):
    import torch

    source, written = [5, 6, 7, 2], [8, 9, 10, 2]
    with torch.inference_mode():
        loss = model(input_ids=torch.tensor([source]), labels=torch.tensor([written])).loss.item()
    log_p = next_log_p(model, source)
    steps = [log_p(written[:n])[token] for n, token in enumerate(written)]
    assert -np.mean(steps) == pytest.approx(loss, rel=1e-4)
    texts = {"a": source, "b": written}
    told = model_probability(model, lambda t, _: texts[t], lambda t, _: texts[t])
    assert told([("b", "a", "hau", "eng")]) == [pytest.approx(-loss, rel=1e-4)]
    forced = model_probability(model, lambda t, _: texts[t], lambda t, _: texts[t][1:],
                               {"hau": [8]})  # fmt: skip
    assert forced([("b", "a", "hau", "eng")]) == [pytest.approx(np.mean(steps[1:]), rel=1e-4)]


def test_codec_takes_the_best_place_by_the_model(model):
    source = Labelled("ann saw kano".split(), [Span(2, 3, "LOC")])
    target = "kano anna ga".split()
    made = codec([source], [target], decoder=model_decoder(model, tokenizer), together=True)
    ids = tokenizer(" ".join(target), add_special_tokens=False)["input_ids"]
    marks = [(tokenizer("<a>", False)["input_ids"], tokenizer("</a>", False)["input_ids"])]
    read = next_log_p(model, tokenizer("ann saw <a> kano </a>")["input_ids"])
    every = insert(ids, marks, read, end=2, best=99).found
    assert len(every) == 6 and made.sentences[0].spans[0][:2] == every[0].places[0]


def test_candidates_by_the_model(model):
    ids = lambda text, language: tokenizer(text)["input_ids"]  # noqa: E731
    source = Labelled(["kano", "x"], [Span(0, 1, "LOC")])
    score = by_translation(model_probability(model, ids, ids), ("eng", "hau"))
    made = candidates([source], [["ga", "kano"]], score=score)
    assert len(made.sentences[0].spans) == 1

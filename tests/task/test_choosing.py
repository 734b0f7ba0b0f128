"""Choices by likelihood: equal to a plain loop over the logits of transformers."""

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from isogloss.encode.folder import open_folder
from isogloss.errors import CorpusError, ModelError, UsageError
from isogloss.task.choosing import By, choice_scores, open_chooser
from isogloss.task.examples import CHOICES, make_examples
from loading import load

student = load("train/parameters/test_bottleneck.py").student

ROWS = [
    ("the face of a", ["cat", "small grey mouse", "dog with a hat"]),
    ("flag", ["red", "flag: Germany"]),
    ("a man and ", ["a woman", "wedge of cheese", "x"]),
]


def examples(rows=ROWS, labels=None):
    texts, choices = zip(*rows, strict=True)
    return make_examples("x", "eng", CHOICES, {"text": texts, "choices": choices,
                                              "label": labels or [0] * len(rows)})  # fmt: skip


def loaded(path):
    from transformers import AutoModelForCausalLM, AutoModelForMaskedLM, AutoTokenizer

    kind = AutoModelForMaskedLM if (open_folder(path, "x").config["model_type"] == "bert") else (
        AutoModelForCausalLM)  # fmt: skip
    return kind.from_pretrained(path).eval(), AutoTokenizer.from_pretrained(path)


def plain_decoder(path, text, choice):
    """log p of a choice, one token after the other, as lm-evaluation-harness cuts texts."""
    model, tokenizer = loaded(path)
    before = tokenizer(text.rstrip()).input_ids if text else [tokenizer.bos_token_id]
    whole = tokenizer(text.rstrip() + " " + choice if text else choice).input_ids
    own = whole[len(before) :] if text else whole
    total = 0.0
    for at in range(len(own)):
        with torch.no_grad():
            logits = model(torch.tensor([[*before, *own[:at]]])).logits[0, -1].double()
        total += float(logits.log_softmax(-1)[own[at]])
    return total, len(own)


def plain_masked(path, text, choice):
    model, tokenizer = loaded(path)
    whole = tokenizer(text.rstrip() + " " + choice).input_ids
    end = len(whole) - 1
    start = end - len(tokenizer(choice, add_special_tokens=False).input_ids)
    total = 0.0
    for at in range(start, end):
        seen = [*whole[:at], tokenizer.mask_token_id, *whole[at + 1 :]]
        with torch.no_grad():
            logits = model(torch.tensor([seen])).logits[0, at].double()
        total += float(logits.log_softmax(-1)[whole[at]])
    return total, end - start


@pytest.fixture(scope="module")
def folders(model_folder, tiny):
    return {"gpt2": model_folder("gpt2"), "bert": tiny}


@pytest.mark.parametrize(("shape", "plain"), [("gpt2", plain_decoder), ("bert", plain_masked)])
def test_likelihoods_are_those_of_a_plain_loop(shape, plain, folders):
    solver = open_chooser(open_folder(folders[shape], shape))
    lines = [(text, choice) for text, choices in ROWS for choice in choices]
    told, tokens, cut = solver.likelihoods(lines)
    wanted = [plain(folders[shape], *line) for line in lines]
    assert tokens.tolist() == [count for _, count in wanted] and not cut.any()
    np.testing.assert_allclose(told, [value for value, _ in wanted], rtol=1e-4)


def test_a_decoder_tells_a_choice_behind_nothing_by_its_first_token(folders):
    solver = open_chooser(open_folder(folders["gpt2"], "x"))
    told, _, _ = solver.likelihoods([("", "small mouse")])
    np.testing.assert_allclose(told[0], plain_decoder(folders["gpt2"], "", "small mouse")[0],
                               rtol=1e-4)  # fmt: skip


@pytest.mark.parametrize("unit", ["sum", "token", "character", "byte"])
@pytest.mark.parametrize("against", [None, "Answer:", ""])
def test_guesses_are_the_best_by_every_way_to_compare(unit, against, folders):
    path = folders["gpt2"]
    told = open_chooser(open_folder(path, "x"), By(unit=unit, against=against)).tell(examples())
    for (text, choices), guess in zip(ROWS, told.guesses, strict=True):
        scores = []
        for choice in choices:
            value, count = plain_decoder(path, text, choice)
            value -= plain_decoder(path, against, choice)[0] if against is not None else 0
            length = {"sum": 1, "token": count, "character": len(choice),
                      "byte": len(choice.encode())}[unit]  # fmt: skip
            scores.append(value / length)
        assert guess.value == int(np.argmax(scores))
        shares = np.exp(scores) / np.exp(scores).sum()
        np.testing.assert_allclose(guess.shares, shares, rtol=2e-3)


def test_lengths_are_counted_as_they_are_called():
    told, choices = np.array([-6.0, -6.0]), ["añ", "日本語"]
    by = {unit: choice_scores(told, choices, [2, 4], unit).tolist()
          for unit in ("sum", "token", "character", "byte")}  # fmt: skip
    assert by == {"sum": [-6, -6], "token": [-3, -1.5], "character": [-3, -2],
                  "byte": [-2, -6 / 9]}  # fmt: skip
    assert choice_scores(told, choices, [2, 4], "sum", np.array([-1.0, -7])).tolist() == [-5, 1]


def test_the_order_of_choices_and_examples_does_not_matter(folders):
    solver = open_chooser(open_folder(folders["gpt2"], "x"))
    plain = solver.tell(examples())
    turned = solver.tell(examples([(text, choices[::-1]) for text, choices in ROWS[::-1]]))
    for one, other in zip(plain.guesses, turned.guesses[::-1], strict=True):
        np.testing.assert_allclose(one.shares, other.shares[::-1], rtol=1e-4)


def test_a_long_text_loses_its_beginning_and_is_counted(folders):
    path = folders["gpt2"]
    model, tokenizer = loaded(path)
    solver = open_chooser(open_folder(path, "x"))
    text = " ".join(itertools.islice(itertools.cycle(["cat", "mouse", "red", "hat"]), 1500))
    told = solver.tell(examples([(text, ["dog", "grey flag"]), ROWS[1]]))
    assert told.truncated == 1 and told.guesses[0] is not None
    whole = tokenizer(text + " grey flag").input_ids
    assert len(whole) > solver.cutter.longest + 1
    own = len(whole) - len(tokenizer(text).input_ids)
    kept = whole[-(solver.cutter.longest + 1) :]
    with torch.no_grad():
        logits = model(torch.tensor([kept[:-1]])).logits[0].log_softmax(-1)
    wanted = sum(float(logits[len(kept) - 2 - i, kept[-1 - i]]) for i in range(own))
    np.testing.assert_allclose(solver.likelihoods([(text, "grey flag")])[0], wanted, rtol=1e-4)


def test_a_model_with_modules_of_languages_reads_through_that_of_the_examples(folders, tmp_path):
    """Those of German do nothing yet, so that German is told as without any."""
    made = student(Path(folders["gpt2"]), "per_language.v1", reduction=4)
    torch.manual_seed(0)
    with torch.no_grad():
        for own in made.module.inserted[0].sets.values():
            for weight in own[0].parameters():  # the English ones
                weight.add_(torch.randn(weight.shape))
    made.save(tmp_path)
    solver = open_chooser(open_folder(tmp_path, "x"))
    plain = open_chooser(open_folder(folders["gpt2"], "x")).tell(examples()).guesses
    german, english = (
        solver.tell(replace(examples(), language=tag)).guesses for tag in ("deu_Latn", "eng_Latn")
    )
    for one, other, third in zip(plain, german, english, strict=True):
        np.testing.assert_allclose(other.shares, one.shares, rtol=1e-4)
        assert np.abs(third.shares - one.shares).max() > 1e-3


def test_what_cannot_be_compared_is_counted_with_its_reason(folders):
    solver = open_chooser(open_folder(folders["gpt2"], "x"))
    odd = examples([("a", ["b"]), ("a", ["b", " "]), ("a", ["b", "word " * 3000]), ROWS[0]])
    told = solver.tell(odd.having({"text": ["a", "a", "a", None]}))
    assert told.guesses == [None] * 4
    assert told.dropped == {"fewer than two choices": 1, "a choice without text": 1,
                            "a choice without a token, or over the window": 1,
                            "no text": 1}  # fmt: skip


def test_a_label_that_is_no_choice_is_named(folders):
    solver = open_chooser(open_folder(folders["gpt2"], "x"))
    with pytest.raises(CorpusError, match="'2' of eng_Latn has the label 2 and 2 choices"):
        solver.tell(examples(labels=[0, 2, 1]))


def test_nothing_before_a_choice_and_no_token_for_it_is_refused(folders):
    solver = open_chooser(open_folder(folders["gpt2"], "x"))
    solver.begin = None
    with pytest.raises(UsageError, match="behind nothing"):
        solver.likelihoods([("", "cat")])


def test_models_without_a_language_head_are_refused(tiny_body, model_folder):
    with pytest.raises(ModelError, match="no language head"):
        open_chooser(open_folder(tiny_body, "x"))
    with pytest.raises(ModelError, match="reads a source"):
        open_chooser(open_folder(model_folder("t5"), "x"))

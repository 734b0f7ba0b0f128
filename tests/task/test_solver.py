"""Tuning a model to a task: it learns, tells, is saved, goes on, and is chosen as told."""

import numpy as np
import pytest

import labelled
from isogloss.encode import load_encoder
from isogloss.encode.folder import open_folder
from isogloss.errors import CorpusError, ModelError, UsageError
from isogloss.task.contracts import Piece
from isogloss.task.cutting import Cutter
from isogloss.task.pieces import Pieces
from isogloss.task.solver import Tuning, Watch, open_tuned, tune
from isogloss.task.tasks.answers import AnswersTask
from isogloss.task.tasks.classify import ClassifyTask
from isogloss.task.tasks.tag import TagTask
from loading import load

_made = load("train/parameters/test_bottleneck.py")
base, taught = _made.base, _made.taught
QUICK = {"threads": 1, "batch": 16, "learning_rate": 3e-3, "clip": 0.0, "warmup": 0.0}


def folder_of(path):
    return open_folder(path, path.name)


@pytest.fixture(scope="module")
def solver(tiny_body):
    return tune(folder_of(tiny_body), ClassifyTask(), [labelled.texts(80)],
                Tuning(epochs=8, **QUICK), seed=0)  # fmt: skip


def right(solver, examples, column="label"):
    return np.mean([a == b for a, b in zip(examples.column(column), solver.tell(examples).values,
                                           strict=True)])  # fmt: skip


def test_it_learns_and_its_guesses_do_not_depend_on_the_labels_it_is_shown(solver):
    test = labelled.texts(60, seed=1)
    assert right(solver, test) > 0.9
    assert solver.tell(test).values == solver.tell(test.sealed()).values


def test_guesses_come_back_in_the_order_of_the_examples_whatever_stands_beside(solver):
    test = labelled.texts(30, seed=2)
    whole = solver.tell(test).guesses
    turned = solver.tell(test.take(range(29, -1, -1))).guesses[::-1]
    for one, other in zip(whole, turned, strict=True):
        np.testing.assert_allclose(one.shares, other.shares, atol=1e-5)
    np.testing.assert_allclose([g.shares.sum() for g in whole], 1, atol=1e-5)


def test_what_has_no_token_is_told_and_counted(solver):
    odd = labelled.make_examples("x", "eng", labelled.TEXT, {"text": ["apple", "", None]})
    told = solver.tell(odd)
    assert [g is None for g in told.guesses] == [False, True, True]
    assert told.dropped == {"no text": 2}


def test_a_saved_solver_tells_the_same_and_transformers_loads_its_folder(solver, tmp_path):
    solver.save(tmp_path)
    test = labelled.texts(20, seed=3)
    again = open_tuned(folder_of(tmp_path), ClassifyTask())
    for one, other in zip(again.tell(test).guesses, solver.tell(test).guesses, strict=True):
        np.testing.assert_allclose(one.shares, other.shares, atol=1e-6)
    from transformers import AutoModel, AutoTokenizer

    AutoModel.from_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(tmp_path)


def test_going_on_begins_with_the_head_that_is_there(solver, tmp_path):
    solver.save(tmp_path)
    test = labelled.texts(30, seed=4)
    barely = Tuning(**{**QUICK, "epochs": 0.2, "learning_rate": 1e-7})
    on = tune(folder_of(tmp_path), ClassifyTask(), [labelled.texts(16)], barely, seed=0)
    assert on.seconds > solver.seconds
    assert right(on, test) == right(solver, test)


def test_a_language_that_was_not_taught_is_read_through_its_own_module(base, tmp_path):
    """As the encoder of the kept folder reads it; the modules differ, and so what is told."""
    import torch

    made = taught(base, "per_language.v1", reduction=4)
    torch.manual_seed(0)
    with torch.no_grad():
        for weight in made.module.inserted.parameters():
            weight.add_(torch.randn(weight.shape))
    made.save(tmp_path / "modular")
    tuning = Tuning(epochs=1, parameters={"use": "shared.v1"}, **QUICK)
    train = labelled.texts(16)
    solver = tune(folder_of(tmp_path / "modular"), ClassifyTask(), [train], tuning, seed=0)
    solver.save(tmp_path / "kept")
    encoder, told = load_encoder(str(tmp_path / "kept")), []
    for tag in ("deu", "eng"):
        test = labelled.texts(6, tag, seed=1)
        told.append(np.array([guess.shares for guess in solver.tell(test).guesses]))
        read = encoder.encode(test.column("text"), language=test.language, pooling="mean")
        vectors = torch.from_numpy(next(reversed(read.values())).array)
        with torch.no_grad():
            wanted = solver.head.layer(vectors).softmax(1).numpy()
        np.testing.assert_allclose(told[-1], wanted, atol=1e-4)
    assert np.abs(told[0] - told[1]).max() > 0.01
    with pytest.raises(UsageError, match="there is no module for fra_Latn"):
        solver.tell(labelled.texts(2, "fra"))


@pytest.mark.parametrize("task", [TagTask(), AnswersTask()])  # the second has a head alike
def test_a_task_of_another_kind_is_refused(task, solver, tmp_path):
    solver.save(tmp_path)
    with pytest.raises(UsageError, match=r"was taught classify\.v1, and is to tell"):
        open_tuned(folder_of(tmp_path), task)


def test_a_head_that_is_not_whole_is_named(solver, tmp_path):
    solver.save(tmp_path)
    file = tmp_path / "task" / "head.safetensors"
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(ModelError, match=r"head\.safetensors.*the head cannot be read"):
        open_tuned(folder_of(tmp_path), ClassifyTask())
    file.unlink()
    with pytest.raises(ModelError, match=r"head\.safetensors.*the head cannot be read"):
        open_tuned(folder_of(tmp_path), ClassifyTask())


def test_a_folder_without_a_task_is_refused(tiny_body):
    with pytest.raises(ModelError, match="knows no task"):
        open_tuned(folder_of(tiny_body), ClassifyTask())


def test_a_label_that_training_has_not_seen_is_named(solver):
    odd = labelled.make_examples(
        "x", "deu", labelled.TEXT, {"id": ["r7"], "text": ["apple"], "label": ["plant"]}
    )
    with pytest.raises(CorpusError, match=r"'r7' of deu_Latn has the label 'plant'"):
        ClassifyTask().cut(odd, solver.cutter, solver.classes)


def test_examples_without_a_label_are_left_out_of_training_and_told(tiny_body):
    """Most batches of all of them would have no loss."""
    train = labelled.texts(80)
    few = train.having({"label": [*train.column("label")[:4], *[None] * 76]})
    none = train.having({"label": [None] * 80})
    tuning, steps = Tuning(**{**QUICK, "epochs": 3, "batch": 2}), []
    solver = tune(folder_of(tiny_body), ClassifyTask(), [few, none], tuning, seed=0,
                  begin=lambda total: lambda amount, text="": steps.append(total))  # fmt: skip
    assert set(steps) == {6}
    assert solver.notes == [f"of 80 examples of eng_Latn to train on {n} were left out: no label"
                            for n in (76, 80)]  # fmt: skip


def test_the_best_weights_by_what_is_watched_are_kept(tiny_body):
    """Labels of the watched are turned round, so the best is before anything is learned."""
    train, other = labelled.texts(60), labelled.texts(30, seed=5)
    swap = {"fruit": "beast", "beast": "fruit"}
    turned = other.having({"label": [swap[label] for label in other.column("label")]})
    tuning = Tuning(epochs=8, **QUICK)
    free = tune(folder_of(tiny_body), ClassifyTask(), [train], tuning, seed=0)
    chosen = tune(folder_of(tiny_body), ClassifyTask(), [train], tuning, seed=0,
                  watch=Watch([turned], every=1))  # fmt: skip
    assert right(free, other) > 0.9 > right(chosen, other)


def test_words_are_tagged_and_long_sentences_read_in_stretches(tiny_body):
    task, train = TagTask(), labelled.words(80)
    solver = tune(folder_of(tiny_body), task, [train], Tuning(epochs=8, **QUICK), seed=0)
    test = labelled.words(30, seed=1)
    assert right(solver, test, "tags") > 0.8


def test_a_bar_knows_how_many_steps_there_are_where_sentences_are_read_in_stretches(tiny_body):
    totals, done = [], []

    def begin(total):
        totals.append(total)
        return lambda amount, text="": done.append(amount)

    short = labelled.words(8)
    long = short.having({"words": [400 * row for row in short.column("words")],
                         "tags": [400 * row for row in short.column("tags")]})  # fmt: skip
    tune(folder_of(tiny_body), TagTask(), [long], Tuning(**{**QUICK, "epochs": 1, "batch": 4}),
         seed=0, begin=begin)  # fmt: skip
    assert totals == [sum(done)] and totals[0] > 2  # of eight sentences in batches of four


def test_a_word_of_a_long_sentence_is_told_where_it_stands_furthest_inside(solver):
    task, classes, rng = TagTask(), {"tag": ["A", "B", "C"]}, np.random.default_rng(0)
    words = [str(rng.choice(["apple", "whales", "of", "strawberry"])) for _ in range(600)]
    long = labelled.make_examples("x", "eng", labelled.WORDS, {"words": [words]})
    cut = task.cut(long, solver.cutter, classes)
    assert len(cut.pieces) > 2 and cut.counted == {"read in several stretches": 1}
    assert all(len(piece.ids) <= solver.cutter.longest for piece in cut.pieces)
    found = [rng.dirichlet(np.ones(3), len(piece.ids)) for piece in cut.pieces]
    [guess] = task.join(long, cut.pieces, found, classes)
    places: dict[int, list] = {}
    for piece, shares in zip(cut.pieces, found, strict=True):
        seen = set()
        for token, word in enumerate(piece.tokens["word"].tolist()):
            begins = piece.tokens["room"][token] >= 0
            if begins and word not in seen:
                room = min(token, len(piece.ids) - 1 - token)
                places.setdefault(word, []).append((room, shares[token]))
            seen.add(word)
    assert sorted(places) == list(range(600))
    for word, options in places.items():
        best = max(options, key=lambda option: option[0])[1]
        np.testing.assert_allclose(guess.shares[word], best, rtol=1e-6)
        assert guess.value[word] == classes["tag"][int(best.argmax())]


def test_two_texts_are_read_with_the_models_own_token_between(tiny_body):
    from isogloss.task.cutting import cutter_of

    cutter = cutter_of(folder_of(tiny_body))
    assert cutter.between.tolist() == [cutter.tokenizer.token_to_id("[SEP]")]
    pair = labelled.make_examples(
        "x", "eng", labelled.TEXT, {"text": ["apple " * 300], "second": ["dog"], "label": ["same"]}
    )
    cut = ClassifyTask().cut(pair, cutter, {"label": ["same", "other"]})
    [piece] = cut.pieces
    dog = cutter.texts(["dog"])[0].ids
    assert cut.truncated == 1 and len(piece.ids) == cutter.longest
    assert piece.ids[-len(dog) :].tolist() == dog.tolist()  # the longer one was cut
    assert piece.ids[-len(dog) - 1] == cutter.between[0]


def test_lower_case_does_not_move_places_in_the_text(tiny_body):
    from isogloss.task.cutting import cutter_of

    plain = cutter_of(folder_of(tiny_body))
    cutter = Cutter(plain.tokenizer, plain.longest, lower=True)
    text = "İİİ Apple"  # the lower case of this letter is two
    [found] = cutter.texts([text])
    assert text[found.spans[-1][0] : found.spans[-1][1]].lower() in "apple"
    assert found.spans.max() <= len(text)


@pytest.mark.parametrize(("n", "size"), [(7, 3), (5, 5), (10, 4)])
def test_every_piece_is_read_before_one_is_read_again(n, size):
    pieces = [Piece(i, np.array([i]), row={"label": np.array(i)}) for i in range(n)]
    mixture = Pieces(pieces, ["eng_Latn"] * n, size, {"eng_Latn": 0})
    read = np.concatenate([mixture.batch(3, step)["label"].numpy() for step in range(n)])
    assert len(read) == n * size
    for start in range(0, len(read), n):
        assert sorted(read[start : start + n]) == list(range(n))
    assert read[:n].tolist() != read[n : 2 * n].tolist()

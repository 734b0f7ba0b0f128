"""One model translates: it learns small languages, and is asked for a direction unseen."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import ciphers
from isogloss.encode.folder import open_folder
from isogloss.errors import ModelError, TrainingError
from isogloss.task.examples import TRANSLATIONS, make_examples
from isogloss.task.finished import knows, open_solver
from isogloss.task.metrics.texts import off_target
from isogloss.task.solver import Tuning, read_task
from isogloss.task.tasks.translate import TranslateTask
from isogloss.task.translate.local import LocalTranslator
from isogloss.task.translating import TAG, open_translator
from isogloss.task.writing import begins_of, end_of, with_tokens
from isogloss.train.reading import before_target

TRAINED = [("eng", "rus"), ("rus", "eng"), ("eng", "ell"), ("ell", "eng")]
TASK = TranslateTask(longest=8, smoothing=0.0)
BARELY = Tuning(epochs=0.1, learning_rate=1e-5, batch=4, threads=1)


def train(n=120, directions=TRAINED):
    return [ciphers.pairs(a, b, ciphers.sentences(n)) for a, b in directions]


def right(told, test):
    return np.mean([a == b for a, b in zip(told.values, test.column("translation"), strict=True)])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return open_folder(ciphers.save("t5", tmp_path_factory.mktemp("t5"), padded=2), "t5")


@pytest.fixture(scope="module")
def solver(folder):
    tuning = Tuning(epochs=24, learning_rate=5e-3, threads=1, warmup=0.05)
    return TASK.tune(folder=folder, train=train(), tuning=tuning, seed=0)


@pytest.mark.parametrize(("source", "target"), TRAINED)
def test_it_learns_every_direction_words_and_order(source, target, solver):
    test = ciphers.pairs(source, target, ciphers.sentences(20, seed=1))
    told = solver.tell(test)
    assert right(told, test) > 0.85 and told.truncated == 0 and not told.dropped


def test_a_direction_that_was_not_trained_on_is_asked_for_and_measured(solver):
    """What it is worth is not claimed: a model as small as this one tells mostly English."""
    test = ciphers.pairs("rus", "ell", ciphers.sentences(20, seed=1))
    told = solver.tell(test)
    assert len(told.values) == 20 and None not in told.values
    off = off_target(told.values, test.column("to"))
    assert off.columns.shape[0] == 20 and 0 <= float(off.statistic(off.columns.sum(0))) <= 1


def test_what_is_told_does_not_depend_on_targets_order_or_neighbours(solver):
    test = ciphers.pairs("eng", "ell", ciphers.sentences(12, seed=2))
    told = solver.tell(test).values
    assert solver.tell(test.sealed()).values == told
    assert solver.tell(test.take(range(11, -1, -1))).values[::-1] == told
    assert solver.tell(test.take([3])).values == [told[3]]


def test_one_test_may_ask_for_several_languages(solver):
    rows = ciphers.sentences(6, seed=3)
    both = [ciphers.pairs("eng", to, rows) for to in ("rus", "ell")]
    columns = {name: both[0].column(name) + both[1].column(name) for name in TRANSLATIONS.columns}
    mixed = make_examples("mixed", "eng", TRANSLATIONS, columns)
    assert solver.tell(mixed).values == [v for one in both for v in solver.tell(one).values]


def test_what_cannot_be_told_is_counted_with_its_reason(solver):
    odd = make_examples("x", "eng", TRANSLATIONS, {
        "text": ["sun", "", None, "sun"],
        "to": ["deu_Latn", "rus_Cyrl", "rus_Cyrl", "rus_Cyrl"],
    })  # fmt: skip
    told = solver.tell(odd)
    assert [guess is None for guess in told.guesses] == [True, True, True, False]
    assert told.dropped == {"no training towards deu_Latn": 1, "no text": 2}


def test_cut_sources_and_translations_without_an_end_are_counted(solver):
    long = make_examples("x", "eng", TRANSLATIONS, {"text": ["sun rain " * 40, "sun rain wind"],
                                                   "to": ["rus_Cyrl"] * 2})  # fmt: skip
    assert solver.tell(long).truncated >= 1
    short = replace(solver, task=TranslateTask(longest=1))
    told = short.tell(long)
    assert told.truncated == 2 and all(len(v.split()) <= 1 for v in told.values)


def test_a_tag_in_a_text_asks_for_nothing(solver):
    plain = solver.cutter.texts(["<2ell_Grek> sun"])[0].ids
    assert solver.tags["ell_Grek"] not in plain


def test_a_saved_model_translates_alike_here_and_in_transformers(solver, tmp_path):
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    solver.save(tmp_path)
    test = ciphers.pairs("eng", "rus", ciphers.sentences(8, seed=4))
    told = solver.tell(test).values
    assert open_translator(open_folder(tmp_path, "x"), TASK).tell(test).values == told
    model, tokenizer = (kind.from_pretrained(tmp_path)
                        for kind in (AutoModelForSeq2SeqLM, AutoTokenizer))  # fmt: skip
    for text, wanted in zip(test.column("text"), told, strict=True):
        given = tokenizer("<2rus_Cyrl>" + text, return_tensors="pt")
        assert given.input_ids[0, 0] == solver.tags["rus_Cyrl"]
        given = {name: given[name] for name in ("input_ids", "attention_mask")}
        [ids] = model.generate(**given).tolist()
        assert tokenizer.decode(ids, skip_special_tokens=True).strip() == wanted


def test_a_saved_model_is_opened_as_what_it_was_taught(solver, tmp_path):
    solver.save(tmp_path)
    assert read_task(tmp_path)["task"] == "translate.v1" and knows(tmp_path)
    test = ciphers.pairs("rus", "eng", ciphers.sentences(8, seed=6))
    again = open_solver(tmp_path, TASK, None)
    assert again.tell(test).values == solver.tell(test).values and again.size == solver.size > 0
    translator = LocalTranslator(tmp_path, longest=TASK.longest)
    made = translator.translate(test.column("text"), "rus", "eng")
    assert made == solver.tell(test).values


def test_without_tags_nothing_says_which_language_is_asked_for(folder, solver, tmp_path):
    plain = replace(TASK, tagged=False)
    train = [ciphers.pairs("eng", to, ciphers.sentences(8)) for to in ("rus", "ell")]
    untagged = plain.tune(folder=folder, train=train, tuning=BARELY, seed=0)
    assert not untagged.tags and list(untagged.classes["to"]) == ["rus_Cyrl", "ell_Grek"]
    tests = [ciphers.pairs("eng", to, ciphers.sentences(8, seed=7)) for to in ("rus", "ell")]
    one, other = (untagged.tell(test).values for test in tests)
    assert one == other and solver.tell(tests[0]).values != solver.tell(tests[1]).values
    shares = [
        [plain.score(test, who.tell(test).values)["on_target"] for test in tests]
        for who in (untagged, solver)
    ]
    values = [[float(t.statistic(t.columns.sum(0))) for t in some] for some in shares]
    assert sum(values[0]) <= 1 < 1.8 < sum(values[1])
    untagged.save(tmp_path)
    opened = open_solver(tmp_path, TASK, None)  # the folder says how it was taught
    assert not opened.task.tagged and opened.tell(tests[0]).values == one
    local = LocalTranslator(tmp_path, longest=TASK.longest)
    assert local.translate(tests[0].column("text"), "eng", "rus") == one


def test_settings_of_the_task_reach_teaching_and_search(folder, solver, tmp_path, monkeypatch):
    wider = replace(solver, task=replace(TASK, beams=3, longest=5))
    assert (wider._search().num_beams, wider._search().max_new_tokens) == (3, 5)
    assert wider._search().suppress_tokens == [*solver.tags.values()]  # no tag is told
    wider.save(tmp_path)
    assert '"num_beams": 3' in (tmp_path / "generation_config.json").read_text()
    given = []
    monkeypatch.setattr("isogloss.task.translating.learn_pairs",
                        lambda *about, **how: given.append(how["smoothing"]) or [])  # fmt: skip
    replace(TASK, smoothing=0.3).tune(folder=folder, train=train(4), tuning=BARELY, seed=0)
    assert given == [0.3]


def test_going_on_keeps_what_is_known_and_adds_tags_of_new_languages(solver, tmp_path):
    solver.save(tmp_path)
    rows = ciphers.sentences(8)
    new = ciphers.pairs("eng", "rus", rows).having({"to": ["deu_Latn"] * 8})
    on = TASK.tune(folder=open_folder(tmp_path, "x"), train=[new], tuning=BARELY, seed=0)
    assert list(on.tags) == [*solver.tags, "deu_Latn"] and on.seconds > solver.seconds
    assert {tag: on.tags[tag] for tag in solver.tags} == dict(solver.tags)
    test = ciphers.pairs("ell", "eng", ciphers.sentences(10, seed=5))
    assert on.tell(test).values == solver.tell(test).values


def of_bytes(folder):
    """In the place of its tokenizer one to which a word behind a space is another word."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = [before + word for before in ("", "Ġ") for word in (*ciphers.WORDS["eng"], "a")]
    names = ["<pad>", "</s>", "<unk>", *words]
    own = Tokenizer(models.WordLevel({name: i for i, name in enumerate(names)}, "<unk>"))
    own.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    own.decoder, own.post_processor = decoders.ByteLevel(), ciphers.tokenizer().post_processor
    PreTrainedTokenizerFast(
        tokenizer_object=own, pad_token="<pad>", eos_token="</s>", unk_token="<unk>",
        model_max_length=32,
    ).save_pretrained(folder)  # fmt: skip
    return folder


@pytest.mark.parametrize("kind", [lambda folder: folder, of_bytes])
def test_what_was_kept_reads_texts_behind_tags_as_it_was_taught(kind, tmp_path):
    folder = open_folder(kind(ciphers.save("bart", tmp_path / "made")), "made")
    test = ciphers.pairs("eng", "rus", ciphers.sentences(4))
    solver = open_translator(folder, TASK, train=[test])
    (tmp_path / "kept").mkdir()
    solver.save(tmp_path / "kept")
    local = LocalTranslator(tmp_path / "kept")
    before, _ = local._told_languages("eng_Latn", "rus_Cyrl")
    ids, _ = local._read([before + text for text in test.column("text")])
    front, back = solver.student.module.ends
    assert ids == [[*front, *read, *back] for read in solver._sources(test)[1]]


@pytest.mark.parametrize("shape", ["t5", "mt5", "marian", "mbart", "m2m", "bart"])
def test_every_shape_searches_as_a_plain_loop_over_its_logits(shape, tmp_path):
    folder = open_folder(ciphers.save(shape, tmp_path, padded=0), shape)
    examples = ciphers.pairs("eng", "ell", ciphers.sentences(4))
    solver = open_translator(folder, TASK, train=[examples], seed=1)
    module = solver.student.module.eval()
    ids = [solver.tags["ell_Grek"], *solver.cutter.texts(["sun rain"])[0].ids]
    source = torch.tensor([[*module.ends[0], *ids, *module.ends[1]]])
    begins = begins_of(module)
    told = list(begins)
    for _ in range(TASK.longest):
        with torch.no_grad():
            logits = module.body(input_ids=source, decoder_input_ids=torch.tensor([told])).logits
        logits[0, -1, list(solver.tags.values())] = -torch.inf
        told.append(int(logits[0, -1].argmax()))
        if told[-1] == end_of(module):
            break
    [(found, whole)] = solver._translated([np.array(ids)], "eng_Latn").values()
    wanted = told[len(begins) :]
    assert found == ([i for i in wanted if i != end_of(module)] if whole else wanted)


@pytest.mark.parametrize("shape", ["marian", "mbart", "m2m"])
def test_every_shape_is_taught_what_it_then_searches(shape, tmp_path):
    """What is trained on is the target that the decoder begins as its search does."""
    folder = open_folder(ciphers.save(shape, tmp_path, padded=1), shape)
    examples = ciphers.pairs("eng", "ell", ciphers.sentences(4))
    solver = TASK.tune(folder=folder, train=[examples], tuning=BARELY, seed=1)
    body = solver.student.module.body
    labels = torch.tensor([[5, 6, 1, -100]])
    seen = before_target(body, labels)
    assert seen[0, :1].tolist() == begins_of(solver.student.module) and seen[0, 1:3].tolist() == [
        5,
        6,
    ]
    read = {"input_ids": torch.tensor([[4, 5, 1]])}
    logits = body(**read, decoder_input_ids=seen).logits[0, :3]
    plain = torch.nn.functional.cross_entropy(logits, labels[0, :3])
    torch.testing.assert_close(plain, body(**read, labels=labels).loss)
    assert len(body.get_input_embeddings().weight) >= max(solver.tags.values()) + 1


def test_rows_that_pad_the_table_serve_first(folder):
    rows = ciphers.sentences(3)
    before = folder.config["vocab_size"]
    one = open_translator(folder, TASK, train=train(3, TRAINED[:2]))
    assert len(one.student.module.body.get_input_embeddings().weight) == before
    three = open_translator(folder, TASK, train=train(3))
    assert len(three.student.module.body.get_input_embeddings().weight) == before + 1
    assert three.student.module.body.config.vocab_size == before + 1
    assert len(rows) == 3


def test_tags_stand_behind_the_tokenizers_own_tokens():
    english, russian = TAG.format("eng_Latn"), TAG.format("rus_Cyrl")
    made, tags = with_tokens(ciphers.tokenizer(), [english, russian])
    own = ciphers.tokenizer().get_vocab_size()
    assert tags == {english: own, russian: own + 1}
    assert made.encode("<2rus_Cyrl>sun").ids[0] == own + 1
    again, same = with_tokens(made, [russian])
    assert same[russian] == own + 1 and again.get_vocab_size() == made.get_vocab_size()


def test_pairs_over_the_window_are_not_learned_from_and_noted(folder):
    some = ciphers.pairs("eng", "rus", [[0]] * 3)
    long = some.having({"text": ["sun " * 50, "sun", ""]})
    solver = TASK.tune(folder=folder, train=[long], tuning=BARELY, seed=0)
    [note] = [note for note in solver.notes if "not learned from" in note]
    assert "1 with more than" in note and "1 with no text or no translation" in note
    none = long.take([0, 2])
    with pytest.raises(TrainingError, match="no pair can be trained on"):
        TASK.tune(folder=folder, train=[none], tuning=BARELY, seed=0)


def test_models_that_cannot_translate_are_refused(folder, model_folder, tiny_body):
    with pytest.raises(ModelError, match="was taught no translations"):
        open_translator(folder, TASK)
    for path in (model_folder("gpt2"), tiny_body):
        with pytest.raises(ModelError, match="not a model of source and target"):
            open_translator(open_folder(path, "x"), TASK, train=train(2))

"""`isogloss transfer` on a suite of two languages: scores, protocol, resume, bad input."""

import json
import shutil
import sys

import numpy as np
import pytest
import torch

import isogloss
import labelled
from isogloss.cli.main import app
from isogloss.cli.transferring import strategy_table
from isogloss.errors import IsoglossError, SettingsError, UsageError
from isogloss.recipe.told import read_told
from isogloss.recipe.transfer_step import name_of
from isogloss.report.transfer import forgotten, transferred

SIZES = {"train": (60, 0), "dev": (12, 1), "test": (30, 2)}
SUITE = """
name = "kinds"
title = "Kinds of things"
citation = "none"
licence = "CC0"
[[tasks]]
name = "kind"
use = "classify.v1"
metric = "accuracy"
path = "{language}.{split}.tsv"
options = { id = "id", text = "text", label = "label" }
splits = { train = "train", dev = "dev", test = "test" }
n_way = true
"""


@pytest.fixture
def suite(tmp_path):
    """English, and German that is English with other letters at the ends of words."""
    folder = tmp_path / "kinds"
    folder.mkdir()
    for split, (n, seed) in SIZES.items():
        examples = labelled.texts(n, split=split, seed=seed)
        for tag, ends in (("eng", ""), ("deu", "en")):
            lines = ["id\ttext\tlabel"]
            for i, (text, label) in enumerate(
                zip(examples.column("text"), examples.column("label"), strict=True)
            ):
                # The same words stand in many of so few examples, so each has a word of its own.
                own = f"w{seed}x{i}w" * 3
                put = " ".join(w + ends for w in text.split())
                lines.append(f"{split}{i}\t{put} {own}\t{label}")
            (folder / f"{tag}.{split}.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    file = tmp_path / "kinds.toml"
    file.write_text(SUITE, encoding="utf-8")
    return file, folder


@pytest.fixture
def transfer(suite, tiny_body, tmp_path):
    file, data = suite

    def run(out="run", **options):
        given = {"learner": "probe", "seeds": [0, 1], "strategies": ["zero_shot", "target_labels"]}
        return isogloss.transfer(
            tiny_body, train=f"{file}/eng", data=str(data), out=tmp_path / out,
            **{**given, **options},
        )  # fmt: skip

    return run


def test_scores_by_seed_and_over_seeds_and_what_each_has_over_the_first(transfer):
    run = transfer()
    scores = run.scores
    for name in ("zero_shot", "target_labels"):
        seeds = [scores.one(measure="accuracy", strategy=name, language="deu_Latn", seed=s,
                            stage=None) for s in (0, 1)]  # fmt: skip
        over = list(scores.where(measure="accuracy", strategy=name, language="deu_Latn",
                                            seed=None, stage=None))  # fmt: skip
        assert len(over) == 1 and over[0].settings["values"] == [row.value for row in seeds]
        assert over[0].value == pytest.approx(np.mean([row.value for row in seeds]))
        assert over[0].low <= over[0].value <= over[0].high and over[0].n == 30
        assert all(row.settings["predict_ms"] > 0 for row in seeds)
    [change] = list(scores.where(stage="change", language="deu_Latn"))
    notes = transfer().provenance["notes"]
    assert any("no mixed-effects test over languages, as there are 1" in note for note in notes)
    assert change.strategy == "target_labels" and change.settings["against"] == "zero_shot"
    both = [np.mean([r.value for r in scores.where(measure="accuracy", strategy=name, stage=None,
            language="deu_Latn") if r.seed is not None])
            for name in ("zero_shot", "target_labels")]  # fmt: skip
    assert change.value == pytest.approx(both[1] - both[0])
    rules = {row.strategy: row.settings["rule"] for row in scores.where(seed=0)}
    assert rules["zero_shot"].endswith("no label of deu_Latn was seen")
    assert "60 labels of deu_Latn" in rules["target_labels"]


def test_what_became_of_the_source_is_told(transfer):
    scores = transfer().scores
    told = [row for row in scores if row.settings.get("forgetting")]
    assert {row.stage for row in told} == {"before", "after", "change"}
    assert all(row.language == "eng_Latn" and row.settings["target"] == "deu_Latn" for row in told)


def test_where_no_one_model_tells_the_source_is_not_told_of(suite, tiny_body, tmp_path):
    file, folder = suite
    for split in SIZES:
        text = (folder / f"deu.{split}.tsv").read_text(encoding="utf-8")
        (folder / f"fin.{split}.tsv").write_text(text.replace("en ", "a "), encoding="utf-8")
    run = isogloss.transfer(
        tiny_body, train=f"{file}/eng,deu", data=str(folder), out=tmp_path / "run", seeds=[0],
        learner="probe", strategies=["zero_shot", "vote"],
    )  # fmt: skip
    said = "transfer: vote: no one model told a target, so what became of eng_Latn is not told"
    assert said in run.provenance["notes"]


def test_before_is_zero_shot_transfer_wherever_it_stands(transfer):
    run = transfer(strategies=["target_labels", "zero_shot"], seeds=[0])
    told = [row for row in run.scores if row.settings.get("forgetting")]
    assert {row.strategy for row in told} == {"target_labels"}
    assert {row.settings["base"] for row in told} == {"zero_shot"}
    before, after, change = (next(r.value for r in told if r.stage == stage)
                             for stage in ("before", "after", "change"))  # fmt: skip
    assert change == pytest.approx(after - before) and before > after
    [sentence] = forgotten(run.scores)
    assert f"{before:.3f} by zero_shot and {after:.3f} by it" in sentence


def test_labels_that_no_source_has_are_warned_of(transfer, suite):
    _, folder = suite
    file = folder / "deu.test.tsv"
    file.write_text(file.read_text("utf-8").replace("\tfruit\n", "\tFruit\n", 1), "utf-8")
    notes = transfer(strategies=["zero_shot"], seeds=[0]).provenance["notes"]
    assert any(note.startswith("WARNING: transfer, deu_Latn: no source has Fruit")
               for note in notes)  # fmt: skip


def test_the_report_shows_strategies_and_rules(transfer):
    page = transfer().report.read_text(encoding="utf-8")
    assert "target_labels" in page and "no label of deu_Latn was seen" in page


def test_a_model_is_tuned_kept_and_knows_its_task(transfer):
    from isogloss.encode.folder import open_folder
    from isogloss.task.solver import open_tuned
    from isogloss.task.tasks.classify import ClassifyTask

    tuning = {"epochs": 6, "threads": 1, "batch": 16, "learning_rate": 3e-3}
    run = transfer(learner="tune", tuning=tuning, seeds=[0], strategies=["zero_shot"], keep=True)
    folder = run.folder / "files" / "transfer" / "zero_shot"
    solver = open_tuned(open_folder(folder, "kept"), ClassifyTask())
    test = labelled.texts(30, seed=2)
    right = np.mean([a == b for a, b in zip(solver.tell(test).values, test.column("label"),
                                            strict=True)])  # fmt: skip
    assert right > 0.8


def test_a_stopped_run_goes_on_with_what_it_had(transfer, monkeypatch):
    from isogloss.task import job

    asked, plain = [], job.attempt

    def stops(*given):
        if len(asked) == 2:
            raise KeyboardInterrupt
        asked.append(given[2])
        return plain(*given)

    monkeypatch.setattr(job, "attempt", stops)
    with pytest.raises(KeyboardInterrupt):
        transfer()
    asked.append("went on")
    run = transfer()
    assert len(asked) == 3 + 2  # four attempts, two of them before the stop
    monkeypatch.setattr(job, "attempt", plain)
    assert [r.value for r in run.scores] == [r.value for r in transfer("other").scores]


def test_another_run_makes_only_what_none_has_made(transfer, suite, tiny_body, monkeypatch):
    from isogloss.task import job

    asked, plain = [], job.attempt

    def counted(one, strategy, target):
        asked.append((one.seed, target))
        return plain(one, strategy, target)

    def made(out, **options):
        asked.clear()
        run = transfer(out, **options)
        return run, len(asked)

    monkeypatch.setattr(job, "attempt", counted)
    few, n = made("few", seeds=[0], strategies=["zero_shot"])
    assert n == 1
    more, n = made("more", seeds=[0, 1], leaks_by=str(tiny_body))
    assert n == 3
    said = (
        "transfer: 1 of 4 attempts were made before, by a run of the same model, data and "
        "settings; their times and memory are of then"
    )
    assert said in more.provenance["notes"]
    whole = {"measure": "accuracy", "strategy": "zero_shot", "seed": 0, "stage": None}
    assert few.scores.one(**whole).value == more.scores.one(**whole).value
    kept = {"seeds": [0, 1], "strategies": ["target_labels"], "keep": True}
    assert made("kept", **kept)[1] == 1  # of the first seed the model is to be left too
    assert made("tuned", seeds=[0], strategies=["zero_shot"], learner="tune",
                tuning={"epochs": 1, "threads": 1})[1] == 1  # fmt: skip
    _, folder = suite
    file = folder / "eng.train.tsv"
    file.write_text(file.read_text("utf-8").replace("train0\t", "train0\tnew ", 1), "utf-8")
    assert made("other", seeds=[0], strategies=["zero_shot"])[1] == 1


def test_a_translator_that_answers_in_another_language_is_refused(transfer, tmp_path):
    program = tmp_path / "turn.py"
    turned = "' '.join(word + {end!r} for word in reversed(line.split()))"
    for end, refused in (("en", False), ("", True)):
        program.write_text(
            f"import sys\nfor line in sys.stdin:\n    print({turned.format(end=end)})\n", "utf-8"
        )
        given = {"strategies": ["translate_train"], "seeds": [0],
                 "translator": f"command:{sys.executable} {program} # {end}"}  # fmt: skip
        if not refused:
            assert transfer("right", **given).scores
            continue
        with pytest.raises(IsoglossError, match="60 of 60 translations are not in deu_Latn"):
            transfer("wrong", **given)


@pytest.mark.parametrize("language", ["eng", "deu"])
def test_examples_of_the_sources_test_in_training_are_warned_of(transfer, suite, language):
    _, folder = suite
    train, test = folder / f"{language}.train.tsv", folder / "eng.test.tsv"
    planted = test.read_text(encoding="utf-8").splitlines()[5].replace("test4", "leaked")
    train.write_text(train.read_text(encoding="utf-8") + planted + "\n", encoding="utf-8")
    notes = transfer().provenance["notes"]
    where = f"WARNING: transfer, {language}_Latn and eng_Latn: training saw 1 of 30 test examples"
    assert any(note.startswith(where) for note in notes)


def test_examples_of_the_test_in_what_chooses_the_weights_are_warned_of(transfer, suite):
    _, folder = suite
    dev, test = (folder / name for name in ("eng.dev.tsv", "deu.test.tsv"))
    planted = test.read_text(encoding="utf-8").splitlines()[5].replace("test4", "leaked")
    dev.write_text(dev.read_text(encoding="utf-8") + planted + "\n", encoding="utf-8")
    tuned = {"learner": "tune", "tuning": {"epochs": 0.2}, "seeds": [0],
             "strategies": ["zero_shot"]}  # fmt: skip
    last = transfer("last", **tuned).provenance["notes"]
    assert not any("the choice of weights saw" in note for note in last)
    chosen = transfer("chosen", select="source-dev", **tuned).provenance["notes"]
    assert any(
        note.startswith("WARNING: transfer, eng_Latn and deu_Latn: the choice of weights saw 1 of "
                        "30 test examples (1 exact")
        for note in chosen
    )  # fmt: skip
    assert "transfer: no leak in 4 pairs of training data, or dev, and test" in chosen


def test_examples_of_the_test_in_parallel_text_are_warned_of(transfer, suite, tmp_path):
    _, folder = suite
    lines = (folder / "deu.test.tsv").read_text(encoding="utf-8").splitlines()[1:4]
    rows = ["\t".join(("the same", line.split("\t")[1])) for line in lines]
    text = tmp_path / "both.tsv"
    text.write_text("\n".join(["eng\tdeu", *rows]) + "\n", encoding="utf-8")
    run = transfer(parallel=str(text), seeds=[0], strategies=["zero_shot"])
    assert any(
        note.startswith("WARNING: transfer, both.tsv and deu_Latn") and "3 of 30 test" in note
        for note in run.provenance["notes"]
    )


def test_translations_of_training_data_are_found_by_vectors_where_no_id_tells(
    transfer, suite, tiny_body, monkeypatch
):
    file, folder = suite
    file.write_text(file.read_text(encoding="utf-8").replace("n_way = true", ""), encoding="utf-8")
    told = {"strategies": ["zero_shot"], "seeds": [0]}
    notes = transfer(**told).provenance["notes"]
    assert any("in 2 of all pairs no translations were looked for" in note for note in notes)
    known = {}

    def vectors(encoder, texts, language):  # as of an encoder to which languages are alike
        keys = [text.split()[-1] if "leaked" in text else f"{language} {text}" for text in texts]
        rows = [known.setdefault(key, len(known)) for key in keys]
        drawn = [np.random.default_rng(row).normal(size=32) for row in rows]
        return np.array([one / np.linalg.norm(one) for one in drawn], np.float32), np.ones(
            len(rows)
        )

    monkeypatch.setattr("isogloss.task.vectors.unit_vectors", vectors)
    for name in ("eng.train", "deu.test"):
        with (folder / f"{name}.tsv").open("a", encoding="utf-8") as out:
            out.write(f"{name}\t{'one thing' if name[0] == 'e' else 'eine Sache'} leaked\tfruit\n")
    notes = transfer("found", leaks_by=str(tiny_body), **told).provenance["notes"]
    assert "WARNING: transfer, eng_Latn and deu_Latn: training saw 1 of 31 test examples" in str(
        notes
    )
    assert "(1 translation)" in str(notes) and "no translations were looked for" not in str(notes)


def test_other_data_are_another_run(transfer, suite):
    _, folder = suite
    transfer()
    file = folder / "deu.train.tsv"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("\tfruit", "\tbeast", 1), encoding="utf-8")
    with pytest.raises(IsoglossError, match="holds another run"):
        transfer()


def test_strategies_and_their_settings_are_checked_before_anything_runs(transfer):
    with pytest.raises(SettingsError, match="few_shot: shot: unknown key"):
        transfer(strategies=["zero_shot", {"use": "few_shot", "shot": 3}])
    with pytest.raises(SettingsError, match="of the same name"):
        transfer(strategies=["zero_shot", "zero_shot"])
    with pytest.raises(SettingsError, match=r"zero\.v1|no strategy"):
        transfer(strategies=["zero"])


def test_what_a_strategy_lacks_is_named_with_strategy_target_and_seed(transfer):
    match = r"few_shot continued=True for deu_Latn, seed 0: .*goes on from another"
    with pytest.raises(UsageError, match=match):
        transfer("other", strategies=[{"use": "few_shot", "continued": True}])


@pytest.mark.parametrize(("strategy", "said"), [
    ({"use": "translate_test"}, "translate_test needs a translator: give --translator"),
    ({"use": "code_switch"}, "needs dictionaries"), ({"use": "stacked"}, "needs other models"),
    ({"use": "projected"}, "needs parallel text"),
    ({"use": "projected", "through": "translation"}, "through=translation needs a translator"),
    ({"use": "projected_hmm"}, "projected_hmm needs parallel text: give --parallel"),
    ({"use": "vote"}, "several source languages"), ({"use": "ranked"}, "several source languages"),
    ({"use": "rewritten"}, "needs what is done with the words of a class"),
])  # fmt: skip
def test_what_a_strategy_needs_is_told_before_others_are_trained(transfer, strategy, said):
    with pytest.raises(SettingsError, match=said):
        transfer(strategies=["zero_shot", strategy])


@pytest.mark.parametrize(("acts", "settings", "said"), [
    ({"a": "lexicon:none.tsv"}, {}, r"none\.tsv"), ({"a": "letter:x"}, {}, "one of maltese"),
    ({"a": "maltese_to_arabic"}, {}, "nothing by which a word is a"),
    ({"a": "maltese_to_arabic"}, {"every": "b"}, "nothing is said of words that are 'b'"),
    ({"a": "translate:fra"}, {"every": "a"}, "translate:fra needs a translator"),
])  # fmt: skip
def test_what_words_are_rewritten_by_is_read_before_others_are_trained(
    transfer, acts, settings, said
):
    with pytest.raises(SettingsError, match=said):
        transfer(strategies=["zero_shot", {"use": "rewritten", **settings}], acts=acts)


def test_words_are_rewritten_from_the_command_line(suite, tiny_body, tmp_path):
    from typer.testing import CliRunner

    file, data = suite
    words = [word for kind in labelled.KINDS.values() for word in kind] + labelled.OTHERS
    classes, back = tmp_path / "classes.tsv", tmp_path / "back.tsv"
    lines = [f"{word}en\tgerman\n" for word in words] + [f"{word}\tother\n" for word in words]
    classes.write_text("".join(lines), encoding="utf-8")
    back.write_text("".join(f"{word}en\t{word}\n" for word in words), encoding="utf-8")
    told = ["transfer", str(tiny_body), "--train", f"{file}/eng", "--data", str(data),
            "--strategy", "zero_shot,rewritten", "--learner", "probe", "--seeds", "0",
            "--act", f"german=lexicon:{back}", "--act", "other=leave",
            "--word-classes", str(classes), "--out", str(tmp_path / "out"), "--json"]  # fmt: skip
    shown = CliRunner().invoke(app, told)
    assert shown.exit_code == 0, shown.output
    wanted = {"strategy": "rewritten", "measure": "accuracy", "seed": 0, "stage": None}
    [row] = [row for row in json.loads(shown.stdout) if wanted.items() <= row.items()
             and row["language"] == "deu_Latn"]  # fmt: skip
    test = labelled.texts(30, seed=2).column("text")
    counts = row["settings"]["words"]
    assert counts["test, german: rewritten"] >= sum(len(text.split()) for text in test)
    back.write_text(back.read_text("utf-8").replace("\tcat", "\tdog"), encoding="utf-8")
    again = CliRunner().invoke(app, told)
    assert again.exit_code and "holds another run" in again.output + str(again.exception)


def test_a_suite_without_a_language_is_refused(transfer, tiny_body, tmp_path):
    with pytest.raises(UsageError, match="names no suite and language"):
        isogloss.transfer(tiny_body, train="sib200", out=tmp_path / "x")


def test_strategies_on_the_command_line():
    assert strategy_table("few-shot:shots=5:continued=true") == {
        "use": "few_shot", "shots": 5, "continued": True,
    }  # fmt: skip
    assert strategy_table("code_switch:into=all") == {"use": "code_switch", "into": "all"}
    assert name_of({"use": "few_shot.v1", "shots": 5}) == "few_shot shots=5"
    with pytest.raises(UsageError, match="no setting"):
        strategy_table("few_shot:5")


def test_the_command_prints_a_table_and_json(suite, tiny_body, tmp_path):
    from typer.testing import CliRunner

    file, data = suite
    told = ["transfer", str(tiny_body), "--train", f"{file}/eng", "--data", str(data),
            "--strategy", "zero_shot,target_labels", "--learner", "probe", "--seeds", "0,1",
            "--out", str(tmp_path / "out")]  # fmt: skip
    shown = CliRunner(env={"COLUMNS": "200"}).invoke(app, told)
    assert shown.exit_code == 0 and "German (deu_Latn)" in shown.output
    for words in ("Transfer gap: accuracy", "What it took", "memory", "one alone",
                  "Score beside cost", "beaten by"):  # fmt: skip
        assert words in shown.output
    again = CliRunner().invoke(app, [*told, "--json"])
    rows = json.loads(again.stdout)
    assert {row["strategy"] for row in rows} == {"zero_shot", "target_labels"}
    costs = {
        (row["strategy"], row["seed"]): row["settings"] for row in rows
        if row["language"] == "deu_Latn" and row["measure"] == "accuracy" and not row["stage"]
    }  # fmt: skip
    assert len(costs) == 6  # two seeds and their mean
    for (name, _), told in costs.items():
        assert told["latency_ms"] > 0 and told["align_seconds"] == 0
        assert told["translations"] == {"texts": 0, "characters": 0, "calls": 0, "seconds": 0}
        assert told["in_use"]["examples"] == 30
        assert told["peak_memory"] is None or told["peak_memory"] >= 0
        assert told["target_labels"] == (60 if name == "target_labels" else 0)
    provenance = json.loads((tmp_path / "out" / "provenance.json").read_text(encoding="utf-8"))
    assert any("peak memory is" in note for note in provenance["notes"])


def test_two_trainings_that_begin_alike_do_not_share_a_checkpoint(tiny_body, tmp_path):
    """Labels differ behind the first batch only, which is all that the loop's key looks at."""
    from isogloss.encode.folder import open_folder
    from isogloss.progress import silent
    from isogloss.task.learners import TuneModel
    from isogloss.task.pieces import Pieces
    from isogloss.task.solver import Tuning
    from isogloss.task.tasks.classify import ClassifyTask

    swap = {"fruit": "beast", "beast": "fruit"}
    one, tuning = labelled.texts(60), Tuning(epochs=4, threads=1, batch=8, checkpoint_every=2)
    pieces = Pieces([object()] * 60, ["eng_Latn"] * 60, 8, {})
    from isogloss.task import pieces as module

    first = {int(i) for i in module._order(len(pieces.pieces), 0, 0)[:8]}
    labels = [x if i in first else swap[x] for i, x in enumerate(one.column("label"))]
    other = one.having({"label": labels})

    def teach(examples, scratch, name):
        learner = TuneModel(open_folder(tiny_body, "tiny"), tuning, scratch)
        return learner.teach(ClassifyTask(), [examples], seed=0, after=None, watch=None,
                             start=silent, changes={"learning_rate": 3e-3}, name=name)  # fmt: skip

    test = labelled.texts(20, seed=2)
    teach(one, tmp_path / "a", "one")
    after = teach(other, tmp_path / "a", "other").tell(test)
    alone = teach(other, tmp_path / "b", "other").tell(test)
    for one_guess, same in zip(after.guesses, alone.guesses, strict=True):
        np.testing.assert_array_equal(one_guess.shares, same.shares)


def test_a_model_for_each_target_is_kept_and_one_for_all_once(transfer, suite):
    _, folder = suite
    for split in SIZES:
        text = (folder / f"deu.{split}.tsv").read_text(encoding="utf-8")
        (folder / f"fin.{split}.tsv").write_text(text.replace("en ", "a "), encoding="utf-8")
    strategies = ["zero_shot", "target_labels", {"use": "zero_shot", "name": "again"}]
    run = transfer(keep=True, seeds=[0], strategies=strategies)
    kept = run.folder / "files" / "transfer"
    assert sorted(f.name for f in (kept / "target_labels").iterdir()) == ["deu_Latn", "fin_Latn"]
    for name in ("zero_shot", "again"):  # told by one and the same solver
        assert (kept / name / "task" / "task.json").is_file()
    means = [row for row in run.scores if row.language is None and "values" in row.settings]
    assert all("rule" not in row.settings for row in means if row.strategy == "target_labels")


def test_a_stopped_run_keeps_what_it_would_have_kept(transfer, suite, monkeypatch):
    from isogloss.task import job

    _, folder = suite
    for split in SIZES:
        text = (folder / f"deu.{split}.tsv").read_text(encoding="utf-8")
        (folder / f"fin.{split}.tsv").write_text(text.replace("en ", "a "), encoding="utf-8")
    asked, plain = [], job.attempt

    def stops(*given):
        if len(asked) in (1, 3):
            asked.append("stopped")
            raise KeyboardInterrupt
        asked.append(given[2])
        return plain(*given)

    monkeypatch.setattr(job, "attempt", stops)
    told = {"keep": True, "seeds": [0], "strategies": ["zero_shot", "target_labels"]}
    for _ in range(2):  # between the targets of the first strategy, and behind them
        with pytest.raises(KeyboardInterrupt):
            transfer(**told)
    kept = transfer(**told).folder / "files" / "transfer"
    assert (kept / "zero_shot" / "task" / "task.json").is_file()
    assert sorted(f.name for f in (kept / "target_labels").iterdir()) == ["deu_Latn", "fin_Latn"]


def test_a_strategy_may_begin_from_the_model_of_an_earlier_step(suite, tiny_body, tmp_path):
    from transformers import BertConfig, BertModel

    file, data = suite
    other = tmp_path / "other"
    shutil.copytree(tiny_body, other)
    torch.manual_seed(1)
    BertModel(BertConfig.from_pretrained(tiny_body)).save_pretrained(other)

    def run(model, *strategies, path=other):
        step = {
            "use": "transfer.v1", "name": "t", "model": model, "suite": str(file), "seeds": [0],
            "data": str(data), "source": ["eng"], "targets": ["deu"], "strategies": strategies,
            "tuning": {"epochs": 2, "threads": 1, "learning_rate": 1e-2},
        }  # fmt: skip
        steps = [{"use": "open_model.v1", "name": "other", "path": str(path)}, step]
        recipe = {"name": "r", "title": "r", "model": str(tiny_body), "pivot": "eng",
                  "steps": steps}  # fmt: skip
        made = isogloss.run(recipe, out=tmp_path / f"{model}-{len(strategies)}")
        return made.scores, {one.strategy: one.values for one in read_told(made.folder)}

    plain, named = {"use": "zero_shot"}, {"use": "zero_shot", "model": "other"}
    (scores, both), (_, alone) = run("teacher", plain, named), run("other", plain)
    second = "zero_shot model=other"
    assert both[second] == alone["zero_shot"] != both["zero_shot"]
    systems = {row.strategy: row.system for row in scores if row.strategy}
    assert systems[second] == "other" != systems["zero_shot"]
    _, again = run("teacher", named, path=tiny_body)  # another model of that name
    assert again[second] == both["zero_shot"]
    with pytest.raises(SettingsError, match=r"strategies\.0\.model: nothing earlier is called 'x'"):
        run("teacher", {"use": "zero_shot", "model": "x"})


def test_with_enough_languages_the_report_says_what_holds_of_others(transfer, suite):
    from typer.testing import CliRunner

    file, folder = suite
    for at, tag in enumerate(("fin", "swe", "dan", "nld")):
        for split in SIZES:
            text = (folder / f"deu.{split}.tsv").read_text(encoding="utf-8")
            (folder / f"{tag}.{split}.tsv").write_text(text.replace("en ", "aiou"[at] + " "),
                                                       encoding="utf-8")  # fmt: skip
    run = transfer(seeds=[0])
    [effect] = [row for row in run.scores if str(row.settings.get("test", "")).startswith("t test")]
    assert effect.strategy == "target_labels" and effect.language is None
    assert len(effect.settings["languages"]) == 5 and effect.settings["against"] == "zero_shot"
    changes = [row.value for row in run.scores.where(stage="change", strategy="target_labels")
               if row.language and "against" in row.settings]  # fmt: skip
    assert effect.value == pytest.approx(np.mean(changes))
    page = run.report.read_text(encoding="utf-8")
    assert "in languages like these 5" in page and "In other languages like these" in page
    shown = CliRunner().invoke(app, [
        "transfer", effect.system, "--train", f"{file}/eng", "--data", str(folder), "--learner",
        "probe", "--seeds", "0", "--strategy", "zero_shot,target_labels", "--out",
        str(folder.parent / "again"),
    ])  # fmt: skip
    assert shown.exit_code == 0 and "In other languages like these 5" in shown.output


def test_rows_in_another_order_are_not_taken_for_translations(transfer, suite):
    from isogloss.recipe.transfer_data import TransferData

    file, folder = suite
    data = TransferData(str(file), "", ["eng"], [], str(folder))
    assert data.parallel
    text = (folder / "deu.test.tsv").read_text(encoding="utf-8").splitlines()
    turned = "\n".join([text[0], *text[:0:-1]]) + "\n"
    (folder / "fin.test.tsv").write_text(turned, encoding="utf-8")
    assert not TransferData(str(file), "", ["eng"], [], str(folder)).parallel


def test_seeds_are_numbers_of_their_own_and_names_are_no_paths(transfer):
    with pytest.raises(SettingsError, match="a seed twice"):
        transfer(seeds=[0, 0])
    with pytest.raises(SettingsError, match="seeds"):
        transfer(seeds=[-1])
    with pytest.raises(SettingsError, match="cannot have the name"):
        transfer(strategies=[{"use": "zero_shot", "name": "../up"}])
    with pytest.raises(SettingsError, match="no steps to choose from"):
        transfer(select="source-dev")


def test_the_measure_of_the_suite_comes_first_and_is_compared(transfer, suite):
    file, folder = suite
    file.write_text(SUITE.replace('"accuracy"', '"macro_f1"'), encoding="utf-8")
    # Wrong gold in one class alone, so that no model is as right by one measure as by the other.
    head, *lines = (folder / "deu.test.tsv").read_text("utf-8").splitlines()
    first, second = sorted({line.split("\t")[2] for line in lines})[:2]
    wrong = [line for line in lines if line.endswith(f"\t{first}")][:6]
    lines = [line.removesuffix(first) + second if line in wrong else line for line in lines]
    (folder / "deu.test.tsv").write_text("\n".join([head, *lines]) + "\n", "utf-8")
    run = transfer(seeds=[0])
    assert {row.measure for row in run.scores.where(stage="change")} == {"macro_f1"}
    assert transferred(run.scores)[0].measure == "macro_f1"
    assert "macro F1" in run.report.read_text(encoding="utf-8")
    for gap in run.scores.where(measure="transfer_gap"):
        where = {"strategy": gap.strategy, "language": gap.language, "seed": None, "stage": None}
        by = {name: run.scores.where(measure=name, **where)[0].value
              for name in ("macro_f1", "accuracy")}  # fmt: skip
        assert gap.settings["target"] == pytest.approx(by["macro_f1"])
        assert gap.settings["of"] == "macro_f1"
        assert by["macro_f1"] != by["accuracy"]


def test_the_best_weights_are_those_by_the_measure_of_the_suite(transfer, suite, monkeypatch):
    from isogloss.task import solver

    file, _ = suite
    file.write_text(SUITE.replace('"accuracy"', '"macro_f1"'), encoding="utf-8")
    asked = []
    own = solver._watched
    monkeypatch.setattr(solver, "_watched", lambda *given: asked.append(given[-1]) or own(*given))
    transfer(
        learner="tune", tuning={"epochs": 0.2}, seeds=[0], strategies=["zero_shot"],
        select="source-dev",
    )  # fmt: skip
    assert asked == ["macro_f1"]


def test_a_measure_that_the_task_does_not_have_is_told_before_the_work(transfer, suite):
    file, _ = suite
    file.write_text(SUITE.replace('"accuracy"', '"acuracy"'), encoding="utf-8")
    with pytest.raises(UsageError, match=r"no measure 'acuracy'\n.*accuracy, macro_f1"):
        transfer()


def test_a_language_that_is_named_twice_is_one_target(suite):
    from isogloss.recipe.transfer_data import TransferData

    file, folder = suite
    assert TransferData(str(file), "", ["eng"], ["deu", "de"], str(folder)).targets == ["deu_Latn"]


def test_a_suite_without_a_source_is_told(transfer, tiny_body, tmp_path, suite):
    with pytest.raises(UsageError, match="names no suite and language"):
        isogloss.transfer(tiny_body, train=str(suite[0]), out=tmp_path / "run")


@pytest.mark.parametrize("tag", ["deu", "eng"])
def test_a_test_of_one_example_is_refused_before_the_work(transfer, suite, tag):
    _, folder = suite
    file = folder / f"{tag}.test.tsv"
    file.write_text("".join(file.read_text("utf-8").splitlines(keepends=True)[:2]), "utf-8")
    with pytest.raises(UsageError, match=f"the test of {tag}_Latn has a single example"):
        transfer()


def test_notes_of_both_suites_are_told_where_they_have_one_name(suite, tiny_body, tmp_path):
    file, folder = suite
    other = tmp_path / "other.toml"
    for one, note in ((file, "begun"), (other, "asked")):
        one.write_text(SUITE.replace("[[tasks]]", f'notes = ["{note}"]\n[[tasks]]'), "utf-8")
    run = isogloss.transfer(
        tiny_body, train=f"{file}/eng", test=str(other), data=str(folder), out=tmp_path / "run",
        learner="probe", seeds=[0],
    )  # fmt: skip
    assert {"kinds: begun", "kinds: asked"} <= set(run.provenance["notes"])


def test_near_duplicates_that_were_not_compared_are_counted(transfer, suite, monkeypatch):
    _, folder = suite
    told = {"strategies": ["zero_shot"]}
    text = "the very same words stand in all of these"
    for split in ("train", "test"):
        with (folder / f"eng.{split}.tsv").open("a", encoding="utf-8") as out:
            out.writelines(f"{split}{k}\t{text} {split[1]}{k}\tfruit\n" for k in range(900, 905))
    said = "pairs that may be near duplicates were not compared, as too many texts are alike"
    assert not any(said in note for note in transfer(**told).provenance["notes"])
    monkeypatch.setattr("isogloss.task.leaks.BUCKET", 2)
    notes = transfer("other", seeds=[2], **told).provenance["notes"]
    [note] = [note for note in notes if said in note]
    assert int(note.split()[1]) > 0


def test_a_source_without_a_test_is_told(transfer, suite):
    (suite[1] / "eng.test.tsv").unlink()
    run = transfer(seeds=[0], strategies=["zero_shot"])
    assert any("eng_Latn has no test" in note for note in run.provenance["notes"])


def test_models_of_earlier_steps_are_named_once(transfer, tiny_body):
    with pytest.raises(SettingsError, match="deu has one of the folders already"):
        transfer(made={"deu": "step"}, folders={"deu": str(tiny_body)})
    with pytest.raises(SettingsError, match=r"made\.deu: nothing earlier is called 'step'"):
        transfer(made={"deu": "step"})


def test_the_gap_to_the_source_is_that_of_the_same_model(transfer):
    scores = transfer(strategies=["zero_shot", "target_labels"]).scores
    for name in ("zero_shot", "target_labels"):
        [gap] = scores.where(measure="transfer_gap", strategy=name)
        [reached] = [
            row for row in scores.where(measure="accuracy", strategy=name, seed=None, stage=None)
            if row.language == "deu_Latn"
        ]  # fmt: skip
        assert gap.settings["target"] == pytest.approx(reached.value)
        assert gap.value == pytest.approx(gap.settings["source"] - reached.value)
        assert gap.low <= gap.value <= gap.high and gap.interval.endswith("paired")
    [back] = scores.where(stage="after", strategy="target_labels", language="eng_Latn")
    assert gap.settings["source"] == pytest.approx(back.value)

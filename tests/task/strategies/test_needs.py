"""What a strategy says it needs is what it needs, and what people read says the same."""

import inspect
import re
from dataclasses import replace
from pathlib import Path

import pytest

import labelled
from bag_learner import BagLearner
from isogloss import registry
from isogloss.cli.transferring import strategy_table, transfer
from isogloss.errors import IsoglossError, UsageError
from isogloss.recipe.factors import known_factor
from isogloss.task.job import Job, Means
from isogloss.task.needs import BROUGHT, needs, needs_of
from isogloss.task.tasks.classify import ClassifyTask
from isogloss.task.tasks.tag import TagTask
from loading import load

_conftest, _votes = load("task/strategies/conftest.py"), load("task/strategies/test_vote.py")
_projected = load("task/strategies/test_projected.py")
TARGET = _projected.TARGET
OF_WORDS = {"projected.v1": labelled.words, "crop.v1": labelled.words,
            "projected_hmm.v1": _votes.parts}  # fmt: skip
REQUIRED = {"bridged.v1": {"through": "eng"}}  # settings that have no default
BESIDE = {"propose": {"through": "translation", "carry": "candidates"}}  # what others go with
EVERY = pytest.mark.parametrize("name", registry.names("strategy"))


def ways(name):
    """The settings under which a strategy says that it needs something else, or something."""
    by_setting = getattr(registry.get("strategy", name), "needs", ((), {}))[1]
    told = [BESIDE.get(setting, {}) | {setting: value}
            for setting, values in by_setting.items() for value in values]  # fmt: skip
    return [REQUIRED.get(name, {}) | one for one in told or [{}]]


def job_of(name, brought, tmp_path):
    """A job of labels that the strategy fits, and of what was brought."""
    make = OF_WORDS.get(name, labelled.texts)

    def examples(language, split):
        found = make(60, split=split, seed=_conftest.SEEDS[split])
        return found if language == "eng_Latn" else _conftest.backwards(found, language)

    lexicon = tmp_path / "en-de.tsv"
    lexicon.write_text("".join(f"{w}\t{w[::-1]}\n" for w in labelled.OTHERS), encoding="utf-8")
    every = {"translator": _projected.Turned(), "lexicons": {TARGET: lexicon},
             "parallel": _projected.parallel(), "folders": {TARGET: tmp_path},
             "acts": {"word": f"lexicon:{lexicon}"}}  # fmt: skip
    means = replace(
        Means(encoder=_projected.Letters()), **{n: every[n] for n in brought if n in every}
    )
    task = TagTask() if name in OF_WORDS else ClassifyTask()
    source = ["eng_Latn", "fra_Latn"] if "source" in brought else ["eng_Latn"]
    return Job(task, source, examples, BagLearner(), 0, means, tmp_path / "solvers")


def refusal(name, settings, brought, tmp_path):
    """What the strategy says if it refuses, else nothing."""
    try:
        registry.get("strategy", name)(job_of(name, brought, tmp_path), TARGET, **settings)
    except IsoglossError as error:
        return f"{error.message} / {error.remedy}"
    return ""


@EVERY
def test_without_what_it_says_it_needs_a_strategy_names_the_option(name, tmp_path):
    for settings in ways(name):
        own = needs_of(registry.get("strategy", name), settings)
        for need in ["proposer"] if "proposer" in own else own:  # it is asked for first
            said = refusal(name, settings, BROUGHT.keys() - {need}, tmp_path)
            assert BROUGHT[need].option.split()[0] in said


@EVERY
def test_a_strategy_needs_nothing_that_it_does_not_say(name, tmp_path):
    for settings in ways(name):
        own = needs_of(registry.get("strategy", name), settings)
        if "proposer" in own:  # a model of source and target: see test_projected
            continue
        said = refusal(name, settings, own, tmp_path)
        assert "needs" not in said
        others = [option.split()[0] for need, (_, option) in BROUGHT.items() if need not in own]
        assert not [option for option in others if option in said]


def test_a_setting_decides_and_its_default_does_where_it_is_left_out():
    @needs("lexicons", through={"translation": "translator", "parallel": "parallel"})
    def strategy(job, target, *, through="parallel", other=1): ...

    assert needs_of(strategy, {"other": 2}) == ["lexicons", "parallel"]
    assert needs_of(strategy, {"through": "translation"}) == ["lexicons", "translator"]
    assert needs_of(strategy, {"through": "nothing"}) == ["lexicons"]
    assert needs_of(lambda job, target: None, {}) == []
    with pytest.raises(UsageError, match=r"nobody brings 'money'.*\n.*translator"):
        needs(through={"bank": "money"})


def test_the_table_in_the_docs_has_every_strategy_its_settings_and_what_it_needs():
    text = (Path(__file__).parents[3] / "docs" / "task.md").read_text(encoding="utf-8")
    cells = re.findall(r"^\| (`\w+\.v\d+`(?:, `\w+\.v\d+`)*) \| (.*) \|(.*)\|$", text, re.MULTILINE)
    known = registry.names("strategy")
    rows = [(name, does, wants) for names, does, wants in cells
            for name in re.findall(r"[\w.]+", names) if name in known]  # fmt: skip
    assert sorted(name for name, _, _ in rows) == known
    options = {f"--{one.replace('_', '-')}" for one in inspect.signature(transfer).parameters}
    for name, does, wants in rows:
        strategy = registry.get("strategy", name)
        said = set(re.findall(r"--[a-z-]+", wants))
        own = {need for settings in ways(name) for need in needs_of(strategy, settings)}
        assert said <= options
        assert said == {BROUGHT[need].option.split()[0] for need in own - {"source"}}
        assert ("several sources" in wants) == ("source" in own)
        for code in re.findall(r"`([^`]*)`", f"{does} {wants}"):
            if "=" in code:  # such as likelihood:unit=token, or continued=true
                known_factor("strategy", strategy_table(
                    code if code.startswith(name[:-3]) else f"{name[:-3]}:{code}"
                ))  # fmt: skip
            elif not code.startswith("--"):
                assert code in inspect.signature(strategy).parameters or f"{code}.v1" in known

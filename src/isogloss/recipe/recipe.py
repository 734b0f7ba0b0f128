"""A recipe: the model, the text and the steps of a run, as TOML says them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field

from isogloss import registry
from isogloss.errors import SettingsError
from isogloss.recipe.step import Step
from isogloss.settings import Settings, read_settings, read_toml


class Text(Settings):
    """Where a corpus lies and under what licence the user has it."""

    path: str
    licence: str | None = None


class Recipe(Settings):
    """What a run does.

    Attributes:
        name: of the run, for people.
        title: one line that says what it is about.
        model: the model it starts from; steps call it `teacher`. A run whose steps need none may
            leave it out.
        pivot: the language everything is compared with.
        languages: the languages it is about; empty means all that the texts share.
        seed: of everything random.
        text: corpora by the name that steps use; a run whose steps read none may leave it out.
        steps: what is done, in order; each has a `use`, a `name` and its own settings.
        network: whether models and corpora may be fetched.
        strict: refuse texts longer than the model's window instead of counting them.
    """

    name: str = Field(pattern=r"[A-Za-z0-9._-]+")
    title: str = ""
    model: str | None = None
    pivot: str = "eng"
    languages: tuple[str, ...] = ()
    seed: int = 0
    text: dict[str, Text] = Field(default_factory=dict)
    steps: tuple[dict[str, Any], ...]
    network: bool = False
    strict: bool = False


def read_recipe(
    source: str | Path | dict[str, Any], changes: Mapping[str, Any] | None = None
) -> tuple[Recipe, list[Step]]:
    """A recipe and its checked steps, from a TOML file or a dictionary.

    Relative paths of texts are kept as they are, relative to where the command runs.

    Args:
        source: the file or the dictionary.
        changes: keys of the recipe to take instead, such as `seed`; of `text`, those it names.

    Raises:
        SettingsError: all problems at once, each with its path.
    """
    file = None if isinstance(source, dict) else Path(source)
    values = dict(source) if isinstance(source, dict) else read_toml(source)
    others = dict(changes or {})
    own, texts = dict(values.get("text", {})), others.pop("text", {})
    problems = [
        f"text.{name}: the recipe has no such text; it has {', '.join(own)}"
        for name in texts
        if name not in own
    ]
    recipe = read_settings(Recipe, {**values, **others, "text": {**own, **texts}}, file=file)
    steps: list[Step] = []
    known = {*recipe.text} | ({"teacher"} if recipe.model else set())
    for index, values in enumerate(recipe.steps):
        where = f"steps.{index}"
        use = values.get("use")
        if not isinstance(use, str):
            problems.append(f"{where}.use: required, one of {', '.join(registry.names('step'))}")
            continue
        step = read_step(use, values, where, problems)
        if step is None:
            continue
        problems += [
            f"{where}.{key}: nothing earlier is called {name!r}; there is "
            + ", ".join(sorted(known))
            for key, name in step.needs().items()
            if name not in known
        ]
        problems += [f"{where}.{problem}" for problem in step.check({s.name: s for s in steps})]
        if step.name in known:
            problems.append(f"{where}.name: {step.name!r} is taken")
        known.add(step.name)
        steps.append(step)
    if not recipe.steps:
        problems.append("steps: at least one is needed")
    if problems:
        raise SettingsError(problems, file=file)
    return recipe, steps


def read_step(use: str, values: dict[str, Any], where: str, problems: list[str]) -> Step | None:
    """One step from its table; its problems are added to `problems`."""
    from isogloss.errors import UnknownName

    try:
        kind = registry.get("step", use)
        full = registry.full_name("step", use)
        return read_settings(kind, {**values, "use": full})
    except SettingsError as error:
        problems += [f"{where}.{problem}" for problem in error.problems]
    except UnknownName as error:
        problems.append(f"{where}.use: {error.message}; {error.remedy}")
    return None

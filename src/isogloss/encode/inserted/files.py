"""What was put into a body, in files beside it: `inserted.json` and `inserted.safetensors`."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from isogloss import registry
from isogloss.encode.folder import read_object
from isogloss.encode.inserted.now import Now
from isogloss.errors import IsoglossError, ModelError
from isogloss.files import atomic_folder, write_json
from isogloss.settings import read_keywords

ABOUT, WEIGHTS = "inserted.json", "inserted.safetensors"
SWITCHED = ("per_language.v1", "branches.v1")
"""Modules of each language, whose weights are `sets.<site>.<language>.<name>`."""


@dataclass(frozen=True)
class Part:
    """One registered thing that was put into a body.

    Attributes:
        use: its registered name.
        settings: of it.
    """

    use: str
    settings: dict[str, Any]


def put_in(body: Any, now: Now, part: Part) -> nn.Module:
    """Put a part into a body of transformers, with its first values.

    Raises:
        UnknownName: nothing is registered so.
        SettingsError: settings that it has not.
    """
    build = registry.get("inserted", part.use)
    return build(body, now, **read_keywords(build, part.settings))


def save_parts(folder: Path, body: Any, parts: Sequence[Part], modules: nn.ModuleList) -> None:
    """Write parts, each with its module, into the folder of a body."""
    from safetensors.torch import save_file

    weights = {name: value.contiguous() for name, value in modules.state_dict().items()}
    save_file(weights, folder / WEIGHTS)
    write_json(folder / ABOUT, {"for": _shape(body), "parts": [asdict(part) for part in parts]})


def load_parts(folder: Path, body: Any, now: Now) -> tuple[list[Part], nn.ModuleList]:
    """Put what a folder says into its body; a folder that says nothing has no parts.

    Raises:
        ModelError: files that are cut short, or of another architecture.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if not (folder / ABOUT).is_file():
        return [], nn.ModuleList()
    made_for, parts = _read(folder)
    if made_for != (own := _shape(body)):
        raise ModelError(
            f"the modules are for {_told(made_for)}, and the body is {_told(own)}",
            file=folder / ABOUT, remedy="put them beside the body that they were trained in",
        )  # fmt: skip
    state = torch.random.get_rng_state()
    try:
        modules = nn.ModuleList([put_in(body, now, part) for part in parts])
    except IsoglossError as error:
        raise ModelError(error.message, file=folder / ABOUT, remedy=error.remedy) from None
    torch.random.set_rng_state(state)  # first values are read over
    try:
        weights = load_file(folder / WEIGHTS)
    except (OSError, SafetensorError) as error:
        raise ModelError(f"cannot be read: {error}", file=folder / WEIGHTS) from None
    wanted = modules.state_dict()
    wrong = sorted(weights.keys() ^ wanted.keys())
    wrong += [n for n, w in weights.items() if n in wanted and wanted[n].shape != w.shape]
    wrong += [n for n, w in weights.items() if not torch.isfinite(w).all()]
    if wrong:
        raise ModelError(
            f"weights that {ABOUT} does not say, or that are not finite: "
            + ", ".join(wrong[:3]) + (" ..." if wrong[3:] else ""),
            file=folder / WEIGHTS,
        )  # fmt: skip
    modules.load_state_dict(weights)
    return parts, modules


def exchange(folder: Path, other: Path, out: Path, number: int = 0) -> None:
    """A copy of a folder in which one part is that of another folder of the same body.

    So a task adapter that was trained on the adapter of one language stands on that of another.
    Source: Pfeiffer, Vulić, Gurevych and Ruder (2020), MAD-X: at inference the language adapter of
    the source is replaced.

    Args:
        folder: of a body and its parts.
        other: of another, whose part is taken.
        out: to be made.
        number: of the part in both, 0 being the one that was put in first.

    Raises:
        ModelError: one has no such part, or they are for other bodies.
    """
    from safetensors.torch import load_file

    (made_for, parts), (their, given) = _read(folder), _read(other)
    if made_for != their or max(len(parts) <= number, len(given) <= number):
        raise ModelError(
            f"has {len(given)} parts for {_told(their)}, and part {number} is wanted for "
            + _told(made_for),
            file=other / ABOUT, remedy="give a model with modules that was trained from one base",
        )  # fmt: skip
    start = f"{number}."
    weights = {n: w for n, w in load_file(folder / WEIGHTS).items() if not n.startswith(start)}
    weights |= {n: w for n, w in load_file(other / WEIGHTS).items() if n.startswith(start)}
    parts[number] = given[number]
    _copy(folder, out, weights, made_for, parts)


def keep_languages(folder: Path, languages: Sequence[str], out: Path) -> None:
    """A copy of a folder with the adapters or branches of some languages alone.

    Source: Lego-MT: Learning Detachable Models for Massively Multilingual Machine Translation
    (2023), where a branch is loaded when its language is read.

    Args:
        folder: of a body with parts that have one set of modules a language.
        languages: that stay.
        out: to be made.

    Raises:
        ModelError: a language that a part has no set of, or no such part.
    """
    from safetensors.torch import load_file

    from isogloss.language import read_language

    made_for, parts = _read(folder)
    tags = list(dict.fromkeys(str(read_language(tag)) for tag in languages))
    weights, kept, found = load_file(folder / WEIGHTS), {}, False
    for number, part in enumerate(parts):
        own = {n: w for n, w in weights.items() if n.startswith(f"{number}.")}
        there = list(part.settings.get("languages", ())) if part.use in SWITCHED else []
        if not there:
            kept |= own
            continue
        if lacking := [tag for tag in tags if tag not in there] or (
            [] if tags else ["no language"]
        ):
            raise ModelError(
                f"part {number} has no modules of {', '.join(lacking)}", file=folder / ABOUT,
                remedy=f"it has those of {', '.join(there)}",
            )  # fmt: skip
        found = True
        for name, weight in own.items():
            start, place, rest = _split(name)
            if there[place] in tags:
                kept[f"{start}{tags.index(there[place])}.{rest}"] = weight
        parts[number] = Part(part.use, {**part.settings, "languages": tags})
    if not found:
        raise ModelError("has no modules that are a language's own", file=folder / ABOUT)
    _copy(folder, out, kept, made_for, parts)


def _split(name: str) -> tuple[str, int, str]:
    """`0.sets.1.`, 2, `down.weight` of `0.sets.1.2.down.weight`."""
    number, sets, site, place, rest = name.split(".", 4)
    return f"{number}.{sets}.{site}.", int(place), rest


def _copy(
    folder: Path,
    out: Path,
    weights: dict[str, torch.Tensor],
    made_for: dict[str, Any],
    parts: Sequence[Part],
) -> None:
    """A copy of a folder with other parts."""
    from safetensors.torch import save_file

    with atomic_folder(out) as temporary:
        shutil.copytree(folder, temporary, dirs_exist_ok=True)
        save_file(weights, temporary / WEIGHTS)
        about = {"for": made_for, "parts": [asdict(part) for part in parts]}
        write_json(temporary / ABOUT, about)


def _read(folder: Path) -> tuple[dict[str, Any], list[Part]]:
    about = read_object(folder / ABOUT)
    try:
        parts = [Part(str(part["use"]), dict(part["settings"])) for part in about["parts"]]
        return dict(about["for"]), parts
    except (KeyError, TypeError, ValueError):
        raise ModelError(
            "lacks for or parts", file=folder / ABOUT,
            remedy="copy it again from where the model is from",
        ) from None  # fmt: skip


def _shape(body: Any) -> dict[str, Any]:
    config = body.config
    return {
        "model_type": config.model_type,
        "layers": int(config.num_hidden_layers),
        "width": int(config.hidden_size),
    }


def _told(shape: dict[str, Any]) -> str:
    return f"{shape.get('model_type')} of {shape.get('layers')} layers x {shape.get('width')}"

"""Models merged on weights alone, as a job: folders in, a checked folder out.

`merge.json` in it says what was done; the same job again is a no-op. The folder appears only when
the merge and the smoke check have passed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from isogloss._version import __version__
from isogloss.encode.folder import (
    ModelFolder,
    add_to_card,
    fingerprint_folder,
    read_licence,
    read_object,
)
from isogloss.encode.resolve import find_model
from isogloss.errors import UsageError
from isogloss.files import atomic_folder, fingerprint, write_json
from isogloss.merge.adapters import CONFIG, Adapter, is_lora
from isogloss.merge.carry import carry
from isogloss.merge.deltas import ABOUT, Delta, check_base, is_delta
from isogloss.merge.family import Point, default_weight, read_point
from isogloss.merge.plan import Asked, Weights, make_plan, weights_of
from isogloss.merge.stream import merge_weights
from isogloss.progress import Start, silent
from isogloss.recipe.smoke import compare_vectors
from isogloss.recipe.vocabulary import Result, claim

FACTS = "merge.json"
_LORA, _DELTA = "lora", "delta"
_PARTS = {_LORA: Adapter, _DELTA: Delta}
_UNTOLD = {
    "_name_or_path", "architectures", "dtype", "torch_dtype", "transformers_version", "use_cache",
}  # fmt: skip


def merge_models(
    models: Sequence[str | Path],
    out: str | Path,
    *,
    method: str = "linear",
    settings: Mapping[str, Any] | None = None,
    weights: Sequence[float] | None = None,
    base: str | Path | None = None,
    origin: str | Path | None = None,
    rules: Sequence[tuple[str, Sequence[float]]] = (),
    grafts: Sequence[tuple[str, str | Path]] = (),
    groups: Sequence[str] | None = None,
    only_shared: bool = False,
    check: bool = True,
    seed: int = 0,
    network: bool = False,
    start: Start = silent,
) -> Result:
    """Merge models of one architecture, without training and a slice at a time.

    Args:
        models: model folders; or LoRA adapters or deltas of the origin, or the base if there is
            none.
        out: the folder of the merged model.
        method: one of `merge.family.POINTS`.
        settings: its numbers: `drop`, `share`, `over`, `scale`.
        weights: one a model.
        base: whose configuration, tokenizer and other files the result has; differences are added
            to it, for a mean it is the first model.
        origin: what differences are from, where that is not the base.
        rules: patterns of tensor names, and other weights for those.
        grafts: patterns of tensor names, and a model that those are taken from.
        groups: a name a model; each group is merged for itself, then the groups are averaged.
        only_shared: leave what some model lacks as the base has it.
        check: load all models afterwards and compare what they make of words.
        seed: of what is dropped.
        network: allow fetching models.
        start: starts progress bars.

    Raises:
        UsageError: settings, weights, patterns or groups that cannot work; no base.
        ModelError: models that do not fit together, or a result that does not work.
        OutputError: `out` holds something else.
    """
    point, out = read_point(method, settings), Path(out)
    check_bases(method, point, base, origin)
    if not models:
        raise UsageError("there is no model to merge", remedy="name two folders or more")
    # A fingerprint takes a look at every byte: once is enough.
    find = cache(lambda name: find_model(name, network=network))
    to = find(str(base if base is not None else _whole(models[0])))
    source = find(str(origin)) if origin is not None else None
    folders = [_open_part(model, source or to) if _is_part(model) else find(str(model))
               for model in models]  # fmt: skip
    grafted = [(pattern, find(str(model))) for pattern, model in grafts]
    asked = Asked(
        point, tuple(weights or (default_weight(point, len(models)),) * len(models)),
        tuple((pattern, tuple(given)) for pattern, given in rules),
        tuple((pattern, weights_of(folder)) for pattern, folder in grafted),
        tuple(groups) if groups is not None else None, only_shared, seed,
    )  # fmt: skip
    said = {
        "method": method, "settings": point.model_dump(exclude={"form", "moved", "elect"}),
        "weights": asked.weights, "rules": asked.rules,
        "grafts": [(pattern, folder.fingerprint) for pattern, folder in grafted],
        "groups": asked.groups, "only_shared": only_shared, "seed": seed,
    }  # fmt: skip
    prints = [folder.fingerprint if folder else None for folder in (*folders, to, source)]
    name = fingerprint("merge", prints, said, __version__)
    if (known := claim(out, name, FACTS)) is not None:
        return Result(out, known)
    place, taken = weights_of(to), weights_of(source) if source is not None else None
    parts = [_weights(folder, place, taken or place) for folder in folders]
    make_plan(parts, place, asked, taken)  # what does not fit is said before anything is copied
    with atomic_folder(out) as temporary:
        left = carry(to, place, temporary)
        plan = merge_weights(parts, place, temporary, asked, origin=taken, start=start)
        whole = [folder for folder in folders if folder.kind not in _PARTS]  # others load not alone
        others = {one.name: one for one in (*whole, to, *(folder for _, folder in grafted))}
        smoke = compare_vectors(temporary, to, list(others.values()), start) if check else None
        notes = [*plan.notes, *_notes(folders, to, point)]
        if left:
            notes.append(f"left behind, as they are not part of the model: {', '.join(left)}")
        add_to_card(
            temporary / "README.md", "## Merge", _line(method, folders, to), "A merged model"
        )
        facts = {
            "operation": "merge", "fingerprint": name, **said,
            "models": [_about(folder) for folder in folders], "base": _about(to),
            "origin": _about(source) if source else None,
            "grafts": [{"pattern": p, **_about(folder)} for p, folder in grafted],
            "tensors": dict(plan.counts), "smoke": smoke, "notes": notes,
            "code_version": __version__,
        }  # fmt: skip
        write_json(temporary / FACTS, facts)
    return Result(out, facts)


def _weights(folder: ModelFolder, place: Weights, base: Weights) -> Weights:
    """A model's tensors, or those that an adapter or a delta makes of its base."""
    if folder.kind not in _PARTS:
        return weights_of(folder)
    return _PARTS[folder.kind](folder.name, folder.path, vocabulary=place.vocabulary, base=base)


def _is_part(model: str | Path) -> bool:
    """Whether it is an adapter or a delta, which need their base."""
    return is_lora(model) or is_delta(model)


def _whole(model: str | Path) -> str | Path:
    if _is_part(model):
        raise UsageError(
            f"{model} is {'an adapter' if is_lora(model) else 'a delta'}, which is nothing without "
            "its base",
            remedy="give --base, the model that it was trained on",
        )
    return model


def _open_part(model: str | Path, base: ModelFolder) -> ModelFolder:
    """An adapter's or delta's folder, with what the base says of its own."""
    path = Path(model).expanduser()
    kind, about = (_LORA, CONFIG) if is_lora(path) else (_DELTA, ABOUT)
    if kind == _DELTA:
        check_base(path, base.fingerprint)
    print_ = fingerprint(fingerprint_folder(path), read_object(path / about), base.fingerprint)
    return replace(base, name=str(model), path=path, body=path, kind=kind, fingerprint=print_,
                   licence=read_licence(path / "README.md"))  # fmt: skip


def check_bases(method: str, point: Point, base: object, origin: object) -> None:
    """Raise a `UsageError` where a point lacks a base that it needs, or has one too many."""
    if point.form == "differences" and base is None:
        raise UsageError(
            f"{method} adds differences to a base, and none is named",
            remedy="give --base, the model that the others were trained from",
        )
    if point.moved and origin is None:
        raise UsageError(
            f"{method} moves differences from one base to another, and only one is named",
            remedy="give --origin, the model that they are differences from",
        )
    if point.form != "differences" and origin is not None:
        raise UsageError(f"--origin is subtracted, and {method} subtracts nothing")


def _about(folder: ModelFolder) -> dict[str, Any]:
    return {"name": folder.name, "fingerprint": folder.fingerprint, "licence": folder.licence}


def _line(method: str, folders: Sequence[ModelFolder], base: ModelFolder) -> str:
    names = ", ".join(f"`{folder.name}` ({folder.fingerprint})" for folder in folders)
    return (
        f"Merged with Isogloss {__version__} by {method} from {names}, with the layout of "
        f"`{base.name}` ({base.fingerprint}); `{FACTS}` has the weights. Nothing was trained."
    )


def _notes(folders: Sequence[ModelFolder], base: ModelFolder, point: Point) -> list[str]:
    """What the user should know of models that were merged all the same."""
    notes = []
    for folder in folders:
        keys = {*folder.config, *base.config} - _UNTOLD
        unlike = sorted(k for k in keys if folder.config.get(k) != base.config.get(k))
        if unlike:
            shown = ", ".join(unlike[:5]) + (" ..." if len(unlike) > 5 else "")
            notes.append(
                f"{folder.name}: config.json differs from the base's, which is kept: {shown}"
            )
        if folder.pooling != base.pooling:
            notes.append(f"{folder.name}: pooled by {folder.pooling}, the base by {base.pooling}")
        if point.form == "differences" and folder.fingerprint == base.fingerprint:
            notes.append(f"{folder.name} is the base itself, from which it has no difference")
    licences = {f.name: f.licence for f in (base, *folders) if f.licence}
    if len(set(licences.values())) > 1:
        said = ", ".join(f"{name}: {licence}" for name, licence in licences.items())
        notes.append(f"licences differ, and what is merged is under all of them: {said}")
    return notes

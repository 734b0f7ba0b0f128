"""Labels under other names, and which of them are kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from isogloss.corpus.spec import Spec
from isogloss.errors import UsageError
from isogloss.task.spans import retyped, scheme_of, spans

OPTIONS = ("rename", "keep")


def wanted_names(spec: Spec) -> tuple[dict[str, str], list[str]]:
    """What `?rename=person:PER,location:LOC&keep=PER,LOC` says.

    Raises:
        UsageError: a pair without a colon, or a name twice.
    """
    pairs = [one.rpartition(":") for one in _listed(spec.options.get("rename"))]
    table = {old: new for old, _, new in pairs}
    if len(table) < len(pairs) or not all(old and new for old, _, new in pairs):
        raise UsageError(
            f"{spec.text}: rename={spec.options['rename']} means nothing",
            remedy="write old:new once each, such as rename=person:PER,location:LOC",
        )
    return table, _listed(spec.options.get("keep"))


def renamed(
    columns: Mapping[str, list[Any]], rename: Mapping[str, str], keep: Sequence[str], spec: Spec
) -> tuple[dict[str, list[Any]], list[bool]]:
    """Columns of labels and tags under new names, and which rows still have their label.

    Entity types become others, or `O`; a row whose label is not kept is left out.

    Raises:
        UsageError: `keep` where there is neither an entity nor a label.
    """
    changed = {name: columns[name] for name in ("tags", "label", "labels") if name in columns}
    rows = len(next(iter(columns.values()), ()))
    stays, seen = [True] * rows, Counter[str]()
    if tags := changed.get("tags"):
        changed["tags"] = _tags(tags, rename, keep, spec, seen)
    if "label" in changed and not all(isinstance(v, int) for v in changed["label"]):
        seen.update(v for v in changed["label"] if v is not None)
        changed["label"] = [v if v is None else rename.get(v, v) for v in changed["label"]]
        if keep and "tags" not in changed:
            stays = [v is None or v in keep for v in changed["label"]]
    if lists := changed.get("labels"):
        seen.update(v for one in lists for v in one or ())
        changed["labels"] = [_several(one, rename, keep) for one in lists]
    if lost := stays.count(False):
        spec.drop(f"with a label that is not one of {', '.join(keep)}", lost)
    if absent := [old for old in rename if old not in seen]:
        spec.note(f"no label is called {', '.join(absent)}, which rename names")
    return changed, stays


def _tags(
    tags: list[Any], rename: Mapping[str, str], keep: Sequence[str], spec: Spec, seen: Counter[str]
) -> list[Any]:
    scheme = scheme_of(tags)
    if scheme is None:
        if keep and any(tag != "O" for one in tags for tag in one or ()):
            raise UsageError(
                f"{spec.text}: keep chooses types of entities, and the tags name none",
                remedy="leave keep out, or check which column has the tags",
            )
        seen.update(tag for one in tags for tag in one or ())
        return [one and [rename.get(tag, tag) for tag in one] for one in tags]
    types = Counter(entity.kind for one in tags if one for entity in spans(one))
    seen.update(types)
    table = {old: rename.get(old, old) for old in types}
    table = {old: new if not keep or new in keep else "O" for old, new in table.items()}
    for old, new in sorted(table.items()):
        if new == "O":
            spec.note(f"{types[old]} entities of type {old} became O")
    return [one and retyped(one, table, scheme) for one in tags]


def _several(
    labels: list[str] | None, rename: Mapping[str, str], keep: Sequence[str]
) -> list[str] | None:
    if labels is None:
        return None
    names = dict.fromkeys(rename.get(label, label) for label in labels)
    return [name for name in names if not keep or name in keep]


def _listed(text: str | None) -> list[str]:
    return [part.strip() for part in text.split(",")] if text else []

"""Where the scores come from, as lines for the page; whatever is absent is left out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any


def facts(provenance: Mapping[str, Any]) -> list[str]:
    """The line under the title: model, when, how long, which code."""
    models = [i for i in provenance.get("inputs", {}).values() if i.get("kind") == "model"]
    found = [f"model {models[0]['name']}"] if models and models[0].get("name") else []
    if started := provenance.get("started"):
        found.append(_day(str(started)))
    if (wall := provenance.get("wall_seconds")) is not None:
        found.append(f"took {duration(float(wall))}")
    if version := provenance.get("code_version"):
        found.append(f"Isogloss {version}")
    return found


def inputs(provenance: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One record an input: what it is, its fingerprint, licence and size."""
    return [
        {
            "role": role,
            "kind": facts.get("kind") or "",
            "name": facts.get("name") or "",
            "fingerprint": facts.get("fingerprint") or "",
            "licence": facts.get("licence") or "not stated",
            "rows": f"{facts['rows']:,}" if facts.get("rows") else "",
            "languages": len(facts.get("languages") or []) or "",
        }
        for role, facts in provenance.get("inputs", {}).items()
    ]


def steps(provenance: Mapping[str, Any]) -> list[dict[str, str]]:
    """One record a step: name, method, and how long it took."""
    return [
        {"name": str(s.get("name", "")), "use": str(s.get("use", "")), "took": _took(s)}
        for s in provenance.get("steps", [])
    ]


def machine(provenance: Mapping[str, Any]) -> dict[str, str]:
    """Settings, versions and hardware, name to value."""
    names = {
        "fingerprint": "fingerprint of the run", "seed": "seed", "code_version": "Isogloss",
        "python": "Python", "platform": "platform", "cpu": "processor", "threads": "threads",
    }  # fmt: skip
    found = {
        title: str(provenance[key])
        for key, title in names.items()
        if provenance.get(key) is not None
    }
    if peak := provenance.get("peak_memory_bytes"):
        found["peak memory"] = f"{peak / 2**30:.2f} GiB"
    if versions := provenance.get("dependencies"):
        found["packages"] = ", ".join(f"{k} {v}" for k, v in versions.items())
    return found


def training(provenance: Mapping[str, Any]) -> dict[str, str]:
    """What was trained, on how much, and where the loss ended."""
    told = provenance.get("training") or {}
    found = {}
    if told.get("parameters"):
        found["parameters"] = str(told["parameters"])
    if objectives := told.get("objectives"):
        weighted = isinstance(objectives, Mapping)
        found["objectives"] = ", ".join(
            f"{name} × {_weight(objectives[name])}" if weighted else str(name)
            for name in objectives
        )
    for key, title in (("steps", "steps"), ("sentences", "rows"), ("examples", "examples")):
        if told.get(key) is not None:
            found[title] = f"{told[key]:,}"
    if told.get("final_loss") is not None:
        found["final loss"] = f"{told['final_loss']:.3f}"
    if tuned := told.get("tuning_p1"):
        mean = sum(tuned.values()) / len(tuned)
        kept = told.get("tuning_sentences")
        among = f" among {kept:,} rows kept from training" if kept else ""
        found["tuning"] = f"mean P@1 {mean:.3f}{among}, over {len(tuned)} languages"
    if read := told.get("tokens_by_language"):
        found["tokens read"] = f"{sum(read.values()):,} in {len(read)} languages"
    return found


def _weight(weight: Any) -> str:
    """A number, or the points of a schedule."""
    if isinstance(weight, int | float):
        return f"{weight:g}"
    return " to ".join(f"{value:g}" for _, value in sorted(weight))


def duration(seconds: float) -> str:
    """`0.4 s`, `57 s`, `2 min 53 s`, `1 h 12 min`."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def _took(step: Mapping[str, Any]) -> str:
    if step.get("cached"):
        return "from the cache"
    return "" if step.get("seconds") is None else duration(float(step["seconds"]))


def _day(started: str) -> str:
    try:
        moment = datetime.fromisoformat(started)
    except ValueError:
        return started
    zone = " UTC" if moment.utcoffset() == timedelta(0) else ""
    return f"{moment.day} {moment:%B %Y, %H:%M}{zone}"

"""Benchmarks as data: TOML files that name tasks, languages, metric, citation and licence."""

from __future__ import annotations

from isogloss.task.suites.directions import Asked, Direction, choose
from isogloss.task.suites.loading import Loaded, counts, counts_table, load
from isogloss.task.suites.suite import Part, Suite, list_suites, read_suite

__all__ = [
    "Asked", "Direction", "Loaded", "Part", "Suite", "choose", "counts", "counts_table",
    "list_suites", "load", "read_suite",
]  # fmt: skip

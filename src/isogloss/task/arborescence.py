"""The best tree over words by scores of arcs."""

from __future__ import annotations

import numpy as np

from isogloss.errors import VectorError


def best_tree(scores: np.ndarray, *, single: bool = True) -> np.ndarray:
    """The heads `[n]` of the tree whose arcs have the largest sum of scores.

    Every word takes its best head; where that closes a cycle, the cycle becomes one node, arcs into
    it are worth what they gain over the arc of the cycle that they replace, and so on: O(n^3) at
    worst. For a single root every arc from the root is first made worse by more than all other arcs
    can differ, so that a best tree has no more of them than it must, which is one.

    Args:
        scores: `[n, n + 1]`, of each word with each head, 0 being the root and k word k counted
            from 1. A word's arc to itself is not read.
        single: whether one word alone may hang from the root, as in Universal Dependencies.

    Raises:
        VectorError: another shape, or a score that is not a finite number.

    Source: Chu and Liu (1965); Edmonds (1967); McDonald et al. (2005), Non-Projective Dependency
    Parsing using Spanning Tree Algorithms, section 2.2; Zmigrod et al. (2020), Please Mind the
    Root, on why the root must be minded.
    """
    table = np.array(scores, np.float64)
    n = len(table)
    if table.shape != (n, n + 1) or not n:
        raise VectorError(f"scores of arcs {table.shape}, not [n, n + 1] of at least one word")
    itself = np.eye(n, n + 1, 1, dtype=bool)
    if not np.isfinite(table[~itself]).all():
        raise VectorError("a score of an arc is not a finite number")
    table[itself] = 0.0
    if single:
        table[:, 0] -= (table.max(1) - table.min(1)).sum() + 1.0
    table[itself] = -np.inf
    return _best(np.vstack([np.full(n + 1, -np.inf), table]))[1:]


def _best(table: np.ndarray) -> np.ndarray:
    """The head of each node `[m]` but node 0, whose own is 0, by `[m, m]` node with head."""
    merged = []
    while True:
        heads = table.argmax(1)
        heads[0] = 0
        cycle = _cycle(heads)
        if cycle is None:
            break
        rest = np.setdiff1d(np.arange(len(table)), cycle)
        out = table[np.ix_(rest, cycle)]  # arcs from words of the cycle
        into = table[np.ix_(cycle, rest)] - table[cycle, heads[cycle]][:, None]
        merged.append((heads, rest, cycle[out.argmax(1)], cycle[into.argmax(0)]))
        table = np.block(
            [[table[np.ix_(rest, rest)], out.max(1)[:, None]], [into.max(0)[None], -np.inf]]
        )
    for before, rest, leaves, enters in reversed(merged):
        node = len(rest)  # what the cycle was
        before[enters[heads[node]]] = rest[heads[node]]
        before[rest] = np.where(heads[:node] == node, leaves, np.append(rest, 0)[heads[:node]])
        before[0] = 0
        heads = before
    return heads


def _cycle(heads: np.ndarray) -> np.ndarray | None:
    """Nodes that lead to each other, if there are any; node 0 ends all other ways."""
    seen = np.zeros(len(heads), np.int64)
    seen[0] = -1
    for start in range(1, len(heads)):
        node = start
        while not seen[node]:
            seen[node] = start
            node = heads[node]
        if seen[node] == start:
            found = [node]
            while heads[found[-1]] != node:
                found.append(heads[found[-1]])
            return np.array(found)
    return None

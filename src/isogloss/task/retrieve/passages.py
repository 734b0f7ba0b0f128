"""The mixture of queries and the passages that answer them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, FilePath

from isogloss.errors import TrainingError, UsageError
from isogloss.match.search import nearest
from isogloss.registry import register
from isogloss.settings import Count
from isogloss.task.retrieve.rows import CandidateRows, Rows, mine_negatives
from isogloss.train.batch import Texts
from isogloss.train.material import Material, Ragged
from isogloss.train.mixtures.labelled import read_labels

Mined = Literal["nearest", "random"]


@dataclass
class PassageRows:
    """Rows of `CandidateRows`, those of a batch all of one language, drawn by its queries.

    Attributes:
        each: by language.
    """

    each: Mapping[str, CandidateRows]

    def batch(self, seed: int, step: int) -> Texts:
        """Views: queries and passages, or both as one text; column `negative` `[views * B]`."""
        tags = sorted(self.each)
        counts = np.array([len(self.each[tag].queries) for tag in tags], float)
        drawn = np.random.default_rng([seed, step]).choice(len(tags), p=counts / counts.sum())
        return self.each[tags[drawn]].batch(seed, step)


@register("mixture", "passages.v1")
def passages(
    material: Material,
    *,
    text: str,
    passages_text: str,
    relevant: FilePath,
    key: str = "id",
    value: str = "relevant",
    batch: Count = 32,
    negatives: Annotated[int, Field(ge=0)] = 0,
    pool: Count = 50,
    mined: Mined = "nearest",
    together: bool = False,
    longest: Count | None = None,
) -> PassageRows:
    """Queries with a passage that answers each, and others that do not, in one language a batch.

    For `late_interaction.v1`, `poly_encoder.v1` and contrasts; with `together`, each query and
    passage as one text, for `rank_pairs.v1`, which needs negatives. Nearest passages are mined by
    what the run has for `targets` makes of the pivot, as for `hard_negatives.v1`.

    Args:
        material: of the run.
        text: the queries, by id.
        passages_text: the passages, by id; languages that either lacks are not read.
        relevant: a TSV with a header: the id of a query, and of the passages that answer it, with
            `|` between them, the same in every language.
        key: its column of queries.
        value: its column of passages.
        batch: queries in a batch; fewer where one answers another's.
        negatives: passages of each row that do not answer; those of other rows count without them.
        pool: passages of each query that they are drawn from.
        mined: the pool is what is `nearest` to the query, or drawn at `random`.
        together: whether a query and a passage are one text.
        longest: longer queries and passages are left out; with `together`, longer pairs are cut.

    Raises:
        TrainingError: no query has a passage that answers it, and so many others.
        UsageError: fewer passages in the pool than negatives, `together` without negatives.

    Source: Karpukhin et al. (2020), Dense Passage Retrieval, section 3.2: passages of other rows,
    and some that a search finds and that do not answer.
    """
    if negatives > pool or (together and not negatives):
        raise UsageError(
            f"{negatives} negatives from a pool of {pool}", remedy="ask for 1 to pool of them"
        )
    known = read_labels(relevant, key, value)
    ids = {one: row for row, one in enumerate(material.corpus(passages_text).ids)}
    wanted = [
        [one.strip() for one in known.get(query, "").split("|") if one.strip()]
        for query in material.corpus(text).ids
    ]
    right = [{ids[one] for one in some if one in ids} for some in wanted]
    if missing := sorted({one for some in wanted for one in some if one not in ids}):
        material.note(
            f"{relevant.name}: {len(missing)} passages that answer, such as {missing[0]}, are not "
            f"in {passages_text} and were not trained on"
        )
    wrong = (
        _pool(material, text, passages_text, right, pool, mined) if negatives else [[]] * len(right)
    )
    asked, there = (material.columns_of(name, longest) for name in (text, passages_text))
    made: dict[str, CandidateRows] = {}
    for tag in (one for one in asked if one in there):
        usable = [row for row, own in enumerate(asked[tag]) if own is not None]
        queries, answers = _present(asked[tag]), _present(there[tag])
        made[tag] = CandidateRows(
            [one for one in asked[tag] if one is not None],
            [one for one in there[tag] if one is not None],
            _renumbered([right[row] for row in usable], answers),
            _renumbered([wrong[row] for row in usable], answers),
            (tag, tag), batch, negatives, _between(material) if together else (),
            min(longest or material.longest, material.longest) if together else None,
            material.numbers,
        )  # fmt: skip
        if lost := len(asked[tag]) - len(queries) + made[tag].without:
            material.note(
                f"{text}: {lost} queries of {tag} without a text, a passage that answers or "
                f"{negatives} others were not trained on"
            )
    if not made:
        raise TrainingError(
            f"{text} and {passages_text} have no language in common that is read",
            remedy="name texts of the same languages",
        )
    return PassageRows(made)


def _pool(
    material: Material, text: str, passages_text: str, right: Sequence[Collection[int]],
    pool: int, mined: Mined,
) -> Rows:  # fmt: skip
    """Passages of each query that do not answer it, `pool` at most."""
    count = len(material.corpus(passages_text))
    if mined == "random":
        drawn = np.random.default_rng(0)
        most = pool + max(map(len, right), default=0)
        every = (drawn.permutation(count)[:most].tolist() for _ in right)
        return [[one for one in some if one not in own][:pool]
                for some, own in zip(every, right, strict=True)]  # fmt: skip
    if material.vectors is None:
        raise UsageError("nearest passages are mined from vectors, and there are none",
                         remedy='set mined to "random"')  # fmt: skip
    most = min(count, pool + max(map(len, right), default=0))
    found = nearest(material.vectors(text), material.vectors(passages_text), most)
    return mine_negatives(found, right, pool)


def _present(rows: Ragged) -> dict[int, int]:
    """Rows with a text, and their places among these."""
    return {row: at for at, row in enumerate(r for r, ids in enumerate(rows) if ids is not None)}


def _renumbered(rows: Sequence[Collection[int]], places: Mapping[int, int]) -> Rows:
    return [[places[one] for one in some if one in places] for some in rows]


def _between(material: Material) -> Sequence[int]:
    from isogloss.train.mixtures.concatenated import between

    return between(material.tokenizer)

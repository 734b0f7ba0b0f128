"""Prompts and answers: pairs of a better and a worse one, judged ones, and crossed languages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from isogloss.errors import TrainingError
from isogloss.registry import register
from isogloss.settings import Count, NotNegative
from isogloss.train.batch import UNKNOWN, Texts, stack_texts
from isogloss.train.material import Material
from isogloss.train.mixtures.drawn import drawn
from isogloss.vocabulary.sampling import shares


class Answer(NamedTuple):
    """Ids `[tokens]` of an answer, and its language."""

    ids: np.ndarray
    language: str


class Asked(NamedTuple):
    """A prompt, ids `[tokens]`, and its answers; what they are depends on the mixture."""

    prompt: np.ndarray
    answers: tuple[Answer, ...]
    good: bool = True


@dataclass
class Answers:
    """Rows of a prompt and its answers, one view an answer: prompt and answer are one text.

    `gold` is, at each place before a token of the answer, that token, and at its last token the
    end: what a causal model is to say there. Nothing is asked of the prompt.

    Attributes:
        asked: what was asked, by the language of the prompt, or that beside the pivot.
        end: id of the token that ends an answer, None for none.
        size: rows in a batch.
        alpha: of p_l ~ n_l^alpha, by which the language of a row is drawn.
        stranger: whether there is one view more, the prompt with the first answer of another row;
            and `good` `[B]`, whether a row's own answer is.
        longest: tokens of a text with a stranger's answer, which is cut to them.
        numbers: of the languages, in the column `language`, which is that of the answer.

    Raises:
        TrainingError: nothing was asked, or with strangers, fewer than two rows.
    """

    asked: Mapping[str, Sequence[Asked]]
    end: int | None = None
    size: int = 8
    alpha: float = 1.0
    stranger: bool = False
    longest: int | None = None
    numbers: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._there = {tag: len(rows) for tag, rows in self.asked.items() if len(rows)}
        if sum(self._there.values()) < 1 + self.stranger or self.size < 1 + self.stranger:
            rows = sum(self._there.values())
            raise TrainingError(
                f"{rows} rows of prompts and answers for batches of {self.size}",
                remedy="give texts whose rows have the same ids, and 2 rows at least to judge",
            )
        self._shares = shares(self._there, self.alpha)

    def batch(self, seed: int, step: int) -> Texts:
        """Views of prompts and answers, with `gold`."""
        rng = np.random.default_rng([seed, step])
        places = drawn(rng, self._shares, self._there, self.size)
        while len(places) < 1 + self.stranger:  # one language has a single row
            places = drawn(rng, self._shares, self._there, self.size)
        places = [places[i] for i in rng.permutation(len(places))]
        rows = [self.asked[tag][row] for tag, row in places]
        views = [list(view) for view in zip(*(row.answers for row in rows), strict=True)]
        columns = {}
        if self.stranger:
            views.append(
                [self._cut(a, b.answers[0]) for a, b in zip(rows, rows[1:] + rows[:1], strict=True)]
            )
            columns["rows"] = {"good": np.array([row.good for row in rows])}
        texts, golds = [], []
        for view in views:
            pairs = [told(row.prompt, a.ids, self.end) for row, a in zip(rows, view, strict=True)]
            texts.append([ids for ids, _ in pairs])
            golds += [gold for _, gold in pairs]
        return stack_texts(
            texts, [[answer.language for answer in view] for view in views], self.numbers,
            tokens={"gold": np.concatenate(golds)}, **columns,
        )  # fmt: skip

    def _cut(self, asked: Asked, answer: Answer) -> Answer:
        room = None if self.longest is None else self.longest - len(asked.prompt)
        return answer._replace(ids=answer.ids[:room])


def told(
    prompt: np.ndarray, answer: np.ndarray, end: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """One text of a prompt and an answer, and what is to be said at each of its tokens."""
    ids = np.concatenate([prompt, answer]).astype(np.int64)
    gold = np.full(len(ids), UNKNOWN, np.int64)
    gold[len(prompt) - 1 : -1] = answer
    if end is not None:
        gold[-1] = end
    return ids, gold


@register("mixture", "preferred.v1")
def preferred(
    material: Material,
    *,
    prompt_text: str,
    chosen_text: str,
    rejected_text: str,
    batch: Count = 8,
    alpha: NotNegative = 1.0,
    between: str = "\n",
    longest: Count | None = None,
) -> Answers:
    """A prompt with a better answer and with a worse one, as two views: for `dpo.v1`.

    The three texts are matched by the ids of their rows, language by language. Rows that lack one
    of the three, or are too long, are left out and told.
    Source: Rafailov et al. (2023), Direct Preference Optimization.

    Args:
        material: of the run.
        prompt_text: what is asked.
        chosen_text: the better answers.
        rejected_text: the worse ones.
        batch: rows in a batch.
        alpha: of p_l ~ n_l^alpha, by which a row's language is drawn; 1 is as there are.
        between: what stands between prompt and answer.
        longest: tokens of prompt and answer; the model's window by default.

    Raises:
        TrainingError: no row has all three.
    """
    prompts = _read(material, prompt_text, between)
    sides = [_read(material, text) for text in (chosen_text, rejected_text)]
    found = {
        tag: _asked(material, rows, [(tag, side.get(tag, {})) for side in sides], longest)
        for tag, rows in prompts.items()
    }
    return _made(material, found, batch, alpha)


@register("mixture", "judged.v1")
def judged(
    material: Material,
    *,
    prompt_text: str,
    chosen_text: str,
    rejected_text: str,
    batch: Count = 8,
    alpha: NotNegative = 1.0,
    between: str = "\n",
    longest: Count | None = None,
) -> Answers:
    """A prompt with one answer, which is good or not, and with a stranger's: for `kto.v1`.

    As `preferred.v1`, but a prompt needs no more than one answer, and one that has both is two
    rows. The second view is the prompt with the answer of another row of the batch.
    Source: Ethayarajh et al. (2024), KTO: Model Alignment as Prospect Theoretic Optimization.

    Args:
        material: of the run.
        prompt_text: what is asked.
        chosen_text: the good answers, missing where there is none.
        rejected_text: the bad ones.
        batch: rows in a batch, 2 at least.
        alpha: of p_l ~ n_l^alpha, by which a row's language is drawn; 1 is as there are.
        between: what stands between prompt and answer.
        longest: tokens of prompt and answer; the model's window by default.

    Raises:
        TrainingError: fewer than two rows have an answer, or batches of fewer.
    """
    prompts = _read(material, prompt_text, between)
    found: dict[str, list[Asked]] = {tag: [] for tag in prompts}
    for text, good in ((chosen_text, True), (rejected_text, False)):
        side = _read(material, text)
        for tag, rows in prompts.items():
            found[tag] += _asked(material, rows, [(tag, side.get(tag, {}))], longest, good)
    return _made(material, found, batch, alpha, stranger=True, longest=longest)


@register("mixture", "crossed.v1")
def crossed(
    material: Material,
    *,
    prompt_text: str,
    answer_text: str,
    batch: Count = 8,
    alpha: NotNegative = 1.0,
    between: str = "\n",
    longest: Count | None = None,
) -> Answers:
    """A prompt with the answer in its own language, and with the same in the other: two views.

    From prompts and answers in the pivot and their translations. For each language there are rows
    of its prompts, whose worse answer is the pivot's, and as many of the pivot's prompts, whose
    worse answer is in that language. With `dpo.v1`, and `answer.v1` on the languages alone, it is
    cross-lingual optimisation; in the paper only attention changes.
    Source: Lee, Hong, Moon and Lim (2025), Cross-Lingual Optimization for Language Transfer in
    Large Language Models.

    Args:
        material: of the run.
        prompt_text: what is asked, in parallel.
        answer_text: the answers, in parallel.
        batch: rows in a batch.
        alpha: of p_l ~ n_l^alpha, by which the language beside the pivot is drawn.
        between: what stands between prompt and answer.
        longest: tokens of prompt and answer; the model's window by default.

    Raises:
        TrainingError: no row has both in the pivot and in another language.
    """
    prompts, answers = _read(material, prompt_text, between), _read(material, answer_text)
    pivot, found = material.pivot, {}
    for tag in (tag for tag in prompts if tag != pivot):
        shared = prompts[tag].keys() & prompts.get(pivot, {}).keys()
        found[tag] = []
        for own, other in ((tag, pivot), (pivot, tag)):
            rows = {row: ids for row, ids in prompts[own].items() if row in shared}
            sides = [(each, answers.get(each, {})) for each in (own, other)]
            found[tag] += _asked(material, rows, sides, longest)
    return _made(material, found, batch, alpha)


Rows = dict[str, np.ndarray]
"""Ids of texts `[tokens]` by the ids of their rows."""


def _read(material: Material, text: str, tail: str = "") -> dict[str, Rows]:
    """A text of the run by language and row, with something behind each."""
    corpus = material.corpus(text)
    found = {}
    for tag in map(str, corpus.languages):
        ids = material.ids([None if t is None else t + tail for t in corpus.texts(tag)])
        pairs = zip(corpus.ids, ids, strict=True)
        found[tag] = {row: each for row, each in pairs if each is not None}
    return found


def _asked(
    material: Material,
    prompts: Rows,
    sides: Sequence[tuple[str, Rows]],
    longest: int | None,
    good: bool = True,
) -> list[Asked]:
    """Prompts that have an answer on every side, in its language; the others are told."""
    limit = min(longest or material.longest, material.longest)
    found, lacking, long = [], 0, 0
    for row, prompt in prompts.items():
        answers = tuple(Answer(ids[row], tag) for tag, ids in sides if row in ids)
        if len(answers) < len(sides):
            lacking += 1
        elif len(prompt) + max(len(answer.ids) for answer in answers) > limit:
            long += 1
        else:
            found.append(Asked(prompt, answers, good))
    if lacking or long:
        material.note(
            f"of {len(prompts)} prompts, for answers in {', '.join(tag for tag, _ in sides)}, "
            f"{lacking} without one and {long} over {limit} tokens were left out"
        )
    return found


def _made(
    material: Material,
    found: Mapping[str, Sequence[Asked]],
    batch: int,
    alpha: float,
    *,
    stranger: bool = False,
    longest: int | None = None,
) -> Answers:
    return Answers(
        found, material.end, size=batch, alpha=alpha, stranger=stranger,
        longest=min(longest or material.longest, material.longest), numbers=material.numbers,
    )  # fmt: skip

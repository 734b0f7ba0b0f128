"""Translations as text for a decoder, told once from their source and once from themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from isogloss.errors import TrainingError, UsageError
from isogloss.registry import register
from isogloss.settings import Count
from isogloss.train.batch import UNKNOWN, Texts, stack_texts
from isogloss.train.material import Material
from isogloss.train.reading import text_ends

Ids = Sequence[np.ndarray]


@dataclass
class ToldTwice:
    """A translation behind a prompt with its source, and behind one with itself.

    Attributes:
        rows: by direction (source, target), a row each: the prompt with the source, the prompt
            with the target in its place, and the target.
        end: id that ends a translation, None where none does.
        size: rows in a batch.
        numbers: of the languages, in the column `language`; without, there is none.

    Raises:
        TrainingError: a direction without rows.
    """

    rows: Mapping[tuple[str, str], Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]]]
    end: int | None
    size: int = 16
    numbers: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if empty := [f"{a} to {b}" for (a, b), rows in self.rows.items() if not rows]:
            raise TrainingError(f"{', '.join(empty)}: no row fits the model's window")
        self._directions = sorted(self.rows)

    def batch(self, seed: int, step: int) -> Texts:
        """Views from the source and from itself; `gold` `[tokens]` is what follows, in the target.

        The last token of a prompt tells the first of the target, and the last of the target the
        end.
        """
        rng = np.random.default_rng([seed, step])
        source, target = self._directions[int(rng.integers(len(self._directions)))]
        every = self.rows[source, target]
        chosen = rng.choice(len(every), min(self.size, len(every)), replace=False)
        views, gold = [], []
        for side in (0, 1):
            texts = []
            for row in chosen:
                prompt, told = every[row][side], every[row][2]
                texts.append(np.concatenate([prompt, told]))
                last = UNKNOWN if self.end is None else self.end
                gold.append(np.r_[np.full(len(prompt) - 1, UNKNOWN), told, last])
            views.append(texts)
        tags = [[source] * len(chosen), [target] * len(chosen)]
        return stack_texts(views, tags, self.numbers, tokens={"gold": np.concatenate(gold)})


@register("mixture", "translations.v1")
def translations(
    material: Material,
    *,
    text: str,
    template: str = "{target}: {text} = ",
    end: str | None = None,
    batch: Count = 16,
    longest: Count | None = None,
) -> ToldTwice:
    """Rows of parallel text as prompts and answers, from the pivot to each language and back.

    With `clm.v1` both views train: translation, and the copying of a sentence under the prompt of
    its own language; `cross_consistency.v1` adds that both are told alike.

    Args:
        material: of the run.
        text: the parallel corpus.
        template: of the prompt; `{text}` is what is translated, `{source}` and `{target}` the tags
            of the languages. Which of them it names, and where, matters for directions unseen.
        end: the token that ends a translation; by default what the tokenizer puts behind a text.
        batch: rows in a batch.
        longest: tokens of a prompt with its answer, the model's window by default.

    Raises:
        UsageError: a template without `{text}`, or an end that is no token.
        TrainingError: the text has not the pivot and another language.
    """
    if "{text}" not in template:
        raise UsageError("the template has no {text}", remedy='such as "{target}: {text} = "')
    behind = text_ends(material.tokenizer)[1]
    number = material.tokenizer.token_to_id(end) if end else (behind[0] if behind else None)
    if end and number is None:
        raise UsageError(
            f"{end!r} is no token of the model", remedy="name the one that ends a text"
        )
    corpus, limit = material.corpus(text), min(longest or material.longest, material.longest)
    tags = list(map(str, corpus.languages))
    if material.pivot not in tags or len(tags) < 2:
        raise TrainingError(f"{text}: {material.pivot} and another language are needed")
    others = [tag for tag in tags if tag != material.pivot]
    there = {tag: corpus.texts(tag) for tag in tags}
    made = {}
    for source, target in [p for o in others for p in ((material.pivot, o), (o, material.pivot))]:
        named = template.replace("{source}", source).replace("{target}", target)
        pairs = [
            (a, b) for a, b in zip(there[source], there[target], strict=True)
            if a is not None and b is not None
        ]  # fmt: skip
        prompts = [[named.replace("{text}", pair[side]) for pair in pairs] for side in (0, 1)]
        columns = [*map(material.ids, prompts), material.ids([b for _, b in pairs])]
        rows = [
            (a, b, c) for a, b, c in zip(*columns, strict=True)
            if a is not None and b is not None and c is not None
        ]  # fmt: skip
        fit = [row for row in rows if max(len(row[0]), len(row[1])) + len(row[2]) <= limit]
        if lost := len(pairs) - len(fit):
            material.note(
                f"{text}: {lost} rows from {source} to {target} that are over {limit} tokens or "
                "have none were not trained on"
            )
        made[source, target] = fit
    return ToldTwice(made, number, size=batch, numbers=material.numbers)

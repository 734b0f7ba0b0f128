"""Soft prompts: rows that stand before every text and are learned; the model is frozen."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from isogloss.errors import TrainingError, UsageError
from isogloss.registry import register
from isogloss.train.body import Body
from isogloss.train.student import Change, only
from isogloss.vocabulary.prefix import with_prefix

if TYPE_CHECKING:
    from tokenizers import Tokenizer


class Prompt(nn.Module):
    """The rows before every text: one prompt for all.

    Args:
        rows: `[p, d]` that it begins with.
    """

    def __init__(self, rows: torch.Tensor) -> None:
        super().__init__()
        self.rows = nn.Parameter(rows)

    def forward(self, language: torch.Tensor | None) -> torch.Tensor:
        """Languages `[n]` of texts to prompts `[1 or n, p, d]`."""
        return self.rows[None]

    def saved(self) -> torch.Tensor:
        """Rows `[p, d]` of the plain model."""
        return self.rows.detach()


class FactoredPrompt(nn.Module):
    """A part that all texts have, the task's, then one of the language of the text.

    Args:
        task: `[p, d]` that it begins with.
        language: `[languages, q, d]` that these begin with.
        kept: the number of the language whose part the plain model has.
    """

    def __init__(self, task: torch.Tensor, language: torch.Tensor, kept: int) -> None:
        super().__init__()
        self.task, self.language, self.kept = nn.Parameter(task), nn.Parameter(language), kept

    def forward(self, language: torch.Tensor | None) -> torch.Tensor:
        """Languages `[n]` of texts to prompts `[n, p + q, d]`.

        Raises:
            TrainingError: the batch has no languages, or one that there is no part for.
        """
        if language is None or int(language.max()) >= len(self.language):
            raise TrainingError(
                "the prompts are of languages, and the batch does not say which its texts are"
                if language is None else
                f"there are prompts of {len(self.language)} languages, and the batch has number "
                f"{int(language.max())}",
                remedy="set languages to their number, with the pivot",
            )  # fmt: skip
        return torch.cat([self.task.expand(len(language), -1, -1), self.language[language]], 1)

    def saved(self) -> torch.Tensor:
        """Rows `[p + q, d]` of the plain model."""
        return torch.cat([self.task, self.language[self.kept]]).detach()


class PromptTable(nn.Module):
    """A frozen table with a prompt's rows behind it, which ids from V on stand for.

    Args:
        table: the model's own, of V rows.
        prompt: gives the rows.
        now: says the languages of the texts that are read.
    """

    def __init__(self, table: Any, prompt: nn.Module, now: Any) -> None:
        super().__init__()
        self.table, self.prompt, self.now = table, prompt, now
        self.scale = float(getattr(table, "embed_scale", 1))

    @property
    def weight(self) -> torch.Tensor:
        """The model's own rows `[V, d]`, which words are scored by."""
        return self.table.weight

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Ids `[n, t]` to rows `[n, t, d]`."""
        first = len(self.table.weight)
        behind = ids >= first
        made = self.table(ids.masked_fill(behind, 0))
        rows = self.prompt(self.now.language) * self.scale  # [1 or n, p, d]
        text, place = torch.nonzero(behind, as_tuple=True)
        chosen = rows[text if len(rows) > 1 else torch.zeros_like(text), ids[text, place] - first]
        return made.masked_scatter(behind[..., None], chosen.to(made.dtype))


@register("parameters", "prompts.v1")
def prompts(module: Body, *, length: int = 10, seed: int = 0) -> Change:
    """Rows before every text are learned, behind what the tokenizer puts there; all else is frozen.

    The model reads [CLS] P_1 ... P_p text [SEP], P learned. The plain model that is saved has the
    rows in its table and a tokenizer that puts their tokens before every text, so it is read
    everywhere as it was trained. The text has so much less of the window, and means are over the
    prompt too: a long one before short texts makes their vectors alike, so give sentence encoders a
    few rows.
    Prefer it where thousands of numbers are all that may be kept of a task or a language: nothing
    of the model is forgotten. It learns slowly, wants a high rate (0.01 and more), and moves a
    model less than `full.v1` can.
    Source: Lester, Al-Rfou and Constant (2021), The Power of Scale for Parameter-Efficient Prompt
    Tuning, with rows of the vocabulary to begin with. Tu, Xiong and Zhou (2022), Prompt-Tuning Can
    Be Much Better Than Fine-Tuning on Cross-lingual Understanding, have rows in every layer, which
    a plain model cannot hold: that is `prefix.v1`.

    Args:
        module: how texts are read with the model.
        length: rows.
        seed: of the rows of the table that they begin as.

    Raises:
        UsageError: no length.
    """
    return _before(module, Prompt(_begin(module, length, seed)), length)


@register("parameters", "factored_prompts.v1")
def factored_prompts(
    module: Body,
    *,
    languages: int,
    length: int = 5,
    language_length: int = 5,
    seed: int = 0,
    kept: int = 0,
) -> Change:
    """Prompts of two parts, one for all texts and one of the text's language; all else is frozen.

    The first is what a task needs in any language, the second what a language needs in any task, so
    that a task that was taught in one is asked for in another by its part. The delta has all parts;
    the plain model has one language's.
    Prefer it to `prompts.v1` where text of the task is in some languages only and other text,
    read in the same training, is in all.
    Source: Vu et al. (2022), Overcoming Catastrophic Forgetting in Zero-Shot Cross-Lingual
    Generation.

    Args:
        module: how texts are read with the model.
        languages: of the run, the pivot too; batches number them, the pivot 0.
        length: rows of the task.
        language_length: rows of each language.
        seed: of the rows of the table that they begin as.
        kept: number of the language whose part the plain model has.

    Raises:
        UsageError: no length, or a language that is not there.
    """
    if not 0 <= kept < languages:
        raise UsageError(f"kept = {kept}, and languages are numbered from 0 to {languages - 1}")
    # All languages begin alike, so that what differs between them was learned.
    rows = _begin(module, length + language_length, seed)
    parts = rows[length:].expand(languages, -1, -1).clone()
    made = FactoredPrompt(rows[:length].clone(), parts, kept)
    return _before(module, made, length + language_length)


def _begin(module: Body, length: int, seed: int) -> torch.Tensor:
    """Rows `[length, d]` of the table, drawn at random."""
    table = module.body.get_input_embeddings().weight.detach()
    if length < 1:
        raise UsageError(f"a prompt of {length} rows", remedy="give 1 or more")
    drawn = torch.randint(len(table), (length,), generator=torch.Generator().manual_seed(seed))
    return table[drawn].clone()


def _before(module: Body, prompt: Any, length: int) -> Change:
    """Put a prompt before all texts, and freeze what is not its own."""
    table = module.body.get_input_embeddings()
    first = len(table.weight)
    reading = PromptTable(table, prompt, module.now)
    module.body.set_input_embeddings(reading)
    start, end = module.ends
    module.ends = ([*start, *range(first, first + length)], end)
    groups = only(module, prompt.parameters())
    ids: list[int] = []

    def own(tokenizer: Tokenizer) -> Tokenizer:
        made, ids[:] = with_prefix(tokenizer, length)
        return made

    def plain() -> Callable[[], None]:
        body = module.body
        body.set_input_embeddings(table)
        made = copy.deepcopy(body)
        body.set_input_embeddings(reading)
        with torch.no_grad():
            if max(ids) >= first:
                made.resize_token_embeddings(max(ids) + 1, mean_resizing=False)
            made.get_input_embeddings().weight[ids] = prompt.saved()
        module.body = made
        return lambda: setattr(module, "body", body)

    return Change(groups, plain, tokenizer=own)

"""Languages and scripts told to the language head alone."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from isogloss.errors import UsageError
from isogloss.language import read_language
from isogloss.registry import register
from isogloss.train.body import Body
from isogloss.train.parameters.full import full
from isogloss.train.student import Change


class LanguageScript(nn.Module):
    """E_language + E_script, a row of each for what a text is in.

    Args:
        languages: tags, as batches number them.
        width: of the states.
        seed: of the first values.
    """

    script: torch.Tensor

    def __init__(self, languages: Sequence[str], width: int, seed: int = 0) -> None:
        super().__init__()
        found = [read_language(tag).script for tag in languages]
        self.scripts = tuple(sorted(set(found)))
        drawn = torch.Generator().manual_seed(seed)
        self.language = nn.Parameter(0.02 * torch.randn(len(found), width, generator=drawn))
        self.writing = nn.Parameter(0.02 * torch.randn(len(self.scripts), width, generator=drawn))
        number = torch.tensor([self.scripts.index(script) for script in found])
        self.register_buffer("script", number, False)

    def forward(self, numbers: torch.Tensor) -> torch.Tensor:
        """Numbers of languages `[m]` to what is added to states `[m, h]`."""
        return self.language[numbers] + self.writing[self.script[numbers]]


@register("parameters", "langsamp.v1")
def langsamp(module: Body, *, fast: float = 10.0, seed: int = 0) -> Change:
    """All weights change, with vectors of language and script added just before the language head.

    logits = head(h + E_language + E_script). What tells languages apart may then stand in these
    vectors, and the states can be more neutral. The body never reads them, so the saved model is a
    plain one that asks for no language; a delta holds them, in the order of the run's languages,
    pivot first, and of the scripts by name. Vectors and states of the training are without them.
    Prefer it for going on with hidden tokens of many languages.
    Source: Liu et al. (2025), LangSAMP: Language-Script Aware Multilingual Pretraining.

    Args:
        module: how texts are read with the model.
        fast: learning rate of the token table and of these vectors, over that of the rest.
        seed: of their first values.

    Raises:
        UsageError: the languages are not known.
    """
    if not module.languages:
        raise UsageError(
            "the languages of the texts are not known", remedy="name them to student_of"
        )
    groups = full(module, fast=fast).groups
    made = LanguageScript(module.languages, module.body.config.hidden_size, seed)
    module.before_head = made
    groups[0]["params"] += list(made.parameters())
    return Change(groups)

"""A discriminator of languages that the model learns to confuse, at a strength or by constraint."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import nn

from isogloss.errors import UsageError
from isogloss.registry import register
from isogloss.train.contracts import Batch, Loss

Level = Literal["vectors", "states"]
Apart = Literal["languages", "pivot"]
Relation = tuple[str, str, float]
"""Two languages and their distance."""


class _Reversed(torch.autograd.Function):
    """The same value, and the gradient times -strength."""

    @staticmethod
    def forward(ctx: Any, values: torch.Tensor, strength: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(strength)
        return values.view_as(values)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None]:
        (strength,) = ctx.saved_tensors
        return -strength * gradients[0], None


@register("objective", "language_adversary.v1")
class LanguageAdversary(nn.Module):
    """The discriminator's cross-entropy; its gradient is reversed on its way into the model.

    A network D of one hidden layer tells the language of a text's vector, or of each token's
    state, -log D(l | v), averaged. D goes down this slope, the model `strength` times up it, so
    that what D could tell a language by is unlearned. The strength rises from 0 over training,
    strength (2 / (1 + exp(-ramp share)) - 1), since D knows nothing at first; `ramp = 0` has it
    whole from the first step, and a negative strength has the model help D.
    With `distances` D's targets are soft, q(k | l) ~ exp(-d(l, k) / softness): a model is not made
    to confuse languages that D need not tell apart, and what is confused first is far apart. Pairs
    that are not named have distance 1. With a softness near 0 targets are the languages alone.
    Prefer it where there is no parallel text, beside an objective that keeps meaning, as a model
    that says nothing confuses D too. It is unstable, and where D is certain its slope is all but 0,
    so that the model no longer learns from it; the constrained form finds the strength.

    Reads: outputs `vectors` `[views, B, d]` or `states` `[tokens, d]`, batch `language`.
    Source: Ganin et al. (2016), Domain-Adversarial Training of Neural Networks, section 4, the ramp
    as in their experiments; distances after Ngo and Nguyen (2024), Zero-shot Cross-lingual Transfer
    Learning with Multiple Source and Target Languages for Information Extraction, whose relational
    loss may differ from this one.

    Args:
        level: whether texts or tokens are told apart.
        apart: every language, or `pivot` from all others.
        strength: of the reversed gradient when training ends.
        ramp: how early it is nearly whole.
        hidden: units of D.
        factor: how many times as fast as the model D learns.
        distances: two tags and how far apart they are, in both directions.
        softness: the distance at which a language is a third as good as the right one.

    Raises:
        UsageError: fewer than two languages, or distances of languages that the run has not.
    """

    columns: ClassVar = ("language",)
    share: torch.Tensor
    relations: torch.Tensor

    def __init__(
        self,
        *,
        level: Level = "vectors",
        apart: Apart = "languages",
        strength: float = 1.0,
        ramp: float = 10.0,
        hidden: int = 256,
        factor: float = 30.0,
        distances: tuple[Relation, ...] = (),
        softness: float = 0.3,
    ) -> None:
        super().__init__()
        if distances and apart == "pivot":
            raise UsageError("distances are of languages", remedy="set apart = 'languages'")
        if distances and softness <= 0:
            raise UsageError(f"softness {softness} must be over 0")
        self.outputs = (level,)
        self.pivot_alone, self.strength, self.ramp = apart == "pivot", strength, ramp
        self.hidden, self.factor = hidden, factor
        self.distances, self.softness = distances, softness
        # In checkpoints, so that a run that is brought back goes on at the strength it had.
        self.register_buffer("share", torch.zeros(()))
        self.told_apart: Any = None

    def begin(self, model: Any) -> None:
        """A discriminator for vectors of the model's width and the languages of the run."""
        if len(model.languages) < 2:
            raise UsageError(
                f"{len(model.languages)} languages cannot be told apart",
                remedy="name the languages of the run",
            )
        kinds = 2 if self.pivot_alone else len(model.languages)
        self.register_buffer(
            "relations", related(model.languages, self.distances, self.softness), False
        )
        self.told_apart = nn.Sequential(
            nn.Linear(model.body.config.hidden_size, self.hidden),
            nn.LeakyReLU(),
            nn.Linear(self.hidden, kinds),
        )

    def stepped(self, share: float) -> None:
        """Go on to the strength of a share of the steps."""
        self.share.fill_(share)

    def now(self) -> torch.Tensor:
        """The strength at this step."""
        if not self.ramp:
            return torch.full_like(self.share, self.strength)
        return self.strength * (2 * torch.sigmoid(self.ramp * self.share) - 1)

    def count(self, batch: Batch) -> int:
        """Texts, or tokens."""
        return len(batch["ids"] if self.outputs == ("states",) else batch["offsets"])

    def forward(self, outputs: Mapping[str, torch.Tensor], batch: Batch) -> Loss:
        """The loss of one batch."""
        total = self.surprise(outputs, batch)
        return Loss(total, {"language_adversary": float(total.detach())})

    def surprise(self, outputs: Mapping[str, torch.Tensor], batch: Batch) -> torch.Tensor:
        """The discriminator's mean cross-entropy, its gradient to the model reversed."""
        (level,) = self.outputs
        language = batch["language"]  # [views B]
        if level == "states":
            lengths = torch.diff(batch["offsets"], append=language.new_tensor([len(batch["ids"])]))
            language = torch.repeat_interleave(language, lengths)  # [tokens]
        values = outputs[level].flatten(0, -2)  # [n, d]
        scores = self.told_apart(_Reversed.apply(values, self.now().to(values)))  # [n, kinds]
        if self.pivot_alone:
            return F.cross_entropy(scores, (language != 0).long())
        return F.cross_entropy(scores, self.relations[language].to(scores))


def related(
    languages: Sequence[str], distances: Sequence[Relation], softness: float
) -> torch.Tensor:
    """q(k | l) ~ exp(-d(l, k) / softness) `[languages, languages]`; without distances, l alone.

    Raises:
        UsageError: a distance that is negative, or of a language that is not there.
    """
    if not distances:
        return torch.eye(len(languages))
    found = 1 - torch.eye(len(languages))  # [languages, languages]
    for one, other, distance in distances:
        if one not in languages or other not in languages or distance < 0:
            raise UsageError(
                f"distances: {one}, {other}, {distance} is not of two languages of the run",
                remedy=f"there is {', '.join(languages)}",
            )
        a, b = languages.index(one), languages.index(other)
        found[a, b] = found[b, a] = distance if a != b else 0.0
    return torch.softmax(-found / softness, 1)


@register("objective", "constrained_language_adversary.v1")
class ConstrainedLanguageAdversary(LanguageAdversary):
    """The same, no stronger than is needed for the discriminator to do no better than by chance.

    The other objectives are minimised under the constraint L_D >= e, e = least log K for K kinds.
    Of the Lagrangian L + m (e - L_D) the model goes down the slope, and the multiplier m up it:
    where D tells languages better than allowed m grows, else it falls, down to 0. There is no
    strength to set. D itself goes down the slope of L_D.
    Prefer it over `language_adversary.v1` beside a task. If languages are not as many each in a
    batch, D does better than chance by their numbers alone: then set `least` lower, or tell the
    pivot from all others, as in the paper, with a mixture that has as much of both.

    Reads: as `language_adversary.v1`.
    Source: Held et al. (2023), DAMP: Doubly Aligned Multilingual Parser for Task-Oriented Dialogue,
    whose constraint is L_D >= e too, perhaps with another e; multipliers learned beside as by Platt
    and Barr (1987).

    Args:
        level: whether texts or tokens are told apart.
        apart: every language, or `pivot` from all others.
        least: share of the loss by chance that D is to have at least.
        most: bound of m.
        pace: how far m goes a step, in learning rates of D.
        hidden: units of D.
        factor: how many times as fast as the model D and m learn.
    """

    def __init__(
        self,
        *,
        level: Level = "vectors",
        apart: Apart = "pivot",
        least: float = 0.95,
        most: float = 10.0,
        pace: float = 10.0,
        hidden: int = 256,
        factor: float = 30.0,
    ) -> None:
        super().__init__(level=level, apart=apart, hidden=hidden, factor=factor)
        if not 0 < least <= 1 or most <= 0 or pace <= 0:
            raise UsageError(f"least {least} is to be a share, most {most} and pace {pace} over 0")
        self.least, self.most, self.pace = least, most, pace
        self.multiplier = nn.Parameter(torch.zeros(()))  # m / pace

    def stepped(self, share: float) -> None:
        """Keep the multiplier within its bounds."""
        with torch.no_grad():
            self.multiplier.clamp_(0, self.most / self.pace)

    def now(self) -> torch.Tensor:
        """The multiplier."""
        return self.pace * self.multiplier.detach()

    def forward(self, outputs: Mapping[str, torch.Tensor], batch: Batch) -> Loss:
        """The loss of one batch."""
        total = self.surprise(outputs, batch)
        least = self.least * math.log(self.told_apart[-1].out_features)
        # Nothing is added to the loss: this is here for its slope alone, which m goes up.
        slope = self.pace * self.multiplier * (total.detach() - least)
        total = total + slope - slope.detach()
        return Loss(total, {"language_adversary": float(total.detach())})

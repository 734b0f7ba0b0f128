"""Forward and backward over one batch, whole or in parts that make the same step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from isogloss import registry
from isogloss.errors import TrainingError, UsageError
from isogloss.train.batch import Texts
from isogloss.train.contracts import PER_TOKEN, Batch, Objective, count_of, is_joint, wanted_of
from isogloss.train.spread import Spread

Weighed = Sequence[tuple[float, Objective]]


class Pass:
    """Adds the gradients of batches to weights.

    A batch that is read in parts gives the step of the whole one. Losses that are means over rows
    or tokens are weighted by how many of them a part has. Losses in which the rows of a batch meet
    are taken over the outputs of all parts, and their gradients there are carried through one part
    at a time, at the price of a second forward pass. Processes share the parts among them.

    Source: Gao, Zhang, Han and Callan (2021), Scaling Deep Contrastive Learning Batch Size under
    Memory Limited Setup, section 3.

    Args:
        module: the model.
        accelerator: knows the device and the other processes.
        parts: that a batch is read in, by all processes together.
        rough: whether products are of bfloat16.

    Raises:
        UsageError: the processes cannot share the parts evenly.
    """

    def __init__(self, module: nn.Module, accelerator: Any, parts: int, *, rough: bool) -> None:
        self.module, self.accelerator, self.parts, self.rough = module, accelerator, parts, rough
        self.processes = accelerator.num_processes
        self.named: dict[str, str] = {}  # the objective of each part of the loss
        if parts % self.processes:
            raise UsageError(
                f"{self.processes} processes cannot share the {parts} parts of a batch evenly",
                remedy=f"set accumulate to a multiple of {self.processes}",
            )

    def backward(
        self, batch: Batch, objectives: Weighed, seed: int, spread: Spread | None = None
    ) -> dict[str, float]:
        """Add the gradients of a batch.

        Args:
            batch: one that a mixture gave.
            objectives: with their weights.
            seed: of dropout, which differs by part.
            spread: of the vectors, to which they are added where the model gives them.

        Returns:
            The loss by its parts, weighted; the same in all processes.

        Raises:
            TrainingError: an objective needs a column or a view that the batch has not.
            UsageError: a batch that cannot be read in parts.
        """
        active = [(weight, each) for weight, each in objectives if weight]
        if not active:
            return {}
        _check_columns([each for _, each in active], batch)
        if self.parts == 1:
            batch = moved(batch, self.accelerator.device)
            outputs = self._read(batch, active, seed, spread)
            return self._weigh(active, outputs, batch)
        if not isinstance(batch, Texts):
            raise UsageError(
                "batches of this mixture cannot be read in parts", remedy="set accumulate = 1"
            )
        whole = batch.to(self.accelerator.device)
        return self._in_parts(whole, active, seed * self.parts, spread)

    def _in_parts(
        self, batch: Texts, active: Weighed, seed: int, spread: Spread | None
    ) -> dict[str, float]:
        rank, share = self.accelerator.process_index, self.parts // self.processes
        numbered = list(enumerate(batch.split(self.parts), seed))
        mine = numbered[rank * share : (rank + 1) * share]
        joint = [(weight, each) for weight, each in active if is_joint(each)]
        alone = [(weight, each) for weight, each in active if not is_joint(each)]
        met, slopes = self._meet(batch, joint, mine)
        found: dict[str, float] = {}
        for number, (span, part) in mine:
            outputs = self._read(part, active, number, spread)
            carried = [
                (outputs[name] * s[..., _places(name, batch, span), :]).sum()
                for name, s in slopes.items()
            ]
            for name, value in self._weigh(alone, outputs, part, carried, of=batch).items():
                found[name] = found.get(name, 0.0) + value
        return met | self._added_up(found)

    def _meet(
        self, batch: Texts, joint: Weighed, mine: Sequence[tuple[int, tuple[slice, Texts]]]
    ) -> tuple[dict[str, float], dict[str, torch.Tensor]]:
        """Losses over the outputs of all parts, and their gradients at these."""
        if not joint:
            return {}, {}
        whole: dict[str, torch.Tensor] = {}
        with torch.no_grad():
            for number, (span, part) in mine:
                for name, value in self._read(part, joint, number).items():
                    if name not in whole:
                        size = len(batch.ids) if name in PER_TOKEN else batch.size
                        whole[name] = value.new_zeros((*value.shape[:-2], size, value.shape[-1]))
                    whole[name][..., _places(name, batch, span), :] = value
            if self.processes > 1:
                whole = {n: self.accelerator.reduce(v, "sum") for n, v in sorted(whole.items())}
        for value in whole.values():
            value.requires_grad_()
        found = self._weigh(joint, whole, batch)
        if not self.accelerator.is_main_process:  # all saw the same; one speaks for all
            for _, each in joint:
                if isinstance(each, nn.Module):
                    each.zero_grad(set_to_none=True)
        return found, {name: v.grad for name, v in whole.items() if v.grad is not None}

    def _read(
        self, batch: Batch, objectives: Weighed, seed: int, spread: Spread | None = None
    ) -> dict[str, torch.Tensor]:
        """What the objectives want of a batch, in float32."""
        wanted = {name for _, each in objectives for name in wanted_of(each)}
        if spread is not None and "vectors" in getattr(self.module, "gives", ()):
            wanted.add("vectors")
        torch.manual_seed(seed)
        with torch.autocast(self.accelerator.device.type, torch.bfloat16, enabled=self.rough):
            outputs = self.module(batch, wanted)
        if spread is not None:
            spread.add(outputs)
        return {n: value.float() for n, value in outputs.items()} if self.rough else outputs

    def _weigh(
        self,
        objectives: Weighed,
        outputs: Mapping[str, torch.Tensor],
        batch: Batch,
        carried: Sequence[torch.Tensor] = (),
        of: Batch | None = None,
    ) -> dict[str, float]:
        """Add the gradients of objectives, for the share that a batch is `of` another.

        One that finds nothing to learn from, as of rows without labels, adds nothing.
        """
        total, found = list(carried), {}
        for weight, each in objectives:
            n = count_of(each, batch)
            if not n:
                continue
            if of is not None:
                weight *= n / count_of(each, of)
            loss = each(outputs, batch)
            total.append(weight * loss.total)
            for name, value in loss.parts.items():
                found[name] = found.get(name, 0.0) + weight * value
                self.named.setdefault(name, registry.name_of("objective", each))
        summed = torch.stack(total).sum() if total else torch.zeros(())
        if summed.requires_grad:  # in a batch of covered words nothing changes
            self.accelerator.backward(summed)
        return found

    def _added_up(self, found: dict[str, float]) -> dict[str, float]:
        """The sum over the processes."""
        if self.processes == 1:
            return found
        from accelerate.utils import gather_object

        everywhere: dict[str, float] = {}
        for one in gather_object([found]):
            for name, value in one.items():
                everywhere[name] = everywhere.get(name, 0.0) + value
        return everywhere


def _places(name: str, batch: Texts, span: slice) -> slice | torch.Tensor:
    """Where the rows of a span stand in an output of the whole batch."""
    return batch.tokens_of(span) if name in PER_TOKEN else span


def add_up_gradients(module: nn.Module, accelerator: Any) -> None:
    """Give every process the sum of all their gradients; weights that no process used get none."""
    if accelerator.num_processes == 1:
        return
    weights = [weight for weight in module.parameters() if weight.requires_grad]
    used = torch.tensor([float(weight.grad is not None) for weight in weights])
    for weight, users in zip(
        weights, accelerator.reduce(used.to(accelerator.device), "sum"), strict=True
    ):
        if users:
            own = torch.zeros_like(weight) if weight.grad is None else weight.grad
            weight.grad = accelerator.reduce(own, "sum")


def _check_columns(objectives: Sequence[Objective], batch: Batch) -> None:
    for each in objectives:
        if lacking := [name for name in getattr(each, "columns", ()) if name not in batch]:
            raise TrainingError(
                f"{registry.name_of('objective', each)}: the objective {type(each).__name__} reads "
                f"{', '.join(lacking)}, which the mixture does not give; it gives "
                f"{', '.join(sorted(batch))}",
                remedy="name a mixture that gives it, or another objective",
            )
        least = getattr(each, "views", 1)
        if (views := int(batch.get("views", least))) < least:
            raise TrainingError(
                f"{registry.name_of('objective', each)} compares {least} texts of a row, and the "
                f"mixture gives {views}",
                remedy="name a mixture of more views, such as parallel.v1, or set its views higher",
            )


def moved(batch: Batch, device: torch.device) -> Batch:
    """The same batch on a device."""
    if device.type == "cpu":
        return batch
    if isinstance(batch, Texts):
        return batch.to(device)
    return {n: v.to(device) if isinstance(v, torch.Tensor) else v for n, v in batch.items()}

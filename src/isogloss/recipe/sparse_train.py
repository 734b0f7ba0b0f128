"""The step that trains a few weights: those that training all of them changed most."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from isogloss.encode.folder import read_object
from isogloss.files import atomic_folder, write_json
from isogloss.recipe.factors import Factor
from isogloss.recipe.step import Workplace
from isogloss.recipe.train_step import Taught, Train
from isogloss.registry import register

if TYPE_CHECKING:
    from pathlib import Path

    import torch

    from isogloss.encode.folder import ModelFolder
    from isogloss.train.material import Material

_CHOSEN, _PLACES, _FIRST = "chosen", "places.safetensors", "first.json"


@register("step", "sparse_train.v1")
class SparseTrain(Train):
    """Train twice: choose the weights that changed most, go back, and train those alone.

    Phase 1 trains the parameters as `train.v1` does. The K weights of the largest
    |theta_1 - theta_0|, over all weights together, are chosen, and the model is opened anew.
    Phase 2 reads the same batches and changes those alone; all others stay, bit for bit. With
    `keep = "delta"` their places and values are what is left, and `isogloss merge --method sparse`
    adds such deltas of languages and tasks up.
    Prefer it where a language and a task are learned apart and put together later.
    Source: Ansell, Ponti, Korhonen and Vulić (2022), Composable Sparse Fine-Tuning for
    Cross-Lingual Transfer.

    Attributes:
        share: K, of the weights that may change.
        select: `change`, or `random` places, which need no phase 1 and are what it is compared
            with.
        first_steps: steps of phase 1; those of phase 2 by default.
        l1: weight of `weights_near_start.v1` in both phases, as the paper has it for
            languages; 0 for none.
        stay: parts of names; weights that have one are trained in neither phase.
    """

    parameters: Factor = Field(default={"use": "full.v1", "fast": 1.0})
    share: float = Field(default=0.05, gt=0, le=1)
    select: Literal["change", "random"] = "change"
    first_steps: int | None = Field(default=None, ge=1)
    l1: float = Field(default=0.0, ge=0)
    stay: tuple[str, ...] = ()

    def _taught(self, folder: ModelFolder, material: Material, place: Workplace) -> Taught:
        from isogloss.train.parameters.sparse import only_at

        places = self._places(folder, material, place)
        student = self._open(folder, material, place)
        student.change = only_at(student.module, places, student.groups())
        chosen = sum(map(len, places.values()))
        total = sum(weight.numel() for weight in student.module.body.parameters())
        how = "changed most" if self.select == "change" else "were drawn"
        place.notes.append(f"{self.name}: {chosen:,} of {total:,} weights {how} and were trained")
        if first := read_object(place.scratch / _CHOSEN / _FIRST):
            place.notes.append(
                f"{self.name}: phase 1 read {first['tokens']:,} tokens in {first['steps']} steps, "
                f"which the log of phase 2 does not count; its loss was {first['loss']:.4g}"
            )
        lessons = self._pulled(material, place)
        return Taught(student, self._loop(student, lessons, material, place), lessons)

    def _open(self, folder: ModelFolder, material: Material, place: Workplace) -> Any:
        """The student as it begins, in either phase, without the weights that stay."""
        from isogloss.errors import UsageError
        from isogloss.train.parameters.sparse import eligible

        student = self._student(folder, material, place)
        own = set(map(id, (*student.module.body.parameters(), *student.module.made)))
        trained = [weight for group in student.groups() for weight in group["params"]]
        if student.change.plain or not own.issuperset(map(id, trained)):
            raise UsageError(
                f"{self.parameters['use']} trains weights that the model does not have",
                remedy="choose among the model's own: full.v1 or embeddings.v1",
            )
        kept = set(map(id, (*eligible(student.module, self.stay).values(), *student.module.made)))
        for weight in student.module.parameters():
            weight.requires_grad_(id(weight) in kept)
        groups = [
            {**group, "params": [weight for weight in group["params"] if id(weight) in kept]}
            for group in student.groups()
        ]
        student.change = replace(
            student.change, groups=[group for group in groups if group["params"]]
        )
        return student

    def _pulled(self, material: Material, place: Workplace) -> list[Any]:
        """The lessons, with objectives that nobody has used, and the L1 beside the first."""
        from isogloss.train.objectives.weights_near_start import WeightsNearStart

        first, *rest = self._lessons(material, place.seed)
        if self.l1:
            first = first._replace(
                objectives=[*first.objectives, (self.l1, WeightsNearStart(norm=1))]
            )
        return [first, *rest]

    def _places(
        self, folder: ModelFolder, material: Material, place: Workplace
    ) -> dict[str, torch.Tensor]:
        """The chosen places by name; what a killed run chose is read again."""
        from safetensors.torch import load_file, save_file

        from isogloss.train.parameters.sparse import at_random, eligible, most_changed

        chosen: Path = place.scratch / _CHOSEN
        if (chosen / _PLACES).is_file():
            return load_file(chosen / _PLACES)
        start = self._open(folder, material, place)
        before = eligible(start.module)
        sizes = {name: weight.numel() for name, weight in before.items()}
        count = max(1, round(self.share * sum(sizes.values())))
        about: dict[str, Any] = {}
        if self.select == "random":
            found = at_random(sizes, count, place.seed)
        else:
            student = self._open(folder, material, place)
            steps = self.first_steps or self.steps
            trained = self._loop(
                student,
                self._pulled(material, place),
                material,
                place,
                steps=steps,
                checkpoint="first",
            )
            read = sum(trained.read.values())
            about = {"steps": steps, "tokens": read, "loss": trained.final_loss}
            found = most_changed(before, dict(student.module.named_parameters()), count)
        if place.first:  # of several processes
            with atomic_folder(chosen) as temporary:
                save_file(found, temporary / _PLACES)
                write_json(temporary / _FIRST, about)
        return found

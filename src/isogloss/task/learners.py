"""How a model is taught a task: all of it tuned, or a probe over its vectors."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isogloss.encode.folder import open_folder
from isogloss.errors import UsageError
from isogloss.progress import Start
from isogloss.task.examples import Examples
from isogloss.task.probe import Probe, probe
from isogloss.task.solver import Solver, Tuning, Watch, tune

if TYPE_CHECKING:
    from isogloss.encode.folder import ModelFolder
    from isogloss.encode.protocol import Encoder


@dataclass(frozen=True)
class TuneModel:
    """The weights of a transformer and a head are tuned together.

    Attributes:
        folder: of the model.
        tuning: how.
        scratch: folder for checkpoints, one a training.
    """

    folder: ModelFolder
    tuning: Tuning
    scratch: Path

    @property
    def fingerprint(self) -> str:
        """Of the model."""
        return self.folder.fingerprint

    def teach(
        self, task: Any, train: Sequence[Examples], *, seed: int, after: Path | None,
        watch: Watch | None, start: Start, changes: Mapping[str, Any], name: str,
    ) -> Solver:  # fmt: skip
        """Tune the model, or the one that lies in `after`; a task without a head says how."""
        folder = open_folder(after, after.name) if after else self.folder
        tuning = Tuning.model_validate({**self.tuning.model_dump(), **changes})
        tags = ", ".join(dict.fromkeys(one.tag for one in train))
        own = getattr(task, "tune", None) or partial(tune, task=task)
        checkpoint = self.scratch / "checkpoints" / name
        solver = own(
            folder=folder, train=train, tuning=tuning, seed=seed, watch=watch,
            checkpoint=checkpoint, begin=partial(start, f"tune on {tags}"),
        )  # fmt: skip
        shutil.rmtree(checkpoint, ignore_errors=True)
        return solver


@dataclass(frozen=True)
class ProbeVectors:
    """A linear probe over the vectors of an encoder.

    Attributes:
        encoder: any.
    """

    encoder: Encoder

    @property
    def fingerprint(self) -> str:
        """Of the model."""
        return self.encoder.fingerprint

    def teach(
        self, task: Any, train: Sequence[Examples], *, seed: int, after: Path | None,
        watch: Watch | None, start: Start, changes: Mapping[str, Any], name: str,
    ) -> Probe:  # fmt: skip
        """Fit a probe.

        Raises:
            UsageError: it is to go on from another, to be chosen, or to be taught in another way.
        """
        told = {"goes on from another": after, "is chosen on other examples": watch,
                **{f"has {name}": name for name in changes}}  # fmt: skip
        if wrong := [what for what, there in told.items() if there]:
            raise UsageError(f"no probe {wrong[0]}", remedy="tune the model: --learner tune")
        return probe(self.encoder, task, train, seed=seed)

"""Several processes of one run, as `accelerate launch` starts them: all train, the first writes."""

from __future__ import annotations

import atexit
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from isogloss.errors import UsageError

T = TypeVar("T")

_SIZES = ("WORLD_SIZE", "PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "MV2_COMM_WORLD_SIZE")
_RANKS = ("RANK", "PMI_RANK", "OMPI_COMM_WORLD_RANK", "MV2_COMM_WORLD_RANK")
_PATIENCE = timedelta(days=7)  # the others wait for steps that the first does by itself


@dataclass(frozen=True)
class Processes:
    """The processes of a run.

    Attributes:
        count: of them.
        rank: of this one; 0 is the first, which alone writes what stays.
    """

    count: int = 1
    rank: int = 0

    @property
    def first(self) -> bool:
        """Whether this is the one that writes."""
        return not self.rank

    def agreed(self, value: T) -> T:
        """What the first process says."""
        if self.count == 1:
            return value
        from accelerate.utils import broadcast_object_list

        return broadcast_object_list([value])[0]

    def wait(self) -> None:
        """Go on when all have come here."""
        if self.count > 1:
            from accelerate import PartialState

            PartialState().wait_for_everyone()


def launched(environment: Mapping[str, str] = os.environ) -> Processes:
    """The processes that a launcher says it started; one if there is none. Imports nothing."""
    for size, rank in zip(_SIZES, _RANKS, strict=True):
        if environment.get(size, "").isdigit() and environment.get(rank, "").isdigit():
            return Processes(int(environment[size]), int(environment[rank]))
    return Processes()


def join() -> Processes:
    """The processes of this run, in touch with each other.

    Raises:
        UsageError: they are not.
    """
    told = launched()
    if told.count == 1:
        return Processes()
    import torch

    # Read after the group is there, it would hold on to it in the defaults of its functions, and
    # the group's threads would outlive it into the end of the interpreter, which can abort then.
    import torch.distributed.nn.functional
    from accelerate import PartialState

    alone = not torch.distributed.is_initialized()
    devices = torch.accelerator.device_count() if torch.accelerator.is_available() else 0
    # Where there is no device for each, all use processors; accelerate would not join them.
    state = PartialState(cpu=devices < told.count, **({"timeout": _PATIENCE} if alone else {}))
    if state.num_processes != told.count:
        raise UsageError(
            f"{told.count} processes were started, and {state.num_processes} found each other",
            remedy="start them with: accelerate launch --multi_gpu --num_processes "
            f"{told.count} -m isogloss run ...",
        )
    if alone:  # else whoever joined them parts them
        atexit.register(state.destroy_process_group)
    return Processes(state.num_processes, state.process_index)

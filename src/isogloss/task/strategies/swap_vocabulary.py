"""What a body was taught with one token table, told with that of another language."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from isogloss.encode.folder import open_folder
from isogloss.errors import ModelError, UsageError
from isogloss.registry import register
from isogloss.task.contracts import Guess
from isogloss.task.cutting import cutter_of
from isogloss.task.job import Job
from isogloss.task.needs import needs
from isogloss.task.same_body import check_body
from isogloss.task.solver import Solver, Tuned

BLOCKS = {"use": "layers.v1", "layers": "all"}
"""The blocks alone learn, and the head; the embeddings stay."""
SHOWN = 3  # weights that are named where many are wrong


@register("strategy", "swap_vocabulary.v1")
@needs("folders")
def swap_vocabulary(
    job: Job, target: str, *, taken: Literal["table", "embeddings"] = "table"
) -> Sequence[Guess | None]:
    """Teach the blocks of a model the task over a frozen token table, then put another in.

    The target's model has the blocks of the job's model and a table that was learned under them,
    frozen, from text of the target: the parameters `embeddings.v1` with a tokenizer of its own. As
    the table does not move while the task is learned, what the blocks learn fits the other table
    too. It needs no parallel text, no common vocabulary, and a training on text for each target.

    Source: Artetxe, Ruder and Yogatama (2020), On the Cross-lingual Transferability of Monolingual
    Representations, section 2 (MonoTrans).

    Args:
        job: what there is; `means.folders` has the model of the target.
        target: canonical tag.
        taken: from the target's model: its token `table`, or all `embeddings`: positions, types and
            the norm behind them too, where these were learned for the language.

    Raises:
        UsageError: there is no model of the target, or what is taught has no weights of its own.
        ModelError: its blocks or positions are of another shape or another kind.
    """
    folders = job.means.need("folders")
    if target not in folders:
        raise UsageError(
            f"there is no model of {target}", remedy="give one with --folder, or take zero_shot.v1"
        )

    if own := getattr(job.learner, "folder", None):  # before hours of training, where it is known
        check_body(own, open_folder(folders[target], folders[target].name))

    def make() -> Solver:
        solver = job.train(job.sources(), parameters=BLOCKS)
        return swapped(solver, folders[target], taken)

    solver = job.once(f"swap_vocabulary {target} {taken}", make)
    return job.tell(solver, job.test(target))


def swapped(solver: Solver, path: Path, taken: Literal["table", "embeddings"] = "table") -> Tuned:
    """A solver with the tokenizer and the token table of another model.

    Args:
        solver: that was tuned.
        path: folder of the other model.
        taken: see `swap_vocabulary`.

    Raises:
        UsageError: the solver has no weights of its own.
        ModelError: the other model is none of a transformer, or its shapes are others.
    """
    import torch

    from isogloss.train.student import student_of

    folder = open_folder(path, path.name)
    if not isinstance(solver, Tuned):
        raise UsageError(
            "what was taught has no token table of its own",
            remedy="tune the model: --learner tune",
        )
    if folder.kind != "transformer.v1" or len(solver.student.module.inserted):
        raise ModelError(
            "tables are exchanged between plain transformers, without modules in their bodies",
            file=path, remedy="train the table with embeddings.v1",
        )  # fmt: skip
    cutter = cutter_of(folder)
    student = student_of("full.v1", folder.body, cutter.tokenizer, tags=tuple(solver.languages))
    own, other = solver.student.module.body, student.module.body
    stay = _taken(other, taken)
    state = {name: weight for name, weight in own.state_dict().items() if name not in stay}
    _check(state, other, stay, own, path)
    with torch.no_grad():
        other.load_state_dict(state, strict=False)
    student.module.to(next(solver.student.module.parameters()).device)
    return Tuned(
        solver.task, student, solver.head, cutter, solver.classes, solver.languages,
        solver.seconds, list(solver.notes), solver.kept,
    )  # fmt: skip


def _taken(body: Any, taken: str) -> set[str]:
    """Names of the weights that the other model keeps."""
    from isogloss.encode.inserted.blocks import blocks_of
    from isogloss.train.parameters.layers import embedding_weights

    kept = [body.get_input_embeddings().weight]
    if taken == "embeddings":
        kept += embedding_weights(body.base_model, blocks_of(body))
    ids = {id(weight) for weight in kept}
    return {name for name, weight in body.named_parameters(remove_duplicate=False)
            if id(weight) in ids}  # fmt: skip


def _check(state: dict[str, Any], other: Any, stay: set[str], own: Any, path: Path) -> None:
    """Refuse another architecture, other shapes, and positions that are counted otherwise."""
    there = {name: weight for name, weight in other.state_dict().items() if name not in stay}
    wrong = [f"{name} is in one model alone" for name in sorted(state.keys() ^ there.keys())]
    wrong += [
        f"{name} has {_shape(there[name])} and not {_shape(weight)}"
        for name, weight in state.items() if name in there and there[name].shape != weight.shape
    ]  # fmt: skip
    width = other.get_input_embeddings().weight.shape[1]
    if width != (wanted := own.get_input_embeddings().weight.shape[1]):
        wrong.append(f"the token table has {width} columns and not {wanted}")
    if _first_position(own) != _first_position(other):
        wrong.append("positions are counted from another padding token")
    if wrong:
        more = f" and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
        raise ModelError(
            f"is no model of the same body: {'; '.join(wrong[:SHOWN])}{more}", file=path,
            remedy="give one whose table was learned under the model of this job",
        )  # fmt: skip


def _shape(weight: Any) -> str:
    return " x ".join(map(str, weight.shape))


def _first_position(body: Any) -> int | None:
    """Bodies such as RoBERTa count positions from the row behind that of the padding token."""
    places = (getattr(module, "position_embeddings", None) for module in body.modules())
    return next((one.padding_idx for one in places if hasattr(one, "padding_idx")), None)

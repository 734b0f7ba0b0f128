"""A language head that is made for a body, and nothing else."""

from __future__ import annotations

from isogloss.errors import ModelError
from isogloss.registry import register
from isogloss.train.body import Body
from isogloss.train.student import Change, only


@register("parameters", "head.v1")
def head(module: Body) -> Change:
    """Only the head that is made for a body; the body and its table are frozen.

    For sentence encoders, which lost theirs: a table of other tokens can then be learned under a
    body and a head that both know a language.

    Args:
        module: a reader that made a head.

    Raises:
        ModelError: the model has a head.
    """
    if not module.made:
        raise ModelError("the model has a language head of its own", file=module.body.name_or_path)
    return Change(only(module, ()))

"""All weights of a body."""

from __future__ import annotations

from isogloss.registry import register
from isogloss.train.body import Body
from isogloss.train.student import Change


@register("parameters", "full.v1")
def full(module: Body, *, fast: float = 10.0) -> Change:
    """All weights change; the token table learns faster than the rest.

    Prefer it where the model already reads a language or its script a little, and where the
    result must load as a plain `transformers` model. It costs far more than the static student.
    Source: Reimers and Gurevych (2020), with the vocabulary extended as in Wang et al. (2020),
    Extending Multilingual BERT to Low-Resource Languages, section 3.

    Args:
        module: how texts are read with the model.
        fast: learning rate of the token table and of what begins here, over that of the rest.
    """
    first = [module.body.get_input_embeddings().weight, *module.made]
    known = set(map(id, first))
    rest = [p for p in module.parameters() if id(p) not in known and p.requires_grad]
    return Change([{"params": first, "factor": fast}, {"params": rest, "factor": 1.0}])

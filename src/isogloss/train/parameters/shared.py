"""What languages share, beside modules of their own that stay."""

from __future__ import annotations

from isogloss.encode.inserted.blocks import blocks_of
from isogloss.encode.inserted.files import SWITCHED
from isogloss.errors import ModelError
from isogloss.registry import register
from isogloss.train.body import Body
from isogloss.train.parameters.layers import embedding_weights
from isogloss.train.student import Change, only


@register("parameters", "shared.v1")
def shared(module: Body, *, embeddings: bool = False) -> Change:
    """All weights of a body change but its modules of languages, and its embeddings.

    A task that is learned so in one language goes through the module of that language, which
    stays; told in another, through that one's. The mixture must give the column `language`. Prefer
    it over `full.v1` for what is to be carried to the other languages of such a body, as there
    the module of the language that is read would learn the task too, and the others would not.
    Source: Pfeiffer et al. (2022), Lifting the Curse of Multilinguality by Pre-training Modular
    Transformers, X-MOD, on fine-tuning; for retrieval Louis et al. (2024), ColBERT-XM.

    Args:
        module: a body with modules of languages in it.
        embeddings: whether the embeddings change too.

    Raises:
        ModelError: the body has no modules of languages.
    """
    parts = zip(module.inserted.parts, module.inserted, strict=True)
    own = [one for part, one in parts if part.use in SWITCHED]
    if not own:
        raise ModelError(
            "no modules of languages are in the body", file=module.body.name_or_path,
            remedy="train with per_language.v1 first, or train all of it with full.v1",
        )  # fmt: skip
    still = [weight for one in own for weight in one.parameters()]
    if not embeddings:
        still += embedding_weights(module.body.base_model, blocks_of(module.body))
    frozen = set(map(id, still))
    return Change(only(module, [w for w in module.parameters() if id(w) not in frozen]))

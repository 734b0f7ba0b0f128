"""The token table alone; the body that reads it is frozen."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from isogloss.registry import register
from isogloss.train.parameters.full import BodyParameters, Reader, mean_pooled, only

if TYPE_CHECKING:
    import numpy as np
    from tokenizers import Tokenizer


@register("parameters", "embeddings.v1")
def embeddings(
    folder: Path,
    tokenizer: Tokenizer,
    rows: np.ndarray | None = None,
    *,
    reader: Reader = mean_pooled,
    first: int = 0,
) -> BodyParameters:
    """The token table changes, and with a head its value a token; all else stays, bit for bit.

    A table that was learned so is exchanged for that of another language: what the body was taught
    with one, such as a task, it does with the other. Positions, the normalisation behind the table
    and a head that the model had stay too; a head that begins here trains beside.
    Prefer it for little text, for a language near one that the body knows, and where several
    languages are to share one body. Where the body has to learn other syntax, `full.v1` fits more.
    Source: Artetxe, Ruder and Yogatama (2020), On the Cross-lingual Transferability of Monolingual
    Representations, section 2, step 2; de Vries, Bartelds, Nissim and Wieling (2021), Adapting
    Monolingual Models: Data can be Scarce when Language Similarity is High, section 3.

    Args:
        folder: of the model.
        tokenizer: that goes with its rows.
        rows: `[new, d]` rows appended to the table, if it has none for the last tokens.
        reader: what texts are read for.
        first: rows before this one stay too, such as those that the model had before it was
            extended.
    """
    module = reader(folder, tokenizer, rows)
    groups = only(module, module.body.get_input_embeddings().weight, first)
    return BodyParameters(folder, tokenizer, module, groups)

"""Models of folders, opened to be read: for vectors and states, or for words."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from isogloss.encode.weights import quiet
from isogloss.errors import ModelError
from isogloss.train.body import Body
from isogloss.train.reading import text_ends
from isogloss.train.word_head import WordHead

if TYPE_CHECKING:
    from tokenizers import Tokenizer

Reader = Callable[..., Body]
"""From a folder, a tokenizer and rows behind those of the table to how texts are read."""

_HEADS = {"ForMaskedLM": "AutoModelForMaskedLM", "ForCausalLM": "AutoModelForCausalLM",
          "LMHeadModel": "AutoModelForCausalLM",
          "ForConditionalGeneration": "AutoModelForSeq2SeqLM",
          "MTModel": "AutoModelForSeq2SeqLM"}  # fmt: skip


def sentences(folder: Path, tokenizer: Tokenizer, rows: np.ndarray | None = None) -> Body:
    """The body of a folder with more rows, without a head: for vectors and states."""
    body = open_body(folder)
    return Body(body, text_ends(tokenizer), added=append_rows(body, rows)).bring_back(folder)


def words(
    folder: Path,
    tokenizer: Tokenizer,
    rows: np.ndarray | None = None,
    *,
    seed: int = 0,
    head: Mapping[str, torch.Tensor] | None = None,
) -> Body:
    """A body with a language head: the folder's own where all of it is there, else one made here.

    Args:
        folder: of the model.
        tokenizer: that goes with its rows.
        rows: `[new, d]` rows appended to the table.
        seed: of a head that is made.
        head: what a head that was made for this body begins with, `WordHead.transform`; it is then
            part of the model, and frozen where that is.

    Raises:
        ModelError: a head of another width.
    """
    import transformers

    torch.manual_seed(seed)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    ends = text_ends(tokenizer)
    named = str((config.get("architectures") or [""])[0])
    opened = next((cls for end, cls in _HEADS.items() if named.endswith(end)), None)
    if head is None and opened:
        with quiet():
            model, found = getattr(transformers, opened).from_pretrained(
                folder, local_files_only=True, dtype=torch.float32, output_loading_info=True
            )
        if not found["missing_keys"]:
            return Body(model, ends, added=append_rows(model, rows)).bring_back(folder)
    body = open_body(folder, seed)
    added = append_rows(body, rows)
    tokens, columns = body.get_input_embeddings().weight.shape
    made = WordHead(body.config.hidden_size, columns, tokens)
    if head is not None:
        made.given = True
        try:
            made.load_state_dict(dict(head), strict=False)
        except RuntimeError:
            raise ModelError(
                "the head was made for a body of another width", file=folder,
                remedy="make it with word_head.v1 for the body that is trained",
            ) from None  # fmt: skip
    return Body(body, ends, made, added=added).bring_back(folder)


def open_body(folder: Path, seed: int = 0) -> Any:
    """The body of a folder in float32; the seed is of what it may lack, such as a pooler."""
    from transformers import AutoModel

    torch.manual_seed(seed)
    with quiet():
        return AutoModel.from_pretrained(folder, local_files_only=True, dtype=torch.float32)


def append_rows(body: Any, rows: np.ndarray | None) -> int:
    """Put rows behind those of the token table, and say how many."""
    if rows is None:
        return 0
    old = len(body.get_input_embeddings().weight)
    body.resize_token_embeddings(old + len(rows), mean_resizing=False)
    with torch.no_grad():
        body.get_input_embeddings().weight[old:] = torch.from_numpy(rows)
    return len(rows)

"""A table of token vectors, averaged: the student that trains in minutes on a CPU."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import nn

from isogloss.registry import register
from isogloss.train.loop import Batch

if TYPE_CHECKING:
    from tokenizers import Tokenizer


class MeanTable(nn.Module):
    """vector(text) = mean of the rows of its tokens; table `[V, d]`."""

    def __init__(self, size: int, dimension: int) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.randn(size, dimension) * 0.02)

    def forward(self, batch: Batch) -> dict[str, torch.Tensor]:
        """Batch columns `ids` `[tokens]`, `offsets` `[views * B]`, `views` to vectors."""
        used, ids = torch.unique(batch["ids"], return_inverse=True)
        flat = F.embedding_bag(ids, self.table[used], batch["offsets"], mode="mean")
        return {"vectors": flat.view(int(batch["views"]), -1, flat.shape[-1])}  # [views, B, d]


@register("parameters", "static.v1")
class StaticStudent:
    """All weights of a mean-pooled token table in the teacher's space.

    Prefer it on a CPU and for little data: it cannot read word order, but it learns a language
    from a few thousand sentence pairs in minutes and encodes thousands of texts a second.
    Source: the architecture of Hill, Cho and Korhonen (2016, FastSent) and of
    `sentence_transformers`' StaticEmbedding, in which it is saved.
    """

    def __init__(self, tokenizer: Tokenizer, dimension: int, seed: int) -> None:
        torch.manual_seed(seed)
        self.tokenizer = tokenizer
        self.module = MeanTable(tokenizer.get_vocab_size(), dimension)

    def groups(self) -> list[dict[str, Any]]:
        """One group: the table."""
        return [{"params": [self.module.table]}]

    def save(self, folder: Path) -> None:
        """Write a folder that `sentence_transformers.SentenceTransformer` loads unchanged."""
        from safetensors.torch import save_file

        self.tokenizer.no_truncation()
        self.tokenizer.no_padding()
        static = folder / "0_StaticEmbedding"
        static.mkdir()
        (folder / "1_Normalize").mkdir()
        table = self.module.table.detach().contiguous()
        save_file({"embedding.weight": table}, static / "model.safetensors")
        self.tokenizer.save(str(static / "tokenizer.json"))
        modules = [
            {
                "idx": i,
                "name": str(i),
                "path": f"{i}_{kind}",
                "type": f"sentence_transformers.models.{kind}",
            }
            for i, kind in enumerate(("StaticEmbedding", "Normalize"))
        ]
        _write(folder / "modules.json", modules)
        _write(
            folder / "config_sentence_transformers.json",
            {"prompts": {}, "default_prompt_name": None, "similarity_fn_name": "cosine"},
        )


def _write(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")

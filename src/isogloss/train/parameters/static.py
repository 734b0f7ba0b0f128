"""A table of token vectors, averaged: the student that trains in minutes on a CPU."""

from __future__ import annotations

import json
import zlib
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from isogloss.registry import register
from isogloss.train.contracts import Batch

if TYPE_CHECKING:
    from tokenizers import Tokenizer


BUCKETS = 100_000
LENGTHS = (3, 4, 5)
LENGTH = 2.0  # of a row that begins as a teacher's vector: about that of a row once trained


class MeanTable(nn.Module):
    """vector(text) = mean of the rows of its tokens; row = own vector + mean of its n-grams'.

    The character n-grams of a token share hashed vectors while training, so that rare pieces,
    inflected forms and words that two languages spell alike learn from each other; `rows` gives
    the plain table `[V, d]` they add up to.
    Source: Bojanowski et al. (2017), Enriching Word Vectors with Subword Information, section 3.2.
    """

    grams: torch.Tensor
    ends: torch.Tensor
    counts: torch.Tensor

    def __init__(self, pieces: Sequence[str], dimension: int, buckets: int = BUCKETS) -> None:
        super().__init__()
        self.own = nn.Parameter(torch.randn(len(pieces), dimension) * 0.02)
        self.shared = nn.Parameter(torch.randn(buckets, dimension) * 0.02)
        found = [ngrams(piece, buckets) for piece in pieces]
        counts = torch.tensor([len(ids) for ids in found])
        self.register_buffer("grams", torch.tensor([i for ids in found for i in ids]), False)
        self.register_buffer("ends", counts.cumsum(0), False)
        self.register_buffer("counts", counts, False)

    def rows(self, used: torch.Tensor) -> torch.Tensor:
        """Rows `[m, d]` of the tokens `used` `[m]`."""
        counts = self.counts[used]
        starts = counts.cumsum(0) - counts  # [m] where each token's n-grams begin below
        shift = torch.repeat_interleave(self.ends[used] - counts - starts, counts)
        grams = self.grams[shift + torch.arange(int(counts.sum()))]
        return self.own[used] + F.embedding_bag(grams, self.shared, starts, mode="mean")

    def forward(self, batch: Batch, wanted: Collection[str] = ()) -> dict[str, torch.Tensor]:
        """Batch columns `ids` `[tokens]`, `offsets` `[views * B]`, `views` to vectors."""
        used, ids = torch.unique(batch["ids"], return_inverse=True)
        flat = F.embedding_bag(ids, self.rows(used), batch["offsets"], mode="mean")
        return {"vectors": flat.view(int(batch["views"]), -1, flat.shape[-1])}  # [views, B, d]

    def table(self) -> torch.Tensor:
        """The plain table `[V, d]`."""
        with torch.no_grad():
            chunks = torch.arange(len(self.own)).split(8192)
            return torch.cat([self.rows(chunk) for chunk in chunks])


def ngrams(piece: str, buckets: int) -> list[int]:
    """Hashed character n-grams of a piece, its beginning of a word counted as a character."""
    found = {piece[i : i + n] for n in LENGTHS for i in range(len(piece) - n + 1)} | {piece}
    return sorted(zlib.crc32(gram.encode()) % buckets for gram in found)


@register("parameters", "static.v1")
class StaticStudent:
    """All weights of a mean-pooled token table in the teacher's space.

    Prefer it on a CPU and for little data: it cannot read word order, but it learns a language
    from a few thousand sentence pairs in minutes.
    Rows of words that the teacher knows may begin as the teacher's vectors of them. That keeps the
    pivot's words that training text lacks, and gives names and loans spelled alike a meaning.
    Source: the architecture of Hill, Cho and Korhonen (2016, FastSent) and of
    `sentence_transformers`' StaticEmbedding, in which it is saved; rows from a teacher's vectors
    of single words as in model2vec (Tulkens and van Dongen 2024).

    Args:
        tokenizer: gives the rows their names.
        dimension: of the vectors.
        seed: of the first values.
        begin: unit vectors `[d]` of whole words, as the tokenizer spells them.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        dimension: int,
        seed: int,
        begin: Mapping[str, np.ndarray] | None = None,
    ) -> None:
        torch.manual_seed(seed)
        self.tokenizer = tokenizer
        pieces = [tokenizer.id_to_token(i) or "" for i in range(tokenizer.get_vocab_size())]
        self.module = MeanTable(pieces, dimension, min(BUCKETS, 8 * len(pieces)))
        for word, vector in (begin or {}).items():
            row = tokenizer.token_to_id(f"▁{word}")
            if row is not None:
                self.module.own.data[row] = LENGTH * torch.from_numpy(vector)

    def groups(self) -> list[dict[str, Any]]:
        """One group: the tokens' own vectors and those of the n-grams."""
        return [{"params": [self.module.own, self.module.shared]}]

    def save(self, folder: Path) -> None:
        """Write a folder that `sentence_transformers.SentenceTransformer` loads unchanged."""
        from safetensors.torch import save_file

        self.tokenizer.no_truncation()
        self.tokenizer.no_padding()
        static = folder / "0_StaticEmbedding"
        static.mkdir()
        (folder / "1_Normalize").mkdir()
        table = self.module.table().contiguous()
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

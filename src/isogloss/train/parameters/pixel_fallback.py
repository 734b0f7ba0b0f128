"""A network over drawn words around a body: only what stands for uncovered words changes."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from isogloss.encode.fallback_words import FallbackTokenizer, Rule
from isogloss.encode.folder import ModelFolder
from isogloss.encode.pixel_network import FallbackNetwork, Shape, save_fallback, stack
from isogloss.encode.pixels import Renderer
from isogloss.encode.pooling import pool
from isogloss.encode.tokens import RustTokenizer
from isogloss.encode.transformer import open_tokenizer
from isogloss.encode.weights import load_body, quiet
from isogloss.errors import ModelError
from isogloss.registry import register
from isogloss.train.contracts import Batch
from isogloss.train.reading import by_length, padded

_PARTS = 4  # of a batch, each padded to its own longest text
_LEFT = ("*.bin", "*.h5", "*.msgpack", "*.ot", "onnx", "openvino", ".git*")


class WithFallback(nn.Module):
    """vector(text) = pooled states of the body over rows of tokens and rows of drawn words."""

    def __init__(
        self,
        body: Any,
        network: FallbackNetwork,
        tokenizer: FallbackTokenizer,
        renderer: Renderer,
        pooling: str,
    ) -> None:
        super().__init__()
        self.body: Any = body
        self.network = network
        self.frozen = not any(weight.requires_grad for weight in body.parameters())
        self.pooling = pooling
        self._tokenizer, self._renderer = tokenizer, renderer
        self._words: list[str] = []
        self._drawn: dict[int, np.ndarray] = {}
        embedding = body.get_input_embeddings()
        self._factor = float(getattr(embedding, "embed_scale", 1.0))
        self._ends = [side.tolist() for side in tokenizer.frame()]

    def train(self, mode: bool = True) -> WithFallback:
        """A frozen body stays as it is used: without dropout."""
        super().train(mode)
        if self.frozen:
            self.body.eval()
        return self

    def rows(self, numbers: Sequence[int]) -> torch.Tensor:
        """Rows `[n, C]` of words by their numbers; each is drawn once."""
        if len(self._words) < len(self._tokenizer.words):
            self._words = list(self._tokenizer.words)
        for number in numbers:
            if number not in self._drawn:
                self._drawn[number] = self._renderer.draw(self._words[number])
        drawn = [self._drawn[number] for number in numbers]
        parts, back = by_length(torch.tensor([len(one) for one in drawn]), -(-len(drawn) // _PARTS))
        made = [self.network(*stack([drawn[i] for i in part.tolist()])) for part in parts]
        return torch.cat(made)[back]

    def embedded(self, ids: torch.Tensor) -> torch.Tensor:
        """Input embeddings `[n, t, C]` of ids `[n, t]`, those of words behind the table's."""
        size = self._tokenizer.first
        made = self.body.get_input_embeddings()(ids.clamp(max=size - 1))
        words = ids >= size
        if not words.any():
            return made
        used, place = torch.unique(ids[words] - size, return_inverse=True)
        rows = self.rows(used.tolist()) * self._factor
        return made.masked_scatter(words[..., None], rows[place].to(made.dtype))

    def forward(self, batch: Batch, wanted: Collection[str] = ()) -> dict[str, torch.Tensor]:
        """Batch columns `ids` `[tokens]`, `offsets` `[views * B]`, `views` to vectors.

        A batch of `words` `[n]` alone gives their `rows` `[n, C]`.
        """
        if "words" in batch:
            return {"rows": self.rows(batch["words"].tolist())}
        ids, mask = padded(batch, *self._ends, 0)
        lengths = mask.sum(1)  # [n]
        embedded = self.embedded(ids)
        parts, back = by_length(lengths, -(-len(lengths) // _PARTS))
        made = []
        for rows in parts:
            longest = int(lengths[rows].max())
            states = self.body(
                inputs_embeds=embedded[rows, :longest],
                attention_mask=mask[rows, :longest].long(),
            ).last_hidden_state
            made.append(pool(states, lengths[rows], self.pooling))
        vectors = torch.cat(made)[back]  # [n, d]
        return {"vectors": vectors.view(int(batch["views"]), -1, vectors.shape[-1])}


@register("parameters", "pixel_fallback.v1")
class PixelFallbackParameters:
    """The weights of a network that gives each word a tokenizer does not cover one input row.

    Tokens of covered words keep their rows, so that what the model reads well it reads as before.
    Prefer it for scripts that the tokenizer spells in letters or not at all: it needs no list of
    new words, and gives words that training never showed the rows that their letters suggest.

    Args:
        folder: the opened folder of a transformer with a fast tokenizer.
        rule: which words are not covered.
        renderer: what draws them.
        seed: of the first values.
        freeze: whether the body stays as it is; else it learns too, a thirtieth as fast.
        shape: settings of `Shape` other than `inputs`, `columns` and `longest`.

    Raises:
        ModelError: no fast tokenizer.

    Source: Lotz, Salesky, Rust and Elliott (2025), Overcoming Vocabulary Constraints with
    Pixel-level Fallback.
    """

    def __init__(
        self,
        folder: ModelFolder,
        rule: Rule,
        renderer: Renderer,
        seed: int,
        freeze: bool = True,
        **shape: Any,
    ) -> None:
        inner = open_tokenizer(folder)
        if not isinstance(inner, RustTokenizer):
            raise ModelError("a fallback needs a fast tokenizer", file=folder.body)
        torch.manual_seed(seed)
        body = load_body(folder).requires_grad_(not freeze)
        table = body.get_input_embeddings().weight.detach().numpy()
        height, width = renderer.shape
        network = FallbackNetwork(
            Shape(inputs=height * width, columns=table.shape[1], longest=renderer.longest, **shape)
        )
        network.core.scale(table)
        self.folder, self.rule, self.renderer = folder, rule, renderer
        self.tokenizer = FallbackTokenizer(inner, rule, renderer.lacking, len(table))
        pooling = folder.pooling or "mean"
        self.module = WithFallback(body, network, self.tokenizer, renderer, pooling)

    def read(self, texts: Sequence[str | None], longest: int) -> list[np.ndarray | None]:
        """Ids of texts without special tokens; None for those of none or of more than `longest`."""
        there = [self._prepare(text) for text in texts if text is not None]
        before, after = self.tokenizer.frame()
        found = self.tokenizer.read(there)
        inside = iter(zip(found.ids, found.lengths, strict=True))
        made: list[np.ndarray | None] = []
        for text in texts:
            ids, length = (None, 0) if text is None else next(inside)
            size = length - len(before) - len(after)
            cut = None if ids is None else ids[len(before) : len(ids) - len(after)]
            made.append(cut if 0 < size <= longest else None)
        return made

    def groups(self) -> list[dict[str, Any]]:
        """The network, and the body unless it is frozen."""
        network = {"params": list(self.module.network.parameters())}
        if self.module.frozen:
            return [network]
        return [network, {"params": list(self.module.body.parameters()), "factor": 1 / 30}]

    def save(self, folder: Path, about: dict[str, Any] | None = None) -> None:
        """Write the model's folder with the network beside it; without it, the model is as before.

        `load_encoder` reads both. What is pickled or for other runtimes is left out.
        """
        shutil.copytree(
            self.folder.path, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*_LEFT)
        )
        if not self.module.frozen:
            body = folder / self.folder.body.relative_to(self.folder.path)
            for file in body.glob("*.safetensors*"):
                file.unlink()
            with quiet():
                self.module.body.save_pretrained(body, safe_serialization=True)
        self.module.network.eval()
        save_fallback(folder, self.module.network, self.renderer, self.rule, dict(about or {}))

    def _prepare(self, text: str) -> str:
        text = self.folder.prompt + text
        return text.lower() if self.folder.lower else text

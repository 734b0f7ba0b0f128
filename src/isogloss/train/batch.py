"""What a batch of texts is, and how it is cut into parts that make the same step together."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch

UNKNOWN = -100
"""The value of a token column such as `gold` where there is nothing to say."""


@dataclass(frozen=True)
class Texts(Mapping[str, Any]):
    """Rows of token sequences, and what belongs to tokens, texts, rows or pairs of tokens.

    A row is what training learns from at once: a sentence in `views` languages, or a window of one
    text. All columns are read by their names, `batch["gold"]`.

    Attributes:
        ids: `[tokens]` of all texts, without what stands around a text, view by view.
        offsets: `[views * B]` where each text begins.
        views: texts a row.
        read: tokens of each language.
        tokens: columns `[tokens]`, `UNKNOWN` where a token has no value.
        texts: columns `[views * B]`.
        rows: columns `[B, ...]`.
        links: columns `[k, 3]`: a row, a place in its first text, a place in its second.
    """

    ids: torch.Tensor
    offsets: torch.Tensor
    views: int
    read: Mapping[str, int]
    tokens: Mapping[str, torch.Tensor] = field(default_factory=dict)
    texts: Mapping[str, torch.Tensor] = field(default_factory=dict)
    rows: Mapping[str, torch.Tensor] = field(default_factory=dict)
    links: Mapping[str, torch.Tensor] = field(default_factory=dict)

    def _columns(self) -> dict[str, Any]:
        own = {"ids": self.ids, "offsets": self.offsets, "views": self.views, "read": self.read}
        return {**self.tokens, **self.texts, **self.rows, **self.links, **own}

    def __getitem__(self, name: str) -> Any:
        return self._columns()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns())

    def __len__(self) -> int:
        return len(self._columns())

    @property
    def size(self) -> int:
        """Rows."""
        return len(self.offsets) // self.views

    def lengths(self) -> torch.Tensor:
        """Tokens of each text `[views * B]`."""
        return torch.diff(self.offsets, append=torch.tensor([len(self.ids)]).to(self.offsets))

    def to(self, device: torch.device) -> Texts:
        """The same batch on a device."""
        moved = {
            kind: {name: value.to(device) for name, value in getattr(self, kind).items()}
            for kind in ("tokens", "texts", "rows", "links")
        }
        return replace(self, ids=self.ids.to(device), offsets=self.offsets.to(device), **moved)

    def view(self, number: int) -> Texts:
        """One text of every row, with what belongs to texts, tokens and rows."""
        texts = slice(number * self.size, (number + 1) * self.size)
        ends = [*self.offsets.tolist(), len(self.ids)]
        span = slice(ends[texts.start], ends[texts.stop])
        return replace(
            self,
            ids=self.ids[span],
            offsets=self.offsets[texts] - span.start,
            views=1,
            tokens={name: value[span] for name, value in self.tokens.items()},
            texts={name: value[texts] for name, value in self.texts.items()},
            links={},
        )

    def split(self, parts: int) -> list[tuple[slice, Texts]]:
        """At most so many runs of rows of like number, and where each stands among the rows."""
        bounds = np.linspace(0, self.size, min(parts, self.size) + 1).astype(int)
        spans = [slice(int(a), int(b)) for a, b in itertools.pairwise(bounds)]
        return [(span, self.part(span)) for span in spans]

    def part(self, span: slice) -> Texts:
        """The rows of a span; `read` stays that of the whole batch."""
        start, stop, _ = span.indices(self.size)
        texts, tokens = self._texts_of(span), self.tokens_of(span)
        lengths = self.lengths()
        ends = lengths[texts].cumsum(0)
        return replace(
            self,
            ids=self.ids[tokens],
            offsets=ends - lengths[texts],
            tokens={name: value[tokens] for name, value in self.tokens.items()},
            texts={name: value[texts] for name, value in self.texts.items()},
            rows={name: value[start:stop] for name, value in self.rows.items()},
            links={name: _within(value, start, stop) for name, value in self.links.items()},
        )

    def tokens_of(self, span: slice) -> torch.Tensor:
        """Whether each token belongs to the rows of a span `[tokens]`."""
        lengths = self.lengths()
        of = torch.repeat_interleave(torch.arange(len(lengths)).to(lengths.device), lengths)
        return torch.isin(of, self._texts_of(span))

    def _texts_of(self, span: slice) -> torch.Tensor:
        """The texts of the rows of a span `[views * b]`."""
        start, stop, _ = span.indices(self.size)
        each = [torch.arange(start, stop) + view * self.size for view in range(self.views)]
        return torch.cat(each).to(self.ids.device)


def _within(links: torch.Tensor, start: int, stop: int) -> torch.Tensor:
    kept = links[(links[:, 0] >= start) & (links[:, 0] < stop)]
    return torch.cat([kept[:, :1] - start, kept[:, 1:]], 1)


def stack_texts(
    views: Sequence[Sequence[np.ndarray]],
    languages: Sequence[Sequence[str]],
    numbers: Mapping[str, int] | None = None,
    **columns: Any,
) -> Texts:
    """A batch of ids `[views][B]`, the language of each text, and columns by kind.

    Args:
        views: token ids of each text of each view.
        languages: `[views][B]` canonical tags.
        numbers: of the languages, for the column `language`; without, there is none.
        columns: `tokens`, `texts`, `rows` and `links` of `Texts`, as arrays.
    """
    texts = [np.asarray(ids) for view in views for ids in view]
    lengths = np.array([len(ids) for ids in texts], np.int64)
    read: dict[str, int] = {}
    for tag, length in zip((t for view in languages for t in view), lengths, strict=True):
        read[str(tag)] = read.get(str(tag), 0) + int(length)
    if numbers:
        found = [numbers[tag] for view in languages for tag in view]
        columns["texts"] = {**columns.get("texts", {}), "language": np.array(found)}
    made = {
        kind: {name: torch.as_tensor(np.asarray(value)) for name, value in some.items()}
        for kind, some in columns.items()
    }
    return Texts(
        ids=torch.from_numpy(np.concatenate(texts).astype(np.int64)),
        offsets=torch.from_numpy(lengths.cumsum() - lengths),
        views=len(views), read=read, **made,
    )  # fmt: skip


def told_apart(
    vectors: torch.Tensor, batch: Mapping[str, Any]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Vectors `[views, B, d]` as those of texts that mean the same and those that do not.

    Returns:
        `[v, B, d]`, and `[k, B, d]` of the views whose texts are marked in the column `negative`
        `[views * B]`; without the column there are none.
    """
    if "negative" not in batch:
        return vectors, vectors[:0]
    negative = batch["negative"].view(len(vectors), -1)[:, 0].bool()  # [views]
    return vectors[~negative], vectors[negative]


def spots(batch: Mapping[str, Any]) -> torch.Tensor:
    """Where tokens have a `gold` value `[m]`, in the order of the text."""
    return torch.nonzero(batch["gold"] != UNKNOWN).ravel()

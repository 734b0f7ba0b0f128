"""A model of transformers, read as training needs it: vectors, states or words of its texts."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import nn

from isogloss.encode.inserted.files import Part, load_parts, put_in
from isogloss.encode.inserted.now import Now
from isogloss.errors import TrainingError
from isogloss.train.batch import UNKNOWN, spots
from isogloss.train.contracts import Batch
from isogloss.train.reading import (
    LAYERED,
    Mean,
    before_target,
    by_length,
    in_order,
    likelihoods,
    mean_of,
    own_places,
    padded,
    sides,
    words_at,
)
from isogloss.train.word_head import WordHead

TOGETHER = 24  # texts that go through the body at once
OUTPUTS = ("vectors", "layer_vectors", "states", "layer_states", "logits", "likelihoods")
"""What `Body` can give: see there."""


class Inserted(nn.ModuleList):
    """What was put into a body, first to last: a module of each.

    Attributes:
        parts: what each is, as it is saved.
    """

    def __init__(self, parts: Sequence[Part] = (), modules: Iterable[nn.Module] = ()) -> None:
        super().__init__(modules)
        self.parts = list(parts)


class Body(nn.Module):
    """How texts are read with a model of transformers: a batch to what is wanted of it.

    - `vectors` `[views, B, d]`: what `pooling` makes of the states of each text, with what stands
      around it: the mean of the last ones; `layer_vectors` `[layers + 1, views, B, d]`: the means
      of every layer, 0 being the embeddings.
    - `states` `[tokens, d]`: the last state of each token of the batch; `layer_states`
      `[layers + 1, tokens, d]`.
    - `logits` `[m, V]`: of the tokens that have a `gold`, so that no `[n, t, V]` is made.
    - `likelihoods` `[views, B, 1]`: the sum of log p of these golds in each text, 0 without any.

    Of an encoder-decoder, vectors and states are those of its encoder, and logits are told by the
    decoder: the first of two views is its source, the second, whose tokens have the `gold`, its
    target, ends included where they are to be told.

    Texts of like length are read together: in one piece 0.4 of all tokens are padding.

    Attributes:
        body: a model of transformers, as it will be saved.
        head: one that was made for it, None where it has its own or none is wanted.
        ends: special tokens before and behind each text.
        added: rows that were appended to its token table.
        inserted: modules in it, which are saved beside it.
        pooling: makes the vectors; where it has weights, the body under it is read as it is used,
            without dropout.
        before_head: gives from the language `[m]` of tokens what is added `[m, h]` to their states
            before the language head; None for nothing.
        now: what is read at the moment, for modules put into the body.
    """

    gives: ClassVar = OUTPUTS
    body: Any  # nn.Module knows nothing of saving

    def __init__(
        self,
        body: Any,
        ends: tuple[list[int], list[int]],
        head: WordHead | None = None,
        *,
        added: int = 0,
    ) -> None:
        super().__init__()
        self.body, self.head, self.ends, self.added = body, head, ends, added
        self.inserted = Inserted()
        self.pooling: Any = Mean()
        self.before_head: nn.Module | None = None
        self.now = Now(scores=head.norm if head else None)

    @property
    def width(self) -> int:
        """Numbers of a vector."""
        return self.body.config.hidden_size

    @property
    def pad(self) -> int:
        """The id that fills up short texts."""
        return self.body.config.pad_token_id or 0

    @property
    def paired(self) -> bool:
        """Whether it reads a source and tells a target."""
        return bool(getattr(self.body.config, "is_encoder_decoder", False))

    @property
    def languages(self) -> tuple[str, ...]:
        """Tags of the run, in the order of the numbers in the column `language`."""
        return self.now.languages

    @property
    def made(self) -> tuple[nn.Parameter, ...]:
        """Weights beside the body that begin here, and train whatever else does."""
        return () if self.head is None or self.head.given else tuple(self.head.parameters())

    def insert(self, part: Part) -> nn.Module:
        """Put one more part into the body, on those that are there."""
        made = put_in(self.body, self.now, part)
        self.inserted.parts.append(part)
        self.inserted.append(made)
        return made

    def bring_back(self, folder: Path) -> Body:
        """Put in what the folder of the body says was inserted; gives itself."""
        self.inserted = Inserted(*load_parts(folder, self.body, self.now))
        return self

    def train(self, mode: bool = True) -> Body:
        """A body under a pooling that learns has no dropout."""
        super().train(mode)
        if any(True for _ in self.pooling.parameters()):
            self.body.eval()
        return self

    def forward(self, batch: Batch, wanted: Collection[str] = ("vectors",)) -> dict[str, Any]:
        """Columns `ids`, `offsets` and `views`, for logits `gold`, for some modules `language`."""
        if "logits" in wanted and self.paired:
            others = [name for name in wanted if name != "logits"]
            return {**(self(batch, others) if others else {}), "logits": self._told(batch)}
        ids, mask = padded(batch, *self.ends, self.pad)  # [n, t]
        own = own_places(batch, len(self.ends[0]), mask.shape[1], ids.device)  # [n, t]
        sought = torch.zeros(len(batch["ids"]), dtype=torch.bool, device=ids.device)
        if "logits" in wanted or "likelihoods" in wanted:
            sought[spots(batch)] = True
        self.now.rough = torch.is_autocast_enabled(ids.device.type)
        parts, back = by_length(mask.sum(1), TOGETHER)
        found, places, asked = [], [], []
        for rows in parts:
            longest = int(mask[rows].sum(1).max())
            place = own[rows, :longest]
            here = place >= 0
            chosen = here & sought[place.clamp(min=0)]
            self.now.mask = mask[rows, :longest]
            self.now.language = batch["language"][rows] if "language" in batch else None
            gold = batch["gold"][place[chosen]] if "likelihoods" in wanted else None
            found.append(self._read(ids[rows, :longest], self.now.mask, here, chosen, gold, wanted))
            places.append(place[here])
            asked.append(place[chosen])
        orders = {"vectors": back, "layer_vectors": back, "likelihoods": back}
        orders["logits"] = torch.cat(asked).argsort()
        return in_order(found, orders, torch.cat(places).argsort(), int(batch["views"]))

    def _read(
        self,
        ids: torch.Tensor,
        mask: torch.Tensor,
        own: torch.Tensor,
        sought: torch.Tensor,
        gold: Any,
        wanted: Collection[str],
    ) -> dict[str, torch.Tensor]:
        """What is wanted of padded ids `[n, t]`; `own` and `sought` `[n, t]` say where."""
        stacked = any(name in LAYERED for name in wanted)
        inputs = {
            "input_ids": ids, "attention_mask": mask.long(), "return_dict": True,
            "output_hidden_states": stacked or ("vectors" in wanted and self.pooling.layered),
        }  # fmt: skip
        stack = self.body.get_encoder() if self.paired else self.body.base_model
        logits: Any = None
        if "logits" not in wanted and "likelihoods" not in wanted:
            read = stack(**inputs)
            last, hidden = read.last_hidden_state, read.get("hidden_states")
        elif self.head is None:
            with words_at(stack, sought, self._more(self.now.language, sought)) as kept:
                logits = self.body(**inputs).logits[0]
            [(last, hidden)] = kept
        else:
            read = stack(**inputs)
            last, hidden = read.last_hidden_state, read.get("hidden_states")
            seen = last[sought] + self._more(self.now.language, sought)
            logits = self.head(seen, self.body.get_input_embeddings())
        every: Any = torch.stack(hidden) if stacked else None  # [layers + 1, n, t, d]
        given: dict[str, Any] = {
            "vectors": lambda: self.pooling(last, hidden, mask),
            "states": lambda: last[own],
            "layer_vectors": lambda: mean_of(every, mask),
            "layer_states": lambda: every[:, own],
            "logits": lambda: logits,
            "likelihoods": lambda: likelihoods(logits, gold, sought),
        }
        return {name: given[name]() for name in wanted}

    def _told(self, batch: Batch) -> torch.Tensor:
        """Logits `[m, V]` of a decoder for the second view, given the first."""
        source, target = sides(batch)
        ids, mask = padded(source, *self.ends, self.pad)  # [B, s]
        labels, there = padded(target, [], [], UNKNOWN)  # [B, t]
        before = before_target(self.body, labels)  # [B, t]
        place = own_places(target, 0, there.shape[1], ids.device)  # [B, t]
        sought = torch.zeros(len(target["ids"]), dtype=torch.bool, device=ids.device)
        sought[spots(target)] = True
        lengths = mask.sum(1), there.sum(1)
        parts, _ = by_length(lengths[0] + lengths[1], TOGETHER)
        found, asked = [], []
        for rows in parts:
            longest = [int(length[rows].max()) for length in lengths]
            here = place[rows, : longest[1]]
            chosen = (here >= 0) & sought[here.clamp(min=0)]
            tags = batch["language"][len(lengths[1]) :][rows] if "language" in batch else None
            with words_at(self.body.get_decoder(), chosen, self._more(tags, chosen)):
                made = self.body(
                    input_ids=ids[rows, : longest[0]],
                    attention_mask=mask[rows, : longest[0]].long(),
                    decoder_input_ids=before[rows, : longest[1]], return_dict=True,
                )  # fmt: skip
            found.append(made.logits[0])
            asked.append(here[chosen])
        return torch.cat(found)[torch.cat(asked).argsort()]

    def _more(self, language: torch.Tensor | None, at: torch.Tensor) -> torch.Tensor | float:
        """What is added to the states at `[n, t]` of texts of languages `[n]`: `[m, h]`, or 0."""
        if self.before_head is None:
            return 0.0
        if language is None:
            raise TrainingError("the mixture does not say of which language its texts are")
        return self.before_head(language[:, None].expand(at.shape)[at])

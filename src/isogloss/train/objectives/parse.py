"""Trees over words, with their tags and features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from isogloss.errors import TrainingError
from isogloss.files import write_json
from isogloss.registry import register
from isogloss.settings import Count, Positive, Share
from isogloss.train.batch import UNKNOWN, Texts
from isogloss.train.contracts import Batch, Loss
from isogloss.train.grids import pad_texts

FOLDER = "parser"
"""Where the weights lie in the folder of their model."""
PARTS = ("arcs", "relations", "tags", "features")
_GOLD = {"arcs": "head", "relations": "relation", "tags": "tag", "features": "feature"}


class _Words(NamedTuple):
    """The words of a batch: each is its first token.

    Attributes:
        at: `[m]` places among the tokens.
        row: `[m]` the text that each is of.
        place: `[m]` its number in the text, from 0.
        counts: `[B]` words of each text.
    """

    at: torch.Tensor
    row: torch.Tensor
    place: torch.Tensor
    counts: torch.Tensor

    @property
    def starts(self) -> torch.Tensor:
        """Where the words of each text begin `[B]`."""
        return self.counts.cumsum(0) - self.counts


@register("objective", "parse.v1")
class Parse(nn.Module):
    """(1/n) sum over n words of -log p(head) - log p(relation | head) - log p(tag) - log p(bundle).

    A word is the state h of its first token. Of r = f(h) made by small layers f,

    - arcs: s(i, j) = r_i U r'_j + u . r'_j, softmax over the words j of the text and the root, a
      learned state; an arc from a word to itself is not left out, as a tree does that;
    - relations: r_i V_k r'_j + W_k [r_i, r'_j] + b_k of each relation k, given the gold head;
    - tags, and the bundle of its features: linear layers.

    h is a mean of the layers 1, 2 ... of the model by weights that are learned, others for each of
    the four, some left out in training; or the last state. Words of which one thing is not known
    are counted in n and do without it; a relation is nothing without its head.

    Reads: outputs `layer_states` `[layers + 1, tokens, d]` or `states`; batch, at first tokens of
    words and else `UNKNOWN`: `word`, `head` (0 or the number of a word of the text from 1, those
    that have a token), `relation`, `tag`, `feature`, all `[tokens]`.
    Source: Dozat and Manning (2017), Deep Biaffine Attention, section 2; Kondratyuk and Straka
    (2019), UDify, sections 3.1 to 3.3.

    Args:
        relations: how many there are.
        tags: how many; 0 for none to tell.
        features: how many bundles; 0 for none to tell.
        root: the relation of the root and of nothing else, -1 where none is.
        arc_width: of r for arcs.
        relation_width: of r for relations.
        mixed: whether h is a mean of layers.
        drop: share of the numbers of a state, and of r, that are left out in training.
        drop_layers: share of the layers that are left out of a mean in training.
        factor: of the head's learning rate, over that of the model.
        seed: of the first weights.
    """

    columns: ClassVar = ("word", *_GOLD.values())

    def __init__(
        self, *, relations: Count, tags: int = 0, features: int = 0, root: int = -1,
        arc_width: Count = 256, relation_width: Count = 128, mixed: bool = True,
        drop: Share = 0.33, drop_layers: Share = 0.1, factor: Positive = 10.0,
        seed: int = 0,
    ) -> None:  # fmt: skip
        super().__init__()
        self.outputs = ("layer_states",) if mixed else ("states",)
        self.relations, self.tags, self.features, self.root = relations, tags, features, root
        self.arc_width, self.relation_width, self.mixed = arc_width, relation_width, mixed
        self.drop, self.drop_layers, self.factor, self.seed = drop, drop_layers, factor, seed
        self.net: nn.ModuleDict | None = None

    def begin(self, model: Any) -> None:
        """Make the weights of the model's width, unless they are there."""
        if self.net is not None:
            return
        config = model.body.config
        d, arc, relation = config.hidden_size, self.arc_width, self.relation_width
        sizes = {
            "arc": (d, 2 * arc), "relation": (d, 2 * relation),
            "arc_pair": (arc, arc), "relation_pair": (relation, self.relations * relation),
            "relation_both": (2 * relation, self.relations),
            "tags": (d, self.tags), "features": (d, self.features),
        }  # fmt: skip
        made: dict[str, nn.Module] = {
            name: nn.Linear(*size, bias=name != "relation_pair")
            for name, size in sizes.items()
            if size[1]
        }
        made["root"] = _Row(d)
        if self.mixed:
            made |= {f"mix_{part}": _Row(config.num_hidden_layers) for part in PARTS}
        net = nn.ModuleDict(made)
        drawn = torch.Generator().manual_seed(self.seed)
        with torch.no_grad():
            for name, weight in net.named_parameters():
                if weight.ndim == 2:
                    nn.init.xavier_uniform_(weight, generator=drawn)
                elif name == "root.row":
                    weight.normal_(std=0.02, generator=drawn)
                else:
                    weight.zero_()
        self.net = net

    def count(self, batch: Batch) -> int:
        """Words of which anything is known."""
        return int(_known(batch).sum())

    def forward(self, outputs: Mapping[str, torch.Tensor], batch: Batch) -> Loss:
        """The loss of one batch."""
        assert isinstance(batch, Texts)
        words = _words(batch)
        gold = {part: batch[column][words.at] for part, column in _GOLD.items()}  # [m]
        gold["relations"] = gold["relations"].masked_fill(gold["arcs"] == UNKNOWN, UNKNOWN)
        logits = {"arcs": self._arcs(outputs, words)[words.row, words.place]}  # [m, w + 1]
        logits["relations"] = self._relations_at(outputs, words, gold["arcs"].clamp(min=0))
        for part in ("tags", "features"):
            if part in self._net:
                logits[part] = self._told(outputs, words, part)
        n = max(1, self.count(batch))
        off = {
            part: F.cross_entropy(found, gold[part], ignore_index=UNKNOWN, reduction="sum") / n
            for part, found in logits.items()
        }
        total = torch.stack(list(off.values())).sum()
        return Loss(total, {part: float(value.detach()) for part, value in off.items()})

    def tell(
        self, outputs: Mapping[str, torch.Tensor], batch: Texts
    ) -> list[dict[str, torch.Tensor]]:
        """What is told of each text of w words.

        - `arcs` `[w, w + 1]`: log p of each head, 0 being the root;
        - `relations` `[w, w + 1]`: the likeliest relation of each arc;
        - `tags` `[w, tags]`, `features` `[w, features]`: shares.
        """
        words = _words(batch)
        arcs = self._arcs(outputs, words).log_softmax(-1)  # [B, w, w + 1]
        below, above = self._sides(outputs, words, "relation")
        shares = {
            part: self._told(outputs, words, part).softmax(-1).split(words.counts.tolist())
            for part in ("tags", "features")
            if part in self._net
        }
        return [
            {
                "arcs": arcs[row, :w, : w + 1],
                "relations": self._best(below[row, :w], above[row, : w + 1]),
                **{part: one[row] for part, one in shares.items()},
            }
            for row, w in enumerate(words.counts.tolist())
        ]

    @property
    def _net(self) -> Any:
        if self.net is None:
            raise TrainingError("the head has no weights before training begins")
        return self.net

    def _states(
        self, outputs: Mapping[str, torch.Tensor], words: _Words, part: str
    ) -> torch.Tensor:
        """The states of words `[m, d]`."""
        if self.mixed:
            layers = outputs["layer_states"][1:, words.at]  # [layers, m, d]
            weights = self._net[f"mix_{part}"].row  # [layers]
            if self.training and self.drop_layers:
                away = torch.rand_like(weights) < self.drop_layers
                weights = weights.masked_fill(away & ~away.all(), float("-inf"))
            found = torch.einsum("lmd,l->md", layers, weights.softmax(0).to(layers.dtype))
        else:
            found = outputs["states"][words.at]
        return F.dropout(found, self.drop, self.training)

    def _told(self, outputs: Mapping[str, torch.Tensor], words: _Words, part: str) -> torch.Tensor:
        """Logits of tags or features `[m, classes]`."""
        return self._net[part](self._states(outputs, words, part))

    def _sides(
        self, outputs: Mapping[str, torch.Tensor], words: _Words, name: str
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Words as what hangs `[B, w, k]`, and as what it hangs from, the root first, one more."""
        states = self._states(outputs, words, "arcs" if name == "arc" else "relations")
        wide, _ = pad_texts(states, words.starts, words.counts)  # [B, w, d]
        root = self._net["root"].row.to(wide.dtype).expand(len(wide), 1, -1)
        made = F.elu(self._net[name](torch.cat([root, wide], 1)))
        below, above = F.dropout(made, self.drop, self.training).chunk(2, -1)
        return below[:, 1:], above

    def _arcs(self, outputs: Mapping[str, torch.Tensor], words: _Words) -> torch.Tensor:
        """Logits of heads `[B, w, w + 1]`, very small where there is no word."""
        below, above = self._sides(outputs, words, "arc")
        logits = self._net["arc_pair"](below) @ above.transpose(1, 2)
        there = torch.arange(above.shape[1], device=above.device) <= words.counts[:, None]
        return logits.masked_fill(~there[:, None], torch.finfo(logits.dtype).min / 2)

    def _relations_at(
        self, outputs: Mapping[str, torch.Tensor], words: _Words, heads: torch.Tensor
    ) -> torch.Tensor:
        """Logits of relations to some heads `[m]`: `[m, relations]`."""
        below, above = self._sides(outputs, words, "relation")
        one, other = below[words.row, words.place], above[words.row, heads]  # [m, k]
        pair = self._net["relation_pair"](one).view(len(one), self.relations, -1)
        both = self._net["relation_both"](torch.cat([one, other], -1))
        return torch.einsum("mrk,mk->mr", pair, other) + both

    def _best(self, below: torch.Tensor, above: torch.Tensor) -> torch.Tensor:
        """The likeliest relation of each arc `[w, w + 1]`, of `[w, k]` and `[w + 1, k]`."""
        pair = self._net["relation_pair"](below).view(len(below), self.relations, -1)
        weight, bias = self._net["relation_both"].weight, self._net["relation_both"].bias
        own, others = weight.chunk(2, -1)
        logits = torch.einsum("wrk,jk->wjr", pair, above)
        logits = logits + (below @ own.T)[:, None] + (above @ others.T)[None] + bias
        if self.root >= 0 and self.relations > 1:
            only = F.one_hot(torch.tensor(self.root), self.relations).bool().to(logits.device)
            logits[:, 0].masked_fill_(~only, float("-inf"))
            logits[:, 1:].masked_fill_(only, float("-inf"))
        return logits.argmax(-1)

    def save(self, folder: Path, names: Sequence[str] = ()) -> None:
        """Write `parser/head.safetensors` beside the model, and `head.json` with what it reads."""
        from safetensors.torch import save_file

        into = folder / FOLDER
        into.mkdir()
        weights = {n: w.detach().contiguous() for n, w in self._net.state_dict().items()}
        save_file(weights, into / "head.safetensors")
        write_json(into / "head.json", {"reads": self.outputs[0], "root": self.root})


class _Row(nn.Module):
    """A learned row of numbers."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.row = nn.Parameter(torch.zeros(width))


def _words(batch: Mapping[str, Any]) -> _Words:
    assert isinstance(batch, Texts)
    there = batch["word"] != UNKNOWN
    lengths = batch.lengths()
    rows = torch.repeat_interleave(torch.arange(len(lengths), device=there.device), lengths)
    at = torch.nonzero(there).ravel()
    counts = torch.bincount(rows[at], minlength=len(lengths))
    starts = counts.cumsum(0) - counts
    return _Words(at, rows[at], torch.arange(len(at), device=at.device) - starts[rows[at]], counts)


def _known(batch: Mapping[str, Any]) -> torch.Tensor:
    """Which tokens are words of which anything is known `[tokens]`."""
    found = torch.stack([batch[column] != UNKNOWN for column in _GOLD.values()]).any(0)
    return found & (batch["word"] != UNKNOWN)

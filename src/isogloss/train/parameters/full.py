"""The teacher's own body with its vocabulary changed, all weights training."""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from isogloss.encode.folder import open_folder, read_object
from isogloss.encode.weights import load_tokenizer, quiet
from isogloss.registry import register
from isogloss.train.loop import Batch
from isogloss.vocabulary.save import special_roles

if TYPE_CHECKING:
    from tokenizers import Tokenizer

TOGETHER = 24  # texts that go through the body at once
_COPIED = ("modules.json", "config_sentence_transformers.json", "sentence_bert_config.json")


class Reading(nn.Module):
    """How texts are read with a body: a module from a batch to outputs.

    Attributes:
        body: a model of transformers, as it will be saved.
        made: weights beside the body that begin here, and train whatever else does.
        tokenwise: weights beside the input table that have one row, or one value, a token.
    """

    body: Any  # nn.Module knows nothing of saving
    made: tuple[nn.Parameter, ...] = ()
    tokenwise: tuple[nn.Parameter, ...] = ()


class MeanPooled(Reading):
    """vector(text) = mean of the body's last hidden states over the tokens of the text."""

    def __init__(self, body: nn.Module, first: list[int], last: list[int], pad: int) -> None:
        super().__init__()
        self.body, self.first, self.last, self.pad = body, first, last, pad

    def forward(self, batch: Batch) -> dict[str, torch.Tensor]:
        """Batch columns `ids` `[tokens]`, `offsets` `[views * B]`, `views` to vectors."""
        ids, mask = padded(batch, self.first, self.last, self.pad)  # [n, t]
        lengths = mask.sum(1)
        order = lengths.argsort(stable=True)
        means = [  # texts of like length together: in one piece 0.4 of all tokens are padding
            self._means(ids[rows, : lengths[rows[-1]]], mask[rows, : lengths[rows[-1]]])
            for rows in order.split(TOGETHER)
        ]
        vectors = torch.cat(means)[order.argsort()]  # [n, d]
        return {"vectors": vectors.view(int(batch["views"]), -1, vectors.shape[-1])}

    def _means(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        states = self.body(input_ids=ids, attention_mask=mask.long()).last_hidden_state
        return mean_of(states, mask)


def padded(
    batch: Batch, first: list[int], last: list[int], pad: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids `[n, t]` of the texts of a batch with their ends around them, and where they are."""
    bounds = [*batch["offsets"].tolist(), len(batch["ids"])]
    parts = [batch["ids"][a:b] for a, b in itertools.pairwise(bounds)]
    ends = [torch.tensor(side, dtype=torch.long) for side in (first, last)]
    rows = [torch.cat([ends[0], part, ends[1]]) for part in parts]
    ids = nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=pad)  # [n, t]
    lengths = torch.tensor([len(row) for row in rows])
    return ids, torch.arange(ids.shape[1])[None] < lengths[:, None]


def mean_of(states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """The mean over the tokens of each text: `[n, t, d]` to `[n, d]`, never in half precision."""
    return (states.float() * mask[..., None]).sum(1) / mask.sum(1)[:, None]


Reader = Callable[[Path, "Tokenizer", "np.ndarray | None"], Reading]
"""From a folder, a tokenizer and rows behind those of the table to how texts are read."""


def mean_pooled(folder: Path, tokenizer: Tokenizer, rows: np.ndarray | None = None) -> MeanPooled:
    """The body of a folder with more rows, read as a sentence encoder."""
    body = open_body(folder)
    append(body, rows)
    ends = tokenizer.encode("").ids
    return MeanPooled(body, ends[:1], ends[1:], body.config.pad_token_id or 0)


def open_body(folder: Path, seed: int = 0) -> Any:
    """The body of a folder in float32; the seed is of what it may lack, such as a pooler."""
    from transformers import AutoModel

    torch.manual_seed(seed)
    with quiet():
        return AutoModel.from_pretrained(folder, local_files_only=True, dtype=torch.float32)


def append(body: Any, rows: np.ndarray | None) -> None:
    """Put rows behind those of the token table."""
    if rows is None:
        return
    old = len(body.get_input_embeddings().weight)
    body.resize_token_embeddings(old + len(rows), mean_resizing=False)
    with torch.no_grad():
        body.get_input_embeddings().weight[old:] = torch.from_numpy(rows)


def only(module: Reading, table: nn.Parameter, first: int = 0) -> list[dict[str, Any]]:
    """Freeze all but a token table, what has a value a token beside it, and what begins here.

    Args:
        module: whose weights they are.
        table: one row a token.
        first: of the table and its like, rows before this one stay too.

    Returns:
        The optimiser's groups.
    """
    changing = [table, *module.tokenwise]
    module.requires_grad_(False)
    for weight in (*changing, *module.made):
        weight.requires_grad_(True)
    for weight in changing if first else ():
        weight.register_hook(lambda gradient: _without(gradient, first))
    return [{"params": [*changing, *module.made]}]


def _without(gradient: torch.Tensor, first: int) -> torch.Tensor:
    # AdamW without decay leaves a weight whose gradients were all 0 as it is, bit for bit.
    gradient = gradient.clone()
    gradient[:first] = 0
    return gradient


class BodyParameters:
    """Weights of a transformer of which some change, and how texts are read with it.

    Args:
        folder: where it came from.
        tokenizer: its tokenizer.
        module: the body and what is around it.
        groups: of the optimiser.
        finish: called before the body is saved; gives what undoes it.
    """

    def __init__(
        self,
        folder: Path,
        tokenizer: Tokenizer,
        module: Reading,
        groups: list[dict[str, Any]],
        finish: Callable[[], Callable[[], None]] | None = None,
    ) -> None:
        self.folder, self.tokenizer, self.module = folder, tokenizer, module
        self._groups, self._finish = groups, finish

    def groups(self) -> list[dict[str, Any]]:
        """Optimiser groups; what is in none is frozen."""
        return self._groups

    def save(self, folder: Path) -> None:
        """Write a folder that `transformers` and `sentence_transformers` load unchanged."""
        undo = self._finish() if self._finish else None
        save_body(self.module.body, self.folder, self.tokenizer, folder)
        if undo:
            undo()


@register("parameters", "full.v1")
def full(
    folder: Path,
    tokenizer: Tokenizer,
    rows: np.ndarray | None = None,
    *,
    reader: Reader = mean_pooled,
) -> BodyParameters:
    """All weights of the teacher's body; the token table learns faster than the rest.

    Prefer it where the teacher already reads a language or its script a little, and where the
    result must load as a plain `transformers` model. It costs far more than the static
    student.
    Source: Reimers and Gurevych (2020), with the vocabulary extended as in Wang et al. (2020),
    Extending Multilingual BERT to Low-Resource Languages, section 3.

    Args:
        folder: the teacher's folder.
        tokenizer: the extended tokenizer.
        rows: `[new, d]` embedding rows of the added words, appended to the table; none if the
            folder has a row for every token.
        reader: what texts are read for.
    """
    module = reader(folder, tokenizer, rows)
    fast = [module.body.get_input_embeddings().weight, *module.made]
    known = set(map(id, fast))
    rest = [p for p in module.parameters() if id(p) not in known and p.requires_grad]
    groups = [{"params": fast, "factor": 10.0}, {"params": rest, "factor": 1.0}]
    return BodyParameters(folder, tokenizer, module, groups)


def save_body(body: Any, like: Path, tokenizer: Tokenizer, folder: Path) -> None:
    """Write a body and a tokenizer as the folder `like` has its own, with what stands around."""
    with quiet():
        body.save_pretrained(folder, safe_serialization=True)
    for name in _COPIED:
        if (like / name).is_file():
            shutil.copy2(like / name, folder / name)
    for module in like.glob("[0-9]_*"):
        shutil.copytree(module, folder / module.name)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.save(str(folder / "tokenizer.json"))
    about = like / "tokenizer_config.json"
    own = read_object(about) if about.is_file() else {}
    # Roles that the class of old folders implies are written, as the general class has none.
    roles = special_roles(load_tokenizer(open_folder(like, like.name, weights=False)))
    settings = {f"{role}_token": token for role, token in roles.items()} | own
    # The saved tokenizer.json is the truth; the slow class would read vocab.txt instead.
    settings["tokenizer_class"] = "PreTrainedTokenizerFast"
    text = json.dumps(settings, ensure_ascii=False, indent=1) + "\n"
    (folder / "tokenizer_config.json").write_text(text, encoding="utf-8")

"""The teacher's own body with its vocabulary extended, all weights training."""

from __future__ import annotations

import itertools
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from isogloss.registry import register
from isogloss.train.loop import Batch

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_COPIED = ("modules.json", "config_sentence_transformers.json", "sentence_bert_config.json")


class MeanPooled(nn.Module):
    """vector(text) = mean of the body's last hidden states over the tokens of the text."""

    body: Any  # a transformers model: nn.Module knows nothing of saving

    def __init__(self, body: nn.Module, first: list[int], last: list[int], pad: int) -> None:
        super().__init__()
        self.body, self.first, self.last, self.pad = body, first, last, pad

    def forward(self, batch: Batch) -> dict[str, torch.Tensor]:
        """Batch columns `ids` `[tokens]`, `offsets` `[views * B]`, `views` to vectors."""
        ids, mask = padded(batch, self.first, self.last, self.pad)
        states = self.body(input_ids=ids, attention_mask=mask.long()).last_hidden_state
        return {"vectors": pooled(states, mask, int(batch["views"]))}


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


def pooled(states: torch.Tensor, mask: torch.Tensor, views: int) -> torch.Tensor:
    """The mean over the tokens of each text: `[n, t, d]` to `[views, n / views, d]`."""
    means = (states * mask[..., None]).sum(1) / mask.sum(1)[:, None]  # [n, d]
    return means.view(views, -1, means.shape[-1])


@register("parameters", "full.v1")
class FullStudent:
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
    """

    def __init__(self, folder: Path, tokenizer: Tokenizer, rows: np.ndarray | None = None) -> None:
        from transformers import AutoModel

        self.folder, self.tokenizer = folder, tokenizer
        body = AutoModel.from_pretrained(folder, local_files_only=True, dtype=torch.float32)
        if rows is not None:
            old = len(body.get_input_embeddings().weight)
            body.resize_token_embeddings(old + len(rows), mean_resizing=False)
            with torch.no_grad():
                body.get_input_embeddings().weight[old:] = torch.from_numpy(rows)
        ends = tokenizer.encode("").ids
        pad = body.config.pad_token_id or 0
        self.module = MeanPooled(body, ends[:1], ends[1:], pad)

    def groups(self) -> list[dict[str, Any]]:
        """Two groups: the token table, ten times faster, and everything else."""
        table = self.module.body.get_input_embeddings().weight
        rest = [p for p in self.module.body.parameters() if p is not table and p.requires_grad]
        return [{"params": [table], "factor": 10.0}, {"params": rest, "factor": 1.0}]

    def save(self, folder: Path) -> None:
        """Write a folder that `transformers` and `sentence_transformers` load unchanged."""
        save_body(self.module.body, self.folder, self.tokenizer, folder)


def save_body(body: Any, like: Path, tokenizer: Tokenizer, folder: Path) -> None:
    """Write a body and a tokenizer as the folder `like` has its own, with what stands around."""
    body.save_pretrained(folder, safe_serialization=True)
    for name in _COPIED:
        if (like / name).is_file():
            shutil.copy2(like / name, folder / name)
    for module in like.glob("[0-9]_*"):
        shutil.copytree(module, folder / module.name)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = json.loads((like / "tokenizer_config.json").read_text(encoding="utf-8"))
    # The saved tokenizer.json is the truth; the slow class would read vocab.txt instead.
    settings["tokenizer_class"] = "PreTrainedTokenizerFast"
    text = json.dumps(settings, ensure_ascii=False, indent=1) + "\n"
    (folder / "tokenizer_config.json").write_text(text, encoding="utf-8")

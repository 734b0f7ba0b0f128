"""A vocabulary as a part: tokenizer and tables of a model without its body.

    part = part_of(open_model(find_model("trained-on-finnish")))
    write_part(part, "finnish")
    rows_of(opened, read_part("finnish"))       # [V', D], for `surgery.put_columns`

A body that was trained for a task with the vocabulary of one language reads another language by
another part, if the parts were trained with that same body.

Source: Artetxe, Ruder & Yogatama (2020), On the Cross-lingual Transferability of Monolingual
Representations, section 3: new embeddings under a frozen body, then put under the body of the task;
de Vries & Nissim (2021), As Good as New, section 3: the lexical layer alone is retrained.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from isogloss.encode.folder import read_json, read_object
from isogloss.errors import ModelError
from isogloss.files import fingerprint, write_json
from isogloss.vocabulary.save import special_roles, token_settings, write_tokenizer
from isogloss.vocabulary.surgery import Opened, Table, named_ids, tensors
from isogloss.vocabulary.trim import untruncated

if TYPE_CHECKING:
    from tokenizers import Tokenizer

ABOUT = "part.json"
TABLES = "tables.safetensors"
_ABOUT = {
    "architecture", "body_fingerprint", "fingerprint", "model", "named", "roles", "tied",
}  # fmt: skip
_SAMPLED = 8  # values of a weight that tell bodies apart


@dataclass(frozen=True)
class Part:
    """A vocabulary without a body.

    Attributes:
        name: of the folder, or of the model it is of.
        tokenizer: a fast one.
        settings: of `tokenizer_config.json`.
        tables: the names that each table has in its model, and its shape; input embeddings first.
        values: a tensor a table.
        about: `architecture`, `tied` (None without a language head), `roles` (special tokens and
            their ids), `named` (ids that the model's configurations name), `model`,
            `model_fingerprint`, `tokenizer_fingerprint`, `body_fingerprint`.
    """

    name: str
    tokenizer: Tokenizer
    settings: dict[str, Any]
    tables: tuple[Table, ...]
    values: tuple[Any, ...]
    about: dict[str, Any]

    @property
    def rows(self) -> int:
        """Of every table."""
        return self.tables[0].shape[self.tables[0].axis]

    @property
    def tokens(self) -> int:
        """One more than the highest id; rows beyond are padding."""
        return max(self.tokenizer.get_vocab().values(), default=-1) + 1

    @property
    def fingerprint(self) -> str:
        """16 hex digits over values and tokenizer, whatever the model calls its tables."""
        found = [
            [table.axis, table.shape, str(value.dtype), hashlib.sha256(_bytes(value)).hexdigest()]
            for table, value in zip(self.tables, self.values, strict=True)
        ]
        return fingerprint(found, untruncated(self.tokenizer).to_str())


def part_of(opened: Opened) -> Part:
    """The vocabulary of an open model; its tables are the model's own, not copies."""
    found = dict(tensors(opened.model))
    vocabulary = opened.tokenizer.get_vocab()
    about = {
        "architecture": opened.model.config.model_type,
        "tied": is_tied(opened),
        "roles": {role: [t, vocabulary[t]] for role, t in special_roles(opened.wrapper).items()
                  if t in vocabulary},
        "named": named_ids(opened),
        "model": opened.folder.name,
        "model_fingerprint": opened.folder.fingerprint,
        "tokenizer_fingerprint": fingerprint(untruncated(opened.tokenizer).to_str()),
        "body_fingerprint": fingerprint_body(opened),
    }  # fmt: skip
    return Part(
        opened.folder.name, opened.tokenizer, token_settings(opened, opened.tokenizer),
        opened.tables, tuple(found[table.names[0]].detach() for table in opened.tables), about,
    )  # fmt: skip


def is_tied(opened: Opened) -> bool | None:
    """Whether the language head is the input embeddings; None without one."""
    head = opened.model.get_output_embeddings()
    weight = getattr(head, "weight", None)
    found = dict(tensors(opened.model))
    if not any(found[table.names[0]] is weight for table in opened.tables):
        return None
    return weight is found[opened.tables[0].names[0]]


def fingerprint_body(opened: Opened) -> str:
    """16 hex digits over some values of every weight of the body, without vocabulary and heads.

    Tables of positions are left out, as they move with the padding token's id in some models.
    """
    base = opened.model.base_model
    of_vocabulary = {id(tensor) for name, tensor in tensors(opened.model) if name in _names(opened)}
    found = []
    for name, tensor in base.named_parameters():
        if id(tensor) in of_vocabulary or "position" in name or "pooler" in name:
            continue
        flat = tensor.detach().reshape(-1)
        some = flat[:: max(flat.numel() // _SAMPLED, 1)][:_SAMPLED].double()
        found.append([name, list(tensor.shape), _bytes(some).hex()])
    return fingerprint(sorted(found))


def _names(opened: Opened) -> set[str]:
    return {name for table in opened.tables for name in table.names}


def write_part(part: Part, folder: Path) -> list[str]:
    """Write a part into an empty folder; the notes of the tokenizer's writing.

    Raises:
        ModelError: transformers reads the tokenizer as another one.
    """
    from safetensors.torch import save_file

    notes = write_tokenizer(part.tokenizer, dict(part.settings), folder)
    named = {t.names[0]: v.contiguous() for t, v in zip(part.tables, part.values, strict=True)}
    save_file(named, folder / TABLES, metadata={"format": "pt"})
    about = {
        **part.about,
        "fingerprint": part.fingerprint,
        "tokens": part.tokens,
        "rows": part.rows,
        "tables": [
            {"names": list(t.names), "axis": t.axis, "shape": list(t.shape), "width": t.width,
             "type": str(v.dtype).removeprefix("torch.")}
            for t, v in zip(part.tables, part.values, strict=True)
        ],
    }  # fmt: skip
    write_json(folder / ABOUT, about)
    return notes


def read_part(folder: str | Path) -> Part:
    """A part from its folder.

    Raises:
        ModelError: no such folder, or files that are missing, cannot be read, do not belong
            together, or were changed since the part was taken.
    """
    from safetensors.torch import load_file
    from tokenizers import Tokenizer

    folder = Path(folder).expanduser()
    if not (folder / ABOUT).is_file():
        raise ModelError(
            f"is no vocabulary part: it has no {ABOUT}",
            file=folder,
            remedy="take one from a model: isogloss vocabulary part MODEL --out FOLDER",
        )
    facts = read_json(folder / ABOUT)
    try:
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        settings = read_object(folder / "tokenizer_config.json")
        stored = load_file(folder / TABLES)
        tables = tuple(
            Table(tuple(t["names"]), int(t["axis"]), tuple(t["shape"])) for t in facts["tables"]
        )
        values = tuple(stored[table.names[0]].clone() for table in tables)
        if lost := _ABOUT - facts.keys():
            raise KeyError(min(lost))
    except ModelError:
        raise
    except Exception as error:  # the libraries raise a bare Exception for a file cut short
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ModelError(
            f"the vocabulary part cannot be read: {type(error).__name__}: {reason}",
            file=folder,
            remedy="take it again: isogloss vocabulary part MODEL --out FOLDER",
        ) from error
    part = Part(folder.name, tokenizer, settings, tables, values, facts)
    if part.fingerprint != facts.get("fingerprint"):
        raise ModelError(
            f"the files of this vocabulary part are not those that {ABOUT} tells of",
            file=folder,
            remedy="take it again: isogloss vocabulary part MODEL --out FOLDER",
        )
    return part


def matched(opened: Opened, part: Part) -> list[Any]:
    """For each table of a model, the part's; tables that the model has not are left.

    Raises:
        ModelError: another architecture; tied here and untied there; a table that the part lacks;
            rows of another width.
    """
    kind, tied = opened.model.config.model_type, is_tied(opened)
    wrong = ""
    if part.about["architecture"] != kind:
        wrong = f"is of the architecture {part.about['architecture']!r}, and the model is {kind!r}"
    elif None not in (tied, part.about["tied"]) and tied != part.about["tied"]:
        words = {True: "is its input embeddings (tied)", False: "has rows of its own (untied)"}
        wrong = f"has a head that {words[not tied]}, and that of the model {words[bool(tied)]}"
    if wrong:
        raise _unfit(opened, part, wrong)
    found = []
    for i, table in enumerate(opened.tables):
        at = 0 if i == 0 else _find(table, part)
        if at is None:
            raise _unfit(opened, part, f"has no {table.names[0]}, which the model has")
        if part.tables[at].width != table.width:
            raise _unfit(
                opened,
                part,
                f"has rows of {part.tables[at].width:,} values where {table.names[0]} of the "
                f"model has {table.width:,}",
            )
        found.append(part.values[at])
    return found


def _find(table: Table, part: Part) -> int | None:
    """Where the part has a table of one of these names, with or without the body's own before."""
    for i, other in enumerate(part.tables[1:], 1):
        for one in table.names:
            if any(f".{one}".endswith(f".{n}") or f".{n}".endswith(f".{one}") for n in other.names):
                return i
    return None


def _unfit(opened: Opened, part: Part, what: str) -> ModelError:
    return ModelError(
        f"the vocabulary part {part.name!r} {what}",
        file=opened.folder.path,
        remedy="take the part from a model with this body and this kind of head: "
        "isogloss vocabulary part MODEL --out FOLDER",
    )


def rows_of(opened: Opened, part: Part) -> np.ndarray:
    """The part's rows as `surgery.columns` gives a model's: `[V', D]`, in the model's order.

    Raises:
        ModelError: see `matched`.
    """
    import torch

    made = [
        value.movedim(table.axis, 0).reshape(part.rows, -1)
        for table, value in zip(opened.tables, matched(opened, part), strict=True)
    ]
    wide = torch.float64 if any(one.dtype == torch.float64 for one in made) else torch.float32
    return torch.cat([one.to(wide) for one in made], 1).cpu().numpy()


def _bytes(tensor: Any) -> bytes:
    """The memory of a tensor, of types too that numpy does not know."""
    import torch

    return tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()

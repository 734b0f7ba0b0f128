"""A model folder opened at its vocabulary: the tables with a row a token, and the ids it names.

    opened = open_model(find_model("folder"))
    table = columns(opened)                      # [V, D]: embeddings, head, biases side by side
    put_columns(opened, table[kept])
    renumber(opened, {old: new, ...})
    write_model(opened, tokenizer, "out", about="...")

What depends on the size of the vocabulary is not guessed from names: the architecture is built
twice without memory, for V and for V + 1, and what has another shape then is a vocabulary table.
"""

from __future__ import annotations

import copy
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from isogloss.encode.folder import ModelFolder, refuse_kinds
from isogloss.encode.weights import OFFSET_POSITIONS, load_tokenizer, quiet
from isogloss.errors import ModelError
from isogloss.vocabulary.trim import refuse_twice

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_UNWRITTEN = ("pooler.", "bert.pooler.", "roberta.pooler.", "electra.pooler.")
_NESTED = ("bad_words_ids", "begin_suppress_tokens", "force_words_ids", "suppress_tokens")
_NAMED = ("lang_to_id", "task_to_id")
_ENDS = ("_token_id", "_token_ids", "_token_index")


class Table(NamedTuple):
    """A tensor with one row, or one value, a token.

    Attributes:
        names: every name it has in the model; tied tensors have several.
        axis: which of its dimensions counts tokens.
        shape: of the whole.
    """

    names: tuple[str, ...]
    axis: int
    shape: tuple[int, ...]

    @property
    def width(self) -> int:
        """Values a token."""
        return int(np.prod(self.shape)) // self.shape[self.axis]


@dataclass
class Opened:
    """A model and its tokenizer.

    Attributes:
        folder: where it lies.
        model: the network with its head, as `transformers` loads it.
        wrapper: the tokenizer of `transformers`.
        tokenizer: the fast one inside.
        tables: with the input embeddings first.
        rows: of every table.
        absent: weights that the file lacks and that nothing here needs.
        notes: what is left behind when the model is written.
    """

    folder: ModelFolder
    model: Any
    wrapper: Any
    tokenizer: Tokenizer
    tables: tuple[Table, ...]
    rows: int
    absent: tuple[str, ...]
    notes: list[str]

    @property
    def tokens(self) -> int:
        """One more than the highest id of the tokenizer; rows beyond are padding."""
        return max(self.tokenizer.get_vocab().values(), default=-1) + 1

    @property
    def padding(self) -> int:
        """Rows that no token has."""
        return self.rows - self.tokens

    @property
    def configurations(self) -> dict[str, Any]:
        """Those that name tokens, by the file they are written to."""
        found = {"config.json": self.model.config}
        if getattr(self.model, "generation_config", None) is not None:
            found["generation_config.json"] = self.model.generation_config
        return found


_REFUSED = {
    "pixel_fallback.v1": (
        "draws words that its vocabulary lacks, and would draw others with another one",
        "take a copy of the folder without pixel_fallback.json: the model without it",
    ),
    "inserted.v1": (
        "has modules put into its body, which were trained over its own vocabulary",
        "take a copy of the folder without inserted.json, and train modules anew",
    ),
    "connected.v1": (
        "is two models with a connector between them",
        "change its encoder, and train a connector for the result",
    ),
}


def open_model(folder: ModelFolder) -> Opened:
    """Load a model with its head, by the architecture that its configuration names.

    Raises:
        ModelError: no `tokenizer.json`; static vectors; words that are drawn; modules in the body;
            an architecture that transformers does not know; weights that are missing or of another
            shape; tables that are tied by the configuration and differ in the file; ids without a
            row; the same token twice.
    """
    body = folder.body
    refuse_kinds(folder, _REFUSED)
    if folder.kind != "transformer.v1":
        raise ModelError(
            "is a table of static vectors without a network",
            file=folder.path,
            remedy="learn another tokenizer and student: isogloss extend --student static",
        )
    if not (body / "tokenizer.json").is_file():
        others = [n for n in ("tokenizer.model", "spiece.model", "sentencepiece.bpe.model",
                              "vocab.txt", "vocab.json") if (body / n).is_file()]  # fmt: skip
        raise ModelError(
            "has no fast tokenizer, tokenizer.json"
            + (f"; there is {', '.join(others)}" if others else ""),
            file=body,
            remedy="convert it once: transformers.AutoTokenizer.from_pretrained(folder)"
            ".save_pretrained(folder) writes tokenizer.json; compare a few texts by both",
        )
    _refuse_doubles(body / "tokenizer.json")
    model, absent, notes = _load(folder)
    wrapper = load_tokenizer(folder)
    tokenizer = getattr(wrapper, "backend_tokenizer", None)
    if tokenizer is None:
        raise ModelError(
            f"{type(wrapper).__name__} works in Python and has no table of tokens",
            file=body,
            remedy="a vocabulary can be changed where it is a tokenizer.json",
        )
    tables = find_tables(model, body)
    made = Opened(
        folder, model, wrapper, tokenizer, tables, tables[0].shape[tables[0].axis], absent, notes
    )
    if made.padding < 0:
        raise ModelError(
            f"the tokenizer has ids up to {made.tokens - 1:,} and the embeddings {made.rows:,} "
            "rows: tokens without a row",
            file=body,
            remedy="check that tokenizer and weights belong together",
        )
    return made


def _refuse_doubles(file: Path) -> None:
    """Refuse a tokenizer whose JSON names a token or an id twice, which a reader would not see."""
    twice: list[str] = []

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(found)
        if len(made) < len(found):
            twice.extend(n for n, count in Counter(n for n, _ in found).items() if count > 1)
        return made

    try:
        state = json.loads(file.read_text(encoding="utf-8"), object_pairs_hook=pairs)
    except (OSError, ValueError) as error:
        raise ModelError(f"cannot be read as JSON: {error}", file=file) from error
    remedy = "give every token one entry and one id, with the row that the model was trained with"
    if twice:
        raise ModelError(
            f"names {len(twice)} tokens twice, such as {twice[0]!r}", file=file, remedy=remedy
        )
    model = state.get("model") or {}
    refuse_twice(model)
    names = [(t["content"], t["id"]) for t in state.get("added_tokens") or []]
    vocabulary = model.get("vocab") or {}
    if isinstance(vocabulary, dict):
        names += vocabulary.items()
    ids: dict[int, str] = {}
    for name, number in names:
        if ids.setdefault(number, name) != name:
            raise ModelError(
                f"gives the tokens {ids[number]!r} and {name!r} one id, {number}",
                file=file, remedy=remedy,
            )  # fmt: skip


def _load(folder: ModelFolder) -> tuple[Any, tuple[str, ...], list[str]]:
    """The network, weights it lacks that do not matter, and notes on those it has too many."""
    import transformers

    named = (folder.config.get("architectures") or [None])[0]
    if named and not hasattr(transformers, named):
        raise ModelError(
            f"transformers has no architecture {named!r}",
            file=folder.body / "config.json",
            remedy="only architectures of transformers itself are opened; no code of the folder "
            "is run",
        )
    kind = getattr(transformers, named) if named else transformers.AutoModel
    with quiet():
        try:
            model, info = kind.from_pretrained(
                str(folder.body), local_files_only=True, use_safetensors=True, dtype="auto",
                trust_remote_code=False, output_loading_info=True, ignore_mismatched_sizes=True,
            )  # fmt: skip
        except Exception as error:
            # transformers raises OSError, ValueError, KeyError, RuntimeError ... for a bad folder
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise ModelError(f"the model cannot be loaded: {reason}", file=folder.body) from error
    wrong = [
        f"{name} is {list(there)} where {type(model).__name__} has {list(wanted)}"
        for name, there, wanted in sorted(info.get("mismatched_keys") or ())
    ]
    missing = sorted(info["missing_keys"])
    absent = tuple(name for name in missing if name.startswith(_UNWRITTEN))
    wrong += [f"{name} is missing" for name in missing if name not in absent]
    if wrong:
        raise ModelError(
            f"{len(wrong)} weights do not fit config.json: {'; '.join(wrong[:3])}"
            + (" ..." if len(wrong) > 3 else ""),
            file=folder.body,
            remedy="they would be random: check that the weights and config.json belong together",
        )
    for tensor in (*model.parameters(), *model.buffers()):
        # Weights of a file lie where its header ends, and products of float32 are summed in an
        # order that depends on that; in memory of their own two models can be compared to the bit.
        tensor.data = tensor.data.clone()
    notes = []
    if more := sorted(info.get("unexpected_keys") or ()):
        notes.append(
            f"{len(more)} weights that {type(model).__name__} has no place for are left out, such "
            f"as {more[0]}"
        )
    return model.eval(), absent, notes


def find_tables(model: Any, where: Path) -> tuple[Table, ...]:
    """Tensors that grow with the vocabulary, input embeddings first.

    Raises:
        ModelError: the configuration has no size of the vocabulary; tables that it ties differ.
    """
    config = model.config.get_text_config()
    size = getattr(config, "vocab_size", None)
    if size is None:
        raise ModelError("names no vocab_size", file=where / "config.json")
    if getattr(config, "decoder_vocab_size", None) not in (None, size):
        raise ModelError(
            "has a vocabulary for each side, of other sizes",
            file=where / "config.json",
            remedy="models with one vocabulary are changed here",
        )
    small, large = _plan(model, size), _plan(model, size + 1)
    grown, larger = tensors(small), dict(tensors(large))
    found = dict(tensors(model))
    groups: dict[int, list[str]] = {}
    axes: dict[str, int] = {}
    for name, tensor in grown:
        changed = [
            i
            for i, (a, b) in enumerate(zip(tensor.shape, larger[name].shape, strict=True))
            if a != b
        ]
        if changed:
            axes[name] = changed[0]
            groups.setdefault(id(found[name]), []).append(name)
    _refuse_untied(small, found, axes, where)
    entry = id(model.get_input_embeddings().weight)
    if entry not in groups:
        raise ModelError(
            f"the input embeddings of {type(model).__name__} do not grow with vocab_size",
            file=where / "config.json",
            remedy="this architecture keeps its vocabulary in a way that is not known here",
        )
    order = sorted(groups, key=lambda key: key != entry)
    return tuple(
        Table(tuple(groups[key]), axes[groups[key][0]], tuple(found[groups[key][0]].shape))
        for key in order
    )


def _plan(model: Any, size: int) -> Any:
    """The same architecture for another vocabulary, without memory."""
    import torch

    config = copy.deepcopy(model.config)
    _resize(config, size)
    with torch.device("meta"), quiet():
        return type(model)(config)


def _resize(config: Any, size: int) -> None:
    """Write the size of the vocabulary wherever a configuration says it."""
    text = config.get_text_config()
    was = text.vocab_size
    for name in ("vocab_size", "decoder_vocab_size"):  # Marian says it twice
        if getattr(text, name, None) == was:
            setattr(text, name, size)


def tensors(model: Any) -> list[tuple[str, Any]]:
    """Parameters and buffers by every name they have."""
    return [
        *model.named_parameters(remove_duplicate=False),
        *model.named_buffers(remove_duplicate=False),
    ]


def _refuse_untied(
    plan: Any, found: Mapping[str, Any], axes: Mapping[str, int], where: Path
) -> None:
    """Refuse tables that are one by the configuration and two in the file."""
    for name, other in (getattr(plan, "all_tied_weights_keys", None) or {}).items():
        if name in axes and other in axes and found[name] is not found[other]:
            raise ModelError(
                f"config.json ties {name} to {other}, and the weights hold two that differ",
                file=where,
                remedy='set "tie_word_embeddings": false in config.json if both are meant, or take '
                f"{name} out of the weights",
            )


def columns(opened: Opened) -> np.ndarray:
    """All tables side by side: `[V, D]` float32, or float64 where a table is."""
    import torch

    found = dict(tensors(opened.model))
    parts = []
    for table in opened.tables:
        tensor = found[table.names[0]].detach().movedim(table.axis, 0).reshape(opened.rows, -1)
        parts.append(tensor if tensor.dtype == torch.float64 else tensor.float())
    return torch.cat(parts, 1).cpu().numpy()


def put_columns(opened: Opened, rows: np.ndarray) -> None:
    """Give every table its columns of `[V', D]`, with ties and types as they were."""
    import torch

    found = dict(tensors(opened.model))
    at, made = 0, []
    for table in opened.tables:
        part = torch.from_numpy(np.array(rows[:, at : at + table.width]))  # a copy of its own
        at += table.width
        rest = [n for i, n in enumerate(table.shape) if i != table.axis]
        new = part.reshape(len(rows), *rest).movedim(0, table.axis).contiguous()
        made.append(new.to(found[table.names[0]].dtype))
    put_tables(opened, made)


def put_tables(opened: Opened, made: Sequence[Any]) -> None:
    """Give the model these tensors, one a table and of its type, for its tables; ties as they were.

    Nothing is copied.
    """
    import torch

    found = dict(tensors(opened.model))
    tables = []
    for table, new in zip(opened.tables, made, strict=True):
        old = found[table.names[0]]
        if isinstance(old, torch.nn.Parameter):
            new = torch.nn.Parameter(new, requires_grad=old.requires_grad)
        for name in table.names:
            _put(opened.model, name, new)
        tables.append(Table(table.names, table.axis, tuple(new.shape)))
    opened.tables = tuple(tables)
    opened.rows = tables[0].shape[tables[0].axis]
    _resize(opened.model.config, opened.rows)
    if hasattr(opened.model, "vocab_size"):
        opened.model.vocab_size = opened.rows


def _put(model: Any, name: str, tensor: Any) -> None:
    path, _, leaf = name.rpartition(".")
    module = model.get_submodule(path)
    if leaf in module._parameters:
        module._parameters[leaf] = tensor
    else:
        module._buffers[leaf] = tensor
    for size in ("num_embeddings", "out_features"):
        if hasattr(module, size):
            setattr(module, size, tensor.shape[0])


def named_ids(opened: Opened) -> dict[str, list[int]]:
    """Ids that the configurations name and cannot do without, by where they stand.

    Lists of tokens that are not to be generated are not among them.

    Raises:
        ModelError: an id of a row that no token has.
    """
    known = set(opened.tokenizer.get_vocab().values())
    found: dict[str, list[int]] = {}

    def see(place: str, number: int) -> int:
        if 0 <= number < opened.rows:
            if number not in known:
                raise ModelError(
                    f"{place} is {number}, the id of a padding row that no token has",
                    file=opened.folder.body,
                    remedy="add the token to the tokenizer, or name another one there",
                )
            found.setdefault(place, []).append(number)
        return number

    for name, config in opened.configurations.items():
        _walk(config, name, see, drop=lambda place, number: number)
    return found


def renumber(opened: Opened, new: Mapping[int, int]) -> list[str]:
    """Write new ids wherever the configurations name tokens.

    Args:
        opened: the model.
        new: from old to new ids.

    Returns:
        What was left out: ids that never had a row, and tokens that need no longer be suppressed.

    Raises:
        ModelError: a token that is needed has no new id.
    """
    old_names = {i: name for name, i in opened.tokenizer.get_vocab().items()}
    named = named_ids(opened)
    _shift_positions(opened, new)
    notes: dict[str, int] = {}

    def scalar(place: str, number: int) -> int | None:
        if number in new:
            return new[number]
        if number < 0:
            return number
        if number in named.get(place, ()):
            raise ModelError(
                f"{place} names {old_names[number]!r}, which the new tokenizer lacks",
                file=opened.folder.body,
                remedy="keep that token, or give a tokenizer that has one for this",
            )
        notes[f"{place} was {number}, which has no row, and is now empty"] = 1
        return None

    def drop(place: str, number: int) -> int | None:
        if number not in new:
            note = f"{place} no longer lists tokens that are gone"
            notes[note] = notes.get(note, 0) + 1
        return new.get(number)

    for name, config in opened.configurations.items():
        _walk(config, name, scalar, drop)
    _set_padding(opened.model, {id(t) for _, t in _vocabulary(opened)}, new)
    return [note if n == 1 else f"{note}: {n}" for note, n in notes.items()]


def _vocabulary(opened: Opened) -> list[tuple[str, Any]]:
    names = {name for table in opened.tables for name in table.names}
    return [(name, tensor) for name, tensor in tensors(opened.model) if name in names]


def _shift_positions(opened: Opened, new: Mapping[int, int]) -> None:
    """Move the table of positions where it is counted from the padding token's id on.

    The first position is row padding + 1 in RoBERTa and its kin; rows up to there are never read.
    """
    import torch

    config = opened.model.config.get_text_config()
    was = config.pad_token_id
    if config.model_type not in OFFSET_POSITIONS or was is None or new.get(was, was) == was:
        return
    now = new[was]
    for name, module in opened.model.named_modules():
        if name.endswith("position_embeddings") and isinstance(module, torch.nn.Embedding):
            old = module.weight.detach()
            moved = torch.cat([old[:1].repeat(now + 1, 1), old[was + 1 :]])
            module.weight = torch.nn.Parameter(moved)
            module.num_embeddings, module.padding_idx = len(moved), now
            config.max_position_embeddings = len(moved)


def _set_padding(model: Any, tables: set[int], new: Mapping[int, int]) -> None:
    for module in model.modules():
        number = getattr(module, "padding_idx", None)
        if number is not None and id(getattr(module, "weight", None)) in tables:
            module.padding_idx = new.get(number)


Change = Callable[[str, int], "int | None"]


def _walk(config: Any, place: str, scalar: Change, drop: Change) -> None:
    """Put what `scalar` gives for every id that is named, and `drop` for lists that may shrink."""
    from transformers import PretrainedConfig

    inside = config if isinstance(config, dict) else vars(config)
    for key, value in list(inside.items()):
        if not isinstance(key, str):
            continue
        where = f"{place}: {key}"
        made = value
        if isinstance(value, PretrainedConfig):
            _walk(value, where, scalar, drop)
            continue
        if key.endswith(_ENDS):
            made = _each(value, where, scalar)
        elif key in _NESTED:
            made = _each(value, where, drop)
        elif key in _NAMED and isinstance(value, dict):
            kept = {name: drop(where, number) for name, number in value.items()}
            made = {name: number for name, number in kept.items() if number is not None}
        elif isinstance(value, dict):
            _walk(value, where, scalar, drop)
            continue
        if made is not value and made != value:
            inside[key] = made


def _each(value: Any, place: str, change: Change) -> Any:
    """The same nesting of lists with other ids; lists lose what has none."""
    if isinstance(value, bool) or not isinstance(value, int | list | tuple):
        return value
    if isinstance(value, int):
        return change(place, value)
    made = [_each(one, place, change) for one in value]
    return [one for one in made if one is not None and one != []]

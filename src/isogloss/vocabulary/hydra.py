"""Several vocabularies over one body, within one sequence too.

    hydra = load_hydra("folder")
    found = generate(hydra, [("tat", text), ("eng", "In English:")], head="eng")

A segment of text is cut and looked up by its own part; the rows of all segments go through the body
as one sequence. What comes next is said by the head of any part, and the tokens that it gives are
looked up in its own table: read one language, write another.

Parts are put on in turn: the model's tables are then the part's tensors, so scales, biases and caps
of logits are those of the architecture. The body itself is given vectors alone, never ids: what an
id means to it, such as padding that counts no position, is the first part's. One thread may use a
hydra at a time.

Source: Remy et al. (2024), Trans-Tokenization and Cross-lingual Vocabulary Transfers, on Hydra LLMs
(several swappable embedding tables and language-modelling heads) and HydraTower.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from isogloss.encode.folder import read_object
from isogloss.encode.resolve import find_model
from isogloss.encode.weights import is_decoder, read_window
from isogloss.errors import ModelError, TruncationError, UnknownName, UsageError
from isogloss.vocabulary.parts import Part, matched, part_of, read_part
from isogloss.vocabulary.surgery import Opened, open_model, put_tables, tensors
from isogloss.vocabulary.trim import untruncated

if TYPE_CHECKING:
    from tokenizers import Tokenizer

HYDRA, BODY, PARTS = "hydra.json", "body", "parts"

Segment = tuple[str, "str | Sequence[int]"]
"""The name of a part, and a text or ids of that part's tokens."""


@dataclass
class Hydra:
    """One body and its vocabularies; make one by `assemble` or `load_hydra`.

    Attributes:
        opened: the body, with the tables of the part that it has on.
        parts: by name, the first one the body's own.
        values: of each part, a tensor for each table of the body.
        worn: the part that the body has on.
        plain: tokenizers that neither cut nor pad, by part.
    """

    opened: Opened
    parts: dict[str, Part]
    values: dict[str, list[Any]]
    worn: str
    plain: dict[str, Tokenizer] = field(default_factory=dict)


class Written(NamedTuple):
    """What a head said.

    Attributes:
        ids: of its part's tokens, without the end token.
        text: that they spell.
        ended: whether the end token came; otherwise the length or the window was reached.
    """

    ids: list[int]
    text: str
    ended: bool


def assemble(opened: Opened, own: str, parts: Mapping[str, Part]) -> Hydra:
    """Several vocabularies over an open model.

    The body is not copied, nor are tables that have its type already. Afterwards the model belongs
    to the hydra.

    Args:
        opened: the model.
        own: the name of the vocabulary that it has.
        parts: the others by name.

    Raises:
        ModelError: a part that does not fit, see `parts.matched`; an architecture that cannot be
            given vectors instead of ids.
        UsageError: a part with the name of the model's own.
    """
    model = opened.model
    needed = {"inputs_embeds"}
    if getattr(model.config, "is_encoder_decoder", False):
        needed.add("decoder_inputs_embeds")
    if needed - set(inspect.signature(model.forward).parameters):
        raise ModelError(
            f"{type(model).__name__} takes ids alone, no vectors of tokens",
            file=opened.folder.path,
            remedy="swap whole vocabularies instead: isogloss vocabulary swap",
        )
    if own in parts:
        raise UsageError(f"two parts are called {own!r}", remedy="give each a name of its own")
    first, found = part_of(opened), dict(tensors(model))
    values = {own: matched(opened, first)}
    for name, part in parts.items():
        values[name] = [
            one.to(device=old.device, dtype=old.dtype)
            for one, old in zip(matched(opened, part), values[own], strict=True)
        ]
    tables = {id(found[table.names[0]]) for table in opened.tables}
    for module in model.modules():
        # It is used in training alone, and could be beyond the rows of another part.
        if hasattr(module, "padding_idx") and id(getattr(module, "weight", None)) in tables:
            module.padding_idx = None
    every = {own: first, **parts}
    plain = {name: untruncated(part.tokenizer) for name, part in every.items()}
    return Hydra(opened, every, values, own, plain)


def load_hydra(folder: str | Path) -> Hydra:
    """A hydra from its folder: `body/`, a plain model with the first part, `parts/`, `hydra.json`.

    Raises:
        ModelError: no such folder, or parts that cannot be read or are not those it was made of.
    """
    folder = Path(folder).expanduser()
    if not (folder / HYDRA).is_file():
        raise ModelError(
            f"is no hydra: it has no {HYDRA}",
            file=folder,
            remedy="compose one: isogloss vocabulary hydra MODEL --parts a=FOLDER,b=FOLDER",
        )
    about = read_object(folder / HYDRA)
    if not isinstance(about.get("parts"), dict) or not about["parts"]:
        raise ModelError(
            "names no parts", file=folder / HYDRA,
            remedy="compose it again: isogloss vocabulary hydra",
        )  # fmt: skip
    own, *others = about["parts"]
    parts = {name: read_part(folder / PARTS / name) for name in others}
    hydra = assemble(open_model(find_model(str(folder / BODY))), own, parts)
    names = {name: part.about["fingerprint"] for name, part in parts.items()}
    for name, value in {own: hydra.parts[own].fingerprint, **names}.items():
        if value != about["parts"][name]:
            raise ModelError(
                f"the part {name!r} is not the one that this hydra was made of",
                file=folder,
                remedy="compose it again: isogloss vocabulary hydra",
            )
    return hydra


def wear(hydra: Hydra, name: str) -> None:
    """Put a part on: the model is then one with that vocabulary.

    Raises:
        UnknownName: no such part.
    """
    _known(hydra, name)
    if name != hydra.worn:
        put_tables(hydra.opened, hydra.values[name])
        hydra.worn = name


def _known(hydra: Hydra, name: str) -> None:
    if name not in hydra.parts:
        raise UnknownName(
            f"there is no part {name!r}", remedy=f"there are: {', '.join(hydra.parts)}"
        )


def cut(hydra: Hydra, segments: Sequence[Segment]) -> list[tuple[str, list[int]]]:
    """The ids of each segment, by its own part: segments again, without text.

    What a tokenizer puts before a text comes before the first segment alone, by the part of that;
    what it puts behind comes behind the last. Ids stay as they are given.

    Raises:
        UsageError: no segments, one without a token, or an id that its part has no row for.
        UnknownName: no such part.
        TruncationError: more tokens than the body reads.
    """
    made = []
    for i, (name, given) in enumerate(segments):
        _known(hydra, name)
        ids = [int(one) for one in given] if not isinstance(given, str) else _cut(
            hydra.plain[name], given, first=i == 0, last=i == len(segments) - 1
        )  # fmt: skip
        rows = hydra.parts[name].rows
        if not ids or min(ids) < 0 or max(ids) >= rows:
            raise UsageError(
                f"segment {i + 1}, {given!r}, gives "
                + (f"ids beyond the {rows:,} rows of {name!r}" if ids else "no token"),
                remedy="leave empty segments out, and give ids of the part's own tokens",
            )
        made.append((name, ids))
    if not made:
        raise UsageError("there is no segment", remedy="give (part, text) at least once")
    total = sum(len(ids) for _, ids in made)
    if total > _window(hydra):
        raise TruncationError(
            f"{total:,} tokens, and the body reads {_window(hydra):,}",
            remedy="give shorter segments",
        )
    return made


def _cut(tokenizer: Tokenizer, text: str, *, first: bool, last: bool) -> list[int]:
    bare = tokenizer.encode(text, add_special_tokens=False).ids
    full = tokenizer.encode(text).ids
    n = len(bare)
    at = next((i for i in range(len(full) - n + 1) if full[i : i + n] == bare), None) if n else None
    if at is None:
        return []
    return full[0 if first else at : len(full) if last else at + n]


def _window(hydra: Hydra) -> int:
    return read_window(hydra.opened.folder, hydra.opened.wrapper)


def embed(hydra: Hydra, segments: Sequence[Segment]) -> Any:
    """`[1, T, d]` rows of all segments, each from its own part's table: a tensor."""
    import torch

    with torch.inference_mode():
        return torch.cat([_rows(hydra, *piece) for piece in cut(hydra, segments)], 1)


def _rows(hydra: Hydra, name: str, ids: Sequence[int], *, write: bool = False) -> Any:
    """`[1, t, d]` of ids by the table of the reader, or of the decoder that writes."""
    import torch

    wear(hydra, name)
    table = (hydra.opened.model.get_decoder() if write else _reader(hydra)).get_input_embeddings()
    return table(torch.tensor([list(ids)], device=table.weight.device))


def _reader(hydra: Hydra) -> Any:
    """What reads text: the encoder of an encoder-decoder, else the model."""
    model = hydra.opened.model
    return model.get_encoder() if _two_sided(hydra) else model


def _two_sided(hydra: Hydra) -> bool:
    return bool(getattr(hydra.opened.model.config, "is_encoder_decoder", False))


def states(hydra: Hydra, segments: Sequence[Segment]) -> list[np.ndarray]:
    """`[t, d]` last hidden states of each segment; the encoder's of an encoder-decoder.

    Raises:
        UsageError, UnknownName, TruncationError: see `cut`.
    """
    import torch

    pieces = cut(hydra, segments)
    rows = embed(hydra, pieces)
    reader = _reader(hydra)
    with torch.inference_mode():
        body = reader if _two_sided(hydra) else reader.base_model
        last = body(inputs_embeds=rows)[0][0].float().cpu().numpy()
    return np.split(last, np.cumsum([len(ids) for _, ids in pieces])[:-1])


def logits(
    hydra: Hydra, segments: Sequence[Segment], head: str, *, written: Sequence[int] = ()
) -> np.ndarray:
    """`[T, V]` logits under the head of a part, one row a token read.

    Of a decoder the last row is about what comes next. Of an encoder-decoder the rows are about
    what the decoder writes, `[1 + len(written), V]`.

    Args:
        hydra: body and parts.
        segments: what is read.
        head: the part whose head speaks, and whose table a decoder of its own reads.
        written: ids of `head` that an encoder-decoder has written so far.

    Raises:
        UsageError: a body without a language head; what has been written, for a body that reads and
            writes in one sequence.
        ModelError: an encoder-decoder whose part does not say what its decoder begins with.
        UnknownName, TruncationError: see `cut`.
    """
    import torch

    with torch.inference_mode():
        given = _begin(hydra, segments, head, written)
        return _logits(hydra, hydra.opened.model(**given))[0].float().cpu().numpy()


def generate(
    hydra: Hydra,
    segments: Sequence[Segment],
    head: str,
    *,
    longest: int = 64,
    written: Sequence[int] = (),
) -> Written:
    """The likeliest next token under a head, again and again, until its end token.

    Args:
        hydra: body and parts.
        segments: what is read.
        head: the part that writes; it also reads what it has written.
        longest: tokens at most.
        written: ids of `head` that an encoder-decoder begins with, such as a language token; by
            default the one that the part's model began with, if it named one.

    Raises:
        UsageError: a body that is neither a decoder nor an encoder-decoder with a language head;
            `written`, for a body that reads and writes in one sequence.
        ModelError: an encoder-decoder whose part does not say what its decoder begins with.
        UnknownName, TruncationError: see `cut`.
    """
    import torch

    _known(hydra, head)
    part = hydra.parts[head]
    if longest < 1:
        raise UsageError(f"longest={longest} means nothing", remedy="give 1 or more")
    if not (_two_sided(hydra) or is_decoder(hydra.opened.folder.config)):
        raise UsageError(
            f"{type(hydra.opened.model).__name__} reads and does not write",
            remedy="compose the hydra of a decoder or an encoder-decoder",
        )
    pieces = cut(hydra, segments)
    if _two_sided(hydra) and not len(written):
        written = _named(part, "forced_bos")[:1]
    there = len(written) + 1 if _two_sided(hydra) else sum(len(found) for _, found in pieces)
    ends, nameless = _named(part, "eos"), _nameless(part)
    ids: list[int] = []
    with torch.inference_mode():
        given = _begin(hydra, pieces, head, written) | {"use_cache": True}
        if "logits_to_keep" in inspect.signature(hydra.opened.model.forward).parameters:
            given["logits_to_keep"] = 1
        while len(ids) < min(longest, _window(hydra) - there):
            out = hydra.opened.model(**given)
            scores = _logits(hydra, out)[0, -1].float()
            scores[nameless] = -torch.inf
            ids.append(int(scores.argmax()))
            if ids[-1] in ends:
                break
            given = _next(hydra, given, out, head, ids[-1])
    ended = bool(ids) and ids[-1] in ends
    kept = ids[:-1] if ended else ids
    return Written(kept, hydra.plain[head].decode(kept), ended)


def _begin(
    hydra: Hydra, segments: Sequence[Segment], head: str, written: Sequence[int]
) -> dict[str, Any]:
    """What the model is first given, with the head on."""
    _known(hydra, head)
    if len(written) and not _two_sided(hydra):
        raise UsageError(
            "what was written so far is for encoder-decoders",
            remedy=f"read it as the last segment: ({head!r}, ids)",
        )
    rows = embed(hydra, segments)
    if not _two_sided(hydra):
        wear(hydra, head)
        return {"inputs_embeds": rows}
    start = _named(hydra.parts[head], "decoder_start") or _named(hydra.parts[head], "bos")
    if not start:
        raise ModelError(
            f"the part {head!r} names no token that the decoder begins with",
            file=hydra.opened.folder.path,
            remedy="take it from a model whose config.json names decoder_start_token_id",
        )
    read = _reader(hydra)(inputs_embeds=rows)
    [(_, ids)] = cut(hydra, [(head, [*start[:1], *written])])
    begin = _rows(hydra, head, ids, write=True)
    return {"encoder_outputs": read, "decoder_inputs_embeds": begin}


def _next(hydra: Hydra, given: dict[str, Any], out: Any, head: str, token: int) -> dict[str, Any]:
    """What the model is given after it wrote a token: that one, where it keeps what came before."""
    past = out.get("past_key_values")
    if past is None:
        raise ModelError(
            f"{type(hydra.opened.model).__name__} keeps no past keys and values",
            file=hydra.opened.folder.path,
            remedy="take the logits token by token",
        )
    name = "decoder_inputs_embeds" if _two_sided(hydra) else "inputs_embeds"
    row = _rows(hydra, head, [token], write=_two_sided(hydra))
    return {**given, name: row, "past_key_values": past}


def _logits(hydra: Hydra, out: Any) -> Any:
    found = out.get("logits")
    if found is None or found.shape[-1] != hydra.opened.rows:
        raise UsageError(
            f"{type(hydra.opened.model).__name__} has no language head",
            remedy="take the states, or compose the hydra of a model with one",
        )
    return found


def _named(part: Part, role: str) -> list[int]:
    """Ids that the part's model named for a role, for generation first; else its tokenizer's."""
    for file in ("generation_config.json", "config.json"):
        if ids := part.about["named"].get(f"{file}: {role}_token_id"):
            return list(ids)
    known = part.about["roles"].get(role)
    return [known[1]] if known else []


def _nameless(part: Part) -> list[int]:
    """Rows that no token has."""
    return sorted(set(range(part.rows)) - set(part.tokenizer.get_vocab().values()))


def check_parity(hydra: Hydra, texts: Sequence[str]) -> dict[str, int]:
    """Read texts by the first part, as ids and as looked-up rows; both must give the same.

    Returns:
        `texts` that were read, and `same_states`, to the last bit.

    Raises:
        ModelError: an architecture that does more with ids than to look rows up.
    """
    import torch

    own, same = next(iter(hydra.parts)), 0
    for text in texts:
        [(_, ids)] = pieces = cut(hydra, [(own, text)])
        [mixed] = states(hydra, pieces)
        reader = _reader(hydra)
        body = reader if _two_sided(hydra) else reader.base_model
        at = hydra.values[own][0].device
        with torch.inference_mode():
            plain = body(input_ids=torch.tensor([ids], device=at))[0][0].float().cpu().numpy()
        if not np.allclose(mixed, plain, rtol=0, atol=1e-3 * np.abs(plain).max(initial=0)):
            raise ModelError(
                f"{type(hydra.opened.model).__name__} reads ids in another way than their rows",
                file=hydra.opened.folder.path,
                remedy="swap whole vocabularies instead: isogloss vocabulary swap",
            )
        same += np.array_equal(mixed, plain)
    return {"texts": len(texts), "same_states": int(same)}

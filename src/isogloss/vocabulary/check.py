"""The audit after surgery: a model that loads must also answer as it did.

Raises where something cannot be right, counts where it may be meant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from isogloss.encode.weights import is_decoder
from isogloss.errors import ModelError
from isogloss.vocabulary.pieces import Pieces, byte_of, read_pieces
from isogloss.vocabulary.save import special_roles
from isogloss.vocabulary.trim import untruncated
from isogloss.vocabulary.words import words

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from isogloss.vocabulary.surgery import Opened

LONGEST = 64  # tokens of a text that the smoke check reads
_AROUND = ("", "q", "0", "a ")


class Before(NamedTuple):
    """What the audit of a changed model compares with; taken before anything changes.

    Attributes:
        ties: names of each table.
        strange: special ids that were not the tokenizer's, by file and role.
        roles: that tokens had.
    """

    ties: list[set[str]]
    strange: dict[tuple[str, str], str]
    roles: dict[str, str]


def remember(opened: Opened) -> Before:
    """What the audit needs of a model before it is changed."""
    ties = [set(table.names) for table in opened.tables]
    return Before(ties, _strange(opened), special_roles(opened.wrapper))


def audit(made: Opened, before: Before | None = None) -> dict[str, int]:
    """Check a model that was written and opened anew.

    Ids lie within the rows; every table has as many rows as the configuration says; the padding,
    beginning, end and other special ids of the configurations are those of the tokenizer, or were
    not before either; tables are tied as before; no special token lost its role.

    Args:
        made: the changed model, opened from its folder.
        before: the model it came from.

    Returns:
        Counts: `tokens`, `rows`, `padding rows`, `unreached tokens`.

    Raises:
        ModelError: what is wrong, and where.
    """
    where = made.folder.body
    wrong = []
    size = made.model.config.get_text_config().vocab_size
    for table in made.tables:
        rows = table.shape[table.axis]
        if rows != size:
            wrong.append(f"{table.names[0]} has {rows:,} rows, and vocab_size is {size:,}")
    if made.padding < 0:
        wrong.append(f"{-made.padding} tokens have no row")
    now = remember(made)
    known = before.strange if before is not None else {}
    wrong += [said for place, said in now.strange.items() if place not in known]
    if before is not None:
        lost = [" and ".join(sorted(one)) for one in before.ties if one not in now.ties]
        wrong += [f"before, one tensor was {one}" for one in lost]
        wrong += [f"no token is {role} any more" for role in before.roles if role not in now.roles]
    if wrong:
        raise ModelError(
            f"the changed model is not sound: {'; '.join(wrong)}",
            file=where,
            remedy="nothing was kept; this should not happen, please report it with the model",
        )
    return {
        "tokens": len(set(made.tokenizer.get_vocab().values())),
        "rows": made.rows,
        "padding rows": made.padding,
        "unreached tokens": len(unreached(made.tokenizer)),
    }


def _strange(opened: Opened) -> dict[tuple[str, str], str]:
    """Roles whose id in a configuration is not the tokenizer's, and a sentence about each."""
    vocabulary = opened.tokenizer.get_vocab()
    wrong = {}
    for role, name in special_roles(opened.wrapper).items():
        for file, config in opened.configurations.items():
            there = getattr(config, f"{role}_token_id", None)
            ids = there if isinstance(there, list) else [there]
            if there is not None and vocabulary.get(name) not in ids:
                wrong[file, role] = f"the {role}_token_id of {file} is not that of {name!r}"
    return wrong


def unreached(tokenizer: Tokenizer, ids: Sequence[int] | None = None) -> list[int]:
    """Ids of tokens that no text was found to give.

    Each token's own text is cut, alone, doubled, and behind a few others. A token that the
    normaliser changes, the pre-tokenizer splits, or other pieces always win over, is unreached;
    so may be a piece of words that is only met inside long ones. Special tokens, and bytes that
    are no characters, are not asked for.
    """
    plain = untruncated(tokenizer)
    pieces = read_pieces(tokenizer)
    asked = range(len(pieces)) if ids is None else ids
    left = [i for i in asked if pieces.texts[i] and not pieces.special[i]]
    letters = set(byte_of()) if pieces.byte_level else set()
    never = [
        i for i in asked if pieces.bytes[i] and letters and set(str(pieces.names[i])) - letters
    ]
    ends = pieces.ends_marked
    for around in (*_AROUND, None):
        texts = []
        for i in left:
            text = str(pieces.texts[i])
            start = " " if pieces.byte_level and pieces.starts[i] else ""
            if around is None:
                texts.append(start + text * 2)
            else:
                texts.append(start + text + around if ends else around + start + text)
        cuts = plain.encode_batch_fast(texts, add_special_tokens=False)
        left = [i for i, cut in zip(left, cuts, strict=True) if i not in cut.ids]
    return sorted(never + [i for i in left if not _inside(plain, pieces, i)])


def _inside(tokenizer: Tokenizer, pieces: Pieces, number: int) -> bool:
    """Whether a word may hold the token and the model itself makes it of its name.

    A WordPiece piece that does not begin a word is tried behind a letter, as it never stands alone.
    """
    name, text = str(pieces.names[number]), str(pieces.texts[number])
    prefix = getattr(tokenizer.model, "continuing_subword_prefix", None) or ""
    inner = bool(prefix) and name.startswith(prefix)
    found = words(tokenizer, text)
    if len(found) != 1 or not found[0].endswith(text if inner or pieces.ends_marked else name):
        return False
    tried = [letter + name[len(prefix) :] for letter in "aeqx0"] if inner else [name]
    return any(name in [t.value for t in tokenizer.model.tokenize(one)] for one in tried)


def cut_alike(
    old: Tokenizer, new: Tokenizer, ids: Mapping[int, int], texts: Sequence[str]
) -> list[bool]:
    """Whether each text is cut into the same tokens by both, `ids` being from old to new."""
    cuts = [untruncated(one).encode_batch_fast(list(texts)) for one in (old, new)]
    return [[ids.get(i) for i in was.ids] == now.ids for was, now in zip(*cuts, strict=True)]


class Outputs(NamedTuple):
    """What a model makes of some token ids.

    Attributes:
        ids: of each text.
        states: `[t, d]` last hidden states of each.
        logits: `[t, V]` of each; empty for a model without a head.
    """

    ids: list[list[int]]
    states: list[np.ndarray]
    logits: list[np.ndarray]


@dataclass(frozen=True)
class Smoke:
    """How a changed model does on texts whose tokens it kept.

    Attributes:
        texts: that were compared.
        same_ids: of them, cut into the same tokens.
        same_states: of those, with hidden states that are equal to the last bit.
        same_logits: of those, with logits that are equal to the last bit.
        largest: difference of any two logits; a product with fewer rows may be summed in another
            order.
    """

    texts: int
    same_ids: int
    same_states: int
    same_logits: int | None
    largest: float


def run(opened: Opened, texts: Sequence[str], *, columns: np.ndarray | None = None) -> Outputs:
    """Hidden states and logits of texts, of `LONGEST` tokens each at most.

    Args:
        opened: the model.
        texts: to read.
        columns: `[k]` ids whose logits are wanted; all by default.
    """
    import torch

    plain = untruncated(opened.tokenizer)
    found = Outputs([], [], [])
    for text in texts:
        ids = plain.encode(text).ids
        found.ids.append(ids)
        if not ids:
            found.states.append(np.zeros((0, 0), np.float32))
            continue
        asked: dict[str, Any] = {"input_ids": torch.tensor([ids[:LONGEST]])}
        if getattr(opened.model.config, "is_encoder_decoder", False):
            asked["decoder_input_ids"] = asked["input_ids"]
        with torch.inference_mode():
            out = opened.model(**asked, output_hidden_states=True)
        states = out.get("decoder_hidden_states") or out.get("hidden_states")
        last = states[-1] if states else out[0]
        found.states.append(last[0].float().numpy())
        if (logits := out.get("logits")) is not None and logits.shape[-1] == opened.rows:
            kept = logits[0].float().numpy()
            found.logits.append(kept if columns is None else kept[:, columns])
    return found


def _close(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two states differ by no more than the order of their sums explains."""
    return bool(np.allclose(one, other, rtol=0, atol=1e-3 * np.abs(one).max(initial=0)))


def bits_per_character(opened: Opened, texts: Sequence[str]) -> float | None:
    """How many bits the model needs for a character of these texts; None without a language head.

    -sum log2 p(token | those before it) / characters, of a decoder; of a masked model each token is
    masked in turn and given all others. Unlike perplexity it compares vocabularies.
    Source: Salazar et al. (2020), Masked Language Model Scoring, section 2, for masked models.
    """
    import torch

    masked = type(opened.model).__name__.endswith("MaskedLM")
    mask = opened.wrapper.mask_token_id
    if not (is_decoder(opened.folder.config) or (masked and mask is not None)):
        return None
    plain = untruncated(opened.tokenizer)
    bits, characters = 0.0, 0
    for text in texts:
        cut = plain.encode(text)
        ids = torch.tensor(cut.ids[:LONGEST])
        asked = [i for i, special in enumerate(cut.special_tokens_mask[:LONGEST]) if not special]
        given = ids[None]
        if masked:
            given = ids.repeat(len(asked), 1)
            given[range(len(asked)), asked] = mask
        elif asked and asked[0] == 0:
            asked = asked[1:]  # nothing comes before it
        if not asked:
            continue
        with torch.inference_mode():
            logits = opened.model(input_ids=given).logits.float()
        at = logits[range(len(asked)), asked] if masked else logits[0, [i - 1 for i in asked]]
        found = at.log_softmax(-1)[range(len(asked)), ids[asked]]
        bits -= float(found.sum()) / np.log(2)
        characters += sum(cut.offsets[i][1] - cut.offsets[i][0] for i in asked)
    return bits / characters if characters else None


def compare(before: Outputs, after: Outputs, new: Mapping[int, int]) -> Smoke:
    """Compare outputs text by text; `before` has the logits of the kept tokens in their new order.

    Args:
        before: of the model as it was.
        after: of the changed one, for the same texts.
        new: from old to new ids.

    Raises:
        ModelError: hidden states of texts with the same tokens differ.
    """
    same = [
        i
        for i, (old, now) in enumerate(zip(before.ids, after.ids, strict=True))
        if [new.get(number) for number in old] == now
    ]
    states = [np.array_equal(before.states[i], after.states[i]) for i in same]
    if far := [i for i in same if not _close(before.states[i], after.states[i])]:
        raise ModelError(
            f"{len(far)} of {len(same)} texts with the same tokens have other hidden states than "
            "before",
            remedy="nothing was kept; this should not happen, please report it with the model",
        )
    largest, equal = 0.0, 0
    for i in same if after.logits else ():
        width = min(before.logits[i].shape[-1], after.logits[i].shape[-1])
        gap = np.abs(before.logits[i][:, :width] - after.logits[i][:, :width]).max(initial=0)
        largest, equal = max(largest, float(gap)), equal + int(gap == 0)
    logits = equal if after.logits else None
    return Smoke(len(before.ids), len(same), sum(states), logits, largest)

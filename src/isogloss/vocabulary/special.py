"""Special tokens of the model families: which there are, what they are for, where they stand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from isogloss.errors import UsageError

if TYPE_CHECKING:
    from tokenizers import Tokenizer


class Special(NamedTuple):
    """The special tokens of a model family.

    Attributes:
        roles: what each token is for, by the names of `transformers` without `_token`, in the
            order of their ids; one token may have two roles.
        single: what stands around a text, `$A`.
        pair: what stands around two, `$A` and `$B`.
    """

    roles: Mapping[str, str]
    single: str = "$A"
    pair: str = "$A $B:1"

    @property
    def tokens(self) -> list[str]:
        """The tokens in the order of their ids."""
        return list(dict.fromkeys(self.roles.values()))


PRESETS = {
    "none": Special({"unk": "<unk>"}),
    "bert": Special(
        {"pad": "[PAD]", "unk": "[UNK]", "cls": "[CLS]", "sep": "[SEP]", "mask": "[MASK]"},
        "[CLS] $A [SEP]",
        "[CLS] $A [SEP] $B:1 [SEP]:1",
    ),
    "gpt2": Special({"bos": "<|endoftext|>", "eos": "<|endoftext|>", "pad": "<|endoftext|>"}),
    "llama": Special(
        {"unk": "<unk>", "bos": "<s>", "eos": "</s>", "pad": "</s>"},
        "<s> $A",
        "<s> $A <s>:1 $B:1",
    ),
    "t5": Special(
        {"pad": "<pad>", "eos": "</s>", "unk": "<unk>"}, "$A </s>", "$A </s> $B:1 </s>:1"
    ),
}  # fmt: skip
"""What `none` has is the unknown token, which vocabularies without bytes cannot do without."""


def special_tokens(wanted: str | Special, *, unknown: bool) -> Special:
    """The special tokens of a family by name.

    Args:
        wanted: one of `PRESETS`, or special tokens of your own.
        unknown: whether the vocabulary needs an unknown token.

    Raises:
        UsageError: no such family, or one without an unknown token where it is needed.
    """
    if isinstance(wanted, str):
        if wanted not in PRESETS:
            raise UsageError(
                f"no special tokens are known as {wanted!r}", remedy=f"known: {', '.join(PRESETS)}"
            )
        found = PRESETS[wanted]
    else:
        found = wanted
    if unknown and "unk" not in found.roles:
        raise UsageError(
            f"the special tokens {', '.join(found.tokens)} have no unknown token, and a vocabulary "
            "of characters cannot do without",
            remedy="use those of bert, llama or t5, or an algorithm of bytes",
        )
    return found


def roles(tokenizer: Tokenizer) -> dict[str, str]:
    """What the special tokens of a tokenizer are for, if they are those of a known family."""
    there = sorted(tokenizer.get_added_tokens_decoder().items())
    names = [token.content for _, token in there if token.special]
    return next((dict(each.roles) for each in PRESETS.values() if each.tokens == names), {})


def surround(tokenizer: Tokenizer, special: Special) -> None:
    """Have the tokenizer put special tokens around texts, as the family does."""
    from tokenizers import processors

    if special.single == "$A" and special.pair == "$A $B:1":
        return
    ids = [(token, tokenizer.token_to_id(token)) for token in special.tokens]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=special.single, pair=special.pair, special_tokens=ids
    )

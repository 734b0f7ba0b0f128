"""Learn superwords: merges inside words first, then merges across the spaces between them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from isogloss.errors import UsageError
from isogloss.registry import register
from isogloss.vocabulary.learn import BATCH
from isogloss.vocabulary.merges import Point, learn_merges
from isogloss.vocabulary.sampling import Texts, sample
from isogloss.vocabulary.special import Special

if TYPE_CHECKING:
    from tokenizers import Tokenizer

BARRIERS = r"[\r\n]+|\p{N}"
"""What no token crosses: ends of lines, and digits, which stand alone."""

_SPACE = r"[^\S\r\n]"
FIRST_STAGE = Point(
    "BPE", "bytes", None, "gpt2",
    words=rf"{BARRIERS}|{_SPACE}?[\p{{L}}\p{{M}}]+|{_SPACE}?[^\s\p{{L}}\p{{M}}\p{{N}}]+|{_SPACE}+(?!\S)|{_SPACE}",
)  # fmt: skip

LETTERS, SURROGATES = 0x100, range(0xD800, 0xE000)


@register("tokenizer", "superword_bpe.v1")
def learn_superwords(
    texts: Texts,
    *,
    size: int = 64_000,
    transition: float = 0.9,
    longest: int = 4,
    temperature: float = 0.0,
    seed: int = 0,
    scripts: Iterable[str] = (),
    lower: bool = False,
    special: str | Special = "gpt2",
) -> Tokenizer:
    """Byte-level BPE whose last merges may span spaces: `of the`, `by the way`.

    The first stage learns `transition` x `size` pieces inside words. The second goes on with the
    text as those merges cut it where nothing stops at spaces, which is as the tokenizer will: it
    knows no words, and its later merges come after the earlier ones. Text comes back as it was.

    Prefer it where length in tokens is what costs; languages that write many short words gain most.

    Args:
        texts: lines per language.
        size: wanted number of pieces; a small corpus gives fewer.
        transition: share of them that are pieces of words.
        longest: pieces of the first stage that a superword may be made of.
        temperature: exponent of the languages' shares, see `sampling`.
        seed: of the drawing.
        scripts: those to spell in Latin letters.
        lower: whether to write all in lower case.
        special: special tokens, those of a model family or your own.

    Raises:
        UsageError: no text, a transition that is no share, or superwords of fewer than 2 pieces.
        NoRoom: the first stage has no room for all bytes.

    Source: Liu et al. (2025), SuperBPE: Space Travel for Language Models, section 2, with pieces in
    place of words as the limit of length; against premiums between languages Arnett et al. (2025),
    Explaining and Mitigating Crosslingual Tokenizer Inequities.
    """
    if not 0 < transition <= 1:
        raise UsageError(f"transition is {transition}; it must be over 0 and at most 1")
    if longest < 2:
        raise UsageError(f"longest is {longest}; a superword has 2 pieces at least")
    from tokenizers import Regex, Tokenizer, pre_tokenizers

    settings: dict[str, Any] = {"temperature": temperature, "seed": seed}
    within = round(transition * size)
    first = learn_merges(
        FIRST_STAGE, texts, size=within, scripts=scripts, lower=lower,
        special=special, **settings,
    )  # fmt: skip
    first.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(BARRIERS), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    merges = _across(first, sample(texts, **settings), size - within, longest)
    state = json.loads(first.to_str())
    vocabulary = state["model"]["vocab"]
    full = len(vocabulary) + size - within
    for pair in merges:
        if len(vocabulary) >= full:
            break
        vocabulary.setdefault("".join(pair), len(vocabulary))
        state["model"]["merges"].append(list(pair))
    return Tokenizer.from_str(json.dumps(state))


def _across(
    first: Tokenizer, lines: Sequence[str], count: int, longest: int
) -> list[tuple[str, str]]:
    """Merges of the text as the first stage cuts it: a letter of its own for each piece."""
    from tokenizers import Tokenizer, models, trainers

    alphabet = [chr(i) for i in _letters(first.get_vocab_size())]
    piece = {letter: str(first.id_to_token(i)) for i, letter in enumerate(alphabet)}
    made = Tokenizer(models.BPE())
    trainer = trainers.BpeTrainer(
        # Several pairs may spell one piece, which then is none of those wanted: ask for more.
        vocab_size=len(alphabet) + count + count // 10 + 1, initial_alphabet=alphabet,
        max_token_length=longest + 1, min_frequency=2, show_progress=False,
    )  # fmt: skip
    made.train_from_iterator(_spans(first, lines, alphabet), trainer)
    merged = json.loads(made.to_str())["model"]["merges"]
    return [(_spell(left, piece), _spell(right, piece)) for left, right in merged]


def _spell(letters: str, piece: Mapping[str, str]) -> str:
    return "".join(piece[letter] for letter in letters)


def _spans(first: Tokenizer, lines: Sequence[str], alphabet: Sequence[str]) -> Iterator[str]:
    """What lies between barriers, a letter a piece; names of special tokens are text like any."""
    from tokenizers import Tokenizer

    plain = Tokenizer.from_str(json.dumps({**json.loads(first.to_str()), "added_tokens": []}))
    for at in range(0, len(lines), BATCH):
        for read in plain.encode_batch(list(lines[at : at + BATCH]), add_special_tokens=False):
            span, last = [], None
            for number, place in zip(read.ids, read.word_ids, strict=True):
                if place != last and span:
                    yield "".join(span)
                    span = []
                span.append(alphabet[number])
                last = place
            if span:
                yield "".join(span)


def _letters(count: int) -> Iterator[int]:
    """Code points that stand for pieces."""
    code = LETTERS
    for _ in range(count):
        if code == SURROGATES.start:
            code = SURROGATES.stop
        yield code
        code += 1

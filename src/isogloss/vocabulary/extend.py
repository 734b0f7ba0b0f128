"""Extend a vocabulary with new tokens, every old id unchanged.

    extended = extend(tokenizer, new_words(tokenizer, sentences, size=5000))

Tokens are given as the vocabulary spells them, which is how its pre-tokenizer gives words:
`moskva`, `▁moskva`, `Ġmoskva`. What a new token does to other text depends on the algorithm:

- BPE gets merges behind all old ones, so text is first cut as it was, and then some neighbours are
  joined. Joining three or more pieces needs the symbols in between; they become tokens too.
- Unigram gets pieces just likelier than what they are spelled with, so they replace exactly that.
- WordPiece takes the longest piece that fits, so longer words that begin with a new one change.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from isogloss.errors import ModelError, UsageError
from isogloss.vocabulary.bpe import Merges
from isogloss.vocabulary.check import unreached
from isogloss.vocabulary.pieces import METASPACE, byte_of, read_pieces
from isogloss.vocabulary.romanise import SCRIPTS, steps
from isogloss.vocabulary.trim import refuse_twice, rewired

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_AHEAD = 1e-6  # of a piece's log-probability before that of its spelling; sums err by far less
_UNKNOWN = 10.0  # what an unknown character costs `tokenizers` below the least likely piece
_MARKS = re.compile(rf"^[{METASPACE} ]+")


class Extended(NamedTuple):
    """A larger tokenizer.

    Attributes:
        tokenizer: with the new tokens behind the old ones.
        added: names asked for that are now tokens.
        parts: names of tokens that had to be added besides: symbols on the way of merges, and
            characters that BPE did not know.
        unreached: names that were left out, as no text would give them.
    """

    tokenizer: Tokenizer
    added: tuple[str, ...]
    parts: tuple[str, ...]
    unreached: tuple[str, ...]


def with_romanisation(tokenizer: Tokenizer, scripts: Iterable[str]) -> Tokenizer:
    """A copy that spells these scripts in Latin letters before its own normaliser.

    Scripts without a map are left as they are.
    """
    from tokenizers import Tokenizer, normalizers

    copy = Tokenizer.from_str(tokenizer.to_str())
    known = sorted(set(scripts) & set(SCRIPTS))
    if known:
        own = [copy.normalizer] if copy.normalizer else []
        copy.normalizer = normalizers.Sequence([*steps(known), *own])
    return copy


def new_words(
    tokenizer: Tokenizer, sentences: Iterable[Sequence[str]], *, size: int, least: int = 2
) -> list[str]:
    """The most frequent words that the tokenizer splits, at most `size`, seen `least` times.

    Args:
        tokenizer: whose vocabulary is to grow.
        sentences: words as `vocabulary.words.words` gives them.
        size: most words.
        least: words seen less often are left out, as are those with other signs than letters.

    Returns:
        Names of tokens as the vocabulary would spell them.
    """
    counts = Counter(word for sentence in sentences for word in sentence)
    vocabulary = tokenizer.get_vocab()
    pieces = read_pieces(tokenizer)
    suffix = getattr(tokenizer.model, "end_of_word_suffix", None) or ""
    table = byte_of() if pieces.byte_level else None
    wanted = []
    for word, n in counts.items():
        letters = word
        if table is not None:
            data = bytes(table.get(c, 0) for c in word)
            letters = data.decode("utf-8", errors="replace")
        if n >= least and word + suffix not in vocabulary and _MARKS.sub("", letters).isalpha():
            wanted.append((-n, word + suffix))
    return [word for _, word in sorted(wanted)[:size]]


def extend(tokenizer: Tokenizer, tokens: Sequence[str], *, strict: bool = True) -> Extended:
    """A copy with more tokens behind the old ones, each of which text is found to give.

    Args:
        tokenizer: a fast tokenizer.
        tokens: names as the vocabulary would spell them.
        strict: refuse tokens that no text gives; else leave them out and name them.

    Raises:
        UsageError: no token, or an empty one.
        ModelError: a token twice or there already; one that no text gives.
    """
    if not tokens or not all(token.strip(f"{METASPACE} ") for token in tokens):
        raise UsageError(
            "there is no token to add" if not tokens else "an empty token cannot be added",
            remedy="give words of text that the vocabulary splits",
        )
    made, parts = _extended(tokenizer, tokens)
    at = made.get_vocab()
    lost = set(unreached(made, [at[token] for token in tokens]))
    never = tuple(token for token in tokens if at[token] in lost)
    if not never:
        return Extended(made, tuple(tokens), tuple(parts), ())
    if strict or len(never) == len(tokens):
        raise ModelError(
            f"{len(never)} of {len(tokens)} tokens would never be used, such as "
            f"{', '.join(map(repr, never[:3]))}",
            remedy="the normaliser changes them, the pre-tokenizer splits them, or other pieces "
            "always win; spell them as the vocabulary does",
        )
    less = extend(tokenizer, [token for token in tokens if token not in never], strict=False)
    return less._replace(unreached=never + less.unreached)


def extend_wordpiece(tokenizer: Tokenizer, added: Sequence[str]) -> Tokenizer:
    """A copy whose WordPiece vocabulary ends with the added words; see `extend`.

    Raises:
        ModelError: the tokenizer is not WordPiece, or a word is there already.
    """
    kind = type(tokenizer.model).__name__
    if kind != "WordPiece":
        raise ModelError(
            f"the vocabulary is {kind}, and this student extends WordPiece alone",
            remedy="use --student static",
        )
    return _extended(tokenizer, added)[0]


def _extended(tokenizer: Tokenizer, tokens: Sequence[str]) -> tuple[Tokenizer, list[str]]:
    """The larger tokenizer, and what was added beside the tokens."""
    state = json.loads(tokenizer.to_str())
    model, at = state["model"], tokenizer.get_vocab()
    refuse_twice(model)
    if double := [t for t, n in Counter([*at, *dict.fromkeys(tokens)]).items() if n > 1]:
        raise ModelError(f"{len(double)} tokens that are there already, such as {double[0]!r}")
    if len(set(tokens)) < len(tokens):
        twice = next(token for token, n in Counter(tokens).items() if n > 1)
        raise ModelError(f"the token {twice!r} is to be added twice")
    first, parts = max(at.values(), default=-1) + 1, []
    if model["type"] == "BPE":
        parts = _merge_up(model, at, tokens)
    scores = _scores(model, tokens) if model["type"] == "Unigram" else {}
    names = [*parts, *tokens]
    at |= {name: first + i for i, name in enumerate(names)}
    if scores:
        # Added tokens beside the vocabulary come between the old and the new: they get a place in
        # it, which changes nothing, as text is searched for them first.
        known = dict(model["vocab"])
        order = sorted(at, key=at.__getitem__)
        model["vocab"] = [[name, known.get(name, scores.get(name, 0.0))] for name in order]
    else:
        model["vocab"] = dict(at)
    return rewired(state, {i: i for i in at.values()}, at), parts


def _merge_up(model: dict[str, Any], known: dict[str, int], tokens: Sequence[str]) -> list[str]:
    """Give a BPE model the merges of new tokens; the symbols that it needs besides.

    What the letters of a token are merged to now is merged further from left to right.
    """
    merges = Merges.of(model)
    parts: dict[str, None] = {}
    whole = bool(model.get("ignore_merges"))
    for token in tokens:
        if whole:  # words are looked up before they are merged
            continue
        new = [symbol for symbol in merges.symbols(token) if symbol not in known]
        parts |= dict.fromkeys(symbol for symbol in new if symbol not in tokens)
        while len(ends := merges.cut(token)) > 1:
            made = merges.add(ends[0], ends[1])
            if made not in known and made not in tokens:
                parts[made] = None
    model["merges"] = [list(pair) for pair in merges.ranks]
    return list(parts)


def _scores(model: dict[str, Any], tokens: Sequence[str]) -> dict[str, float]:
    """Log-probabilities of new Unigram pieces: a hair over that of what spells them.

    score(t) = max over spellings of sum score(piece) + 1e-6, short tokens first, so that a token is
    also likelier than one spelled with other new ones.
    Source: the most probable segmentation of Kudo (2018), section 3.2.
    """
    scores = dict(map(tuple, model["vocab"]))
    unknown = min(scores.values(), default=0.0) - _UNKNOWN
    longest = max(map(len, [*scores, *tokens]))
    found = {}
    for token in sorted(tokens, key=len):
        best = [0.0] + [float("-inf")] * len(token)  # of the first i characters
        for end in range(1, len(token) + 1):
            best[end] = best[end - 1] + scores.get(token[end - 1], unknown)
            for start in range(max(0, end - longest), end - 1):
                if (score := scores.get(token[start:end])) is not None:
                    best[end] = max(best[end], best[start] + score)
        found[token] = scores[token] = best[-1] + _AHEAD
    return found

"""Trim a tokenizer to the tokens that are needed; on what they spell, nothing changes.

    trimmed = trim_to_texts(tokenizer, texts)
    table[trimmed.kept]                        # the rows of the smaller vocabulary

A text keeps its tokens, by their new ids, wherever the tokens it was cut into are kept. Each
algorithm needs something besides for that to hold:

- WordPiece takes the longest piece that fits. A word it has no pieces for is unknown, and stays so
  only if the pieces that it begins with stay; `count_tokens` counts those too.
- Unigram takes the likeliest path. Fewer pieces leave fewer paths, so the best stays the best; what
  an unknown character costs hangs on the lowest score, so that piece stays.
- BPE merges in the order of its merges. A token needs every symbol on its way from its letters; a
  merge stays if both its parts and its result do.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from isogloss.errors import CorpusError, ModelError, UsageError
from isogloss.language.letters import WRITTEN_WITH
from isogloss.vocabulary.bpe import Merges
from isogloss.vocabulary.pieces import Pieces, byte_of, read_pieces
from isogloss.vocabulary.words import words

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_BATCH = 8192


class Trimmed(NamedTuple):
    """A smaller tokenizer.

    Attributes:
        tokenizer: with ids from 0 without gaps.
        kept: `[V']` the old id of each, rising; of tokens that stand beside the vocabulary, after
            all others.
        reasons: how many tokens are kept because they were asked for, always kept, or on the way
            of merges to another.
    """

    tokenizer: Tokenizer
    kept: np.ndarray
    reasons: dict[str, int]


def count_tokens(tokenizer: Tokenizer, texts: Sequence[str]) -> np.ndarray:
    """`[V]` how often each token is needed for these texts, special tokens around them left out.

    The pieces that an unknown word of a WordPiece vocabulary begins with are counted with the
    unknown token: without them the word might be cut in another way.
    """
    plain = untruncated(tokenizer)
    model = json.loads(plain.to_str())["model"]
    size = max(plain.get_vocab().values(), default=-1) + 1
    counts = np.zeros(size, np.int64)
    unknown = None
    if model["type"] == "WordPiece":
        unknown = model["vocab"].get(model["unk_token"])
    for start in range(0, len(texts), _BATCH):
        batch = texts[start : start + _BATCH]
        cuts = plain.encode_batch_fast(list(batch), add_special_tokens=False)
        for text, cut in zip(batch, cuts, strict=True):
            np.add.at(counts, cut.ids, 1)
            if unknown is not None and unknown in cut.ids:
                for word in words(plain, text):
                    np.add.at(counts, _begun(word, model), 1)
    return counts


def _begun(word: str, model: dict[str, Any]) -> list[int]:
    """Ids of the pieces that a WordPiece vocabulary finds before it gives a word up; [] of others.

    Source: Wu et al. (2016), section 4.1: greedy, the longest piece first.
    """
    vocabulary, prefix = model["vocab"], model["continuing_subword_prefix"]
    if len(word) > model["max_input_chars_per_word"]:
        return []
    found, at = [], 0
    while at < len(word):
        mark = prefix if at else ""
        end = next((e for e in range(len(word), at, -1) if mark + word[at:e] in vocabulary), None)
        if end is None:
            return found
        found.append(vocabulary[mark + word[at:end]])
        at = end
    return []


def trim_to_texts(
    tokenizer: Tokenizer,
    texts: Sequence[str],
    *,
    least: int = 1,
    size: int | None = None,
    also: Collection[int] = (),
    without: Collection[str] = (),
) -> Trimmed:
    """Keep the tokens that texts need.

    Counting begins anew on what each trimming leaves, until nothing is left out: text that lost a
    token is spelled with others, and some of those may have become rare too. So trimming again to
    the same texts changes nothing.

    Args:
        tokenizer: a fast tokenizer.
        texts: the text to keep; texts whose tokens all occur `least` times keep them all.
        least: tokens that occur less often are left out.
        size: most tokens in all; the most frequent are kept.
        also: ids to keep besides.
        without: added tokens to leave out, such as those of other languages.

    Raises:
        CorpusError: no text, or text of which the tokenizer knows nothing.
        UsageError: a size that what is always kept exceeds.

    Source: Ushio et al. (2023), Efficient Multilingual Language Model Compression through
    Vocabulary Trimming, section 3: tokens that do not occur in the target's text are left out.
    """
    if least < 1:
        raise UsageError(f"least={least} means nothing", remedy="give 1 or more")
    if not any(text.strip() for text in texts):
        raise CorpusError("there is no text to keep the tokens of")
    now = Trimmed(tokenizer, np.arange(len(read_pieces(tokenizer))), {})
    wanted = set(also)
    while True:
        counts = count_tokens(now.tokenizer, texts)
        special = read_pieces(now.tokenizer).special
        if not counts[~special].any():
            raise CorpusError(
                "the tokenizer gives only unknown tokens for this text",
                remedy="check that it is in a language and script that the model reads; a new "
                "script needs a new tokenizer: isogloss vocabulary replace",
            )
        order = np.lexsort((np.arange(len(counts)), -counts))
        ids = [int(i) for i in order if counts[i] >= least]
        at = {int(old): new for new, old in enumerate(now.kept)}
        first = [at[i] for i in wanted if i in at]
        made = _trim(now.tokenizer, first, ids, size, without)
        kept = now.kept[made.kept]
        if len(kept) == len(now.kept):
            return Trimmed(made.tokenizer, kept, made.reasons)
        now = Trimmed(made.tokenizer, kept, made.reasons)
        without = ()


def trim(tokenizer: Tokenizer, keep: Iterable[int], *, without: Collection[str] = ()) -> Trimmed:
    """Keep these tokens, what they need, and what no tokenizer can be without.

    Always kept are added tokens (but those of `without`), those that its post-processor adds, the
    unknown token, the letters of a byte-level vocabulary, the pieces of byte fallback, Unigram's
    least likely piece, and all characters where there is no unknown token.

    Args:
        tokenizer: a fast tokenizer.
        keep: token ids.
        without: names of added tokens to leave out.

    Raises:
        UsageError: an id that no token has; `without` names what is no added token or is needed.
        ModelError: a vocabulary with the same token twice.
    """
    return _trim(tokenizer, [int(i) for i in keep], [], None, without)


def of_scripts(tokenizer: Tokenizer, scripts: Iterable[str]) -> np.ndarray:
    """Ids of tokens whose letters are of these scripts, or of none: digits, marks, emoji.

    Byte tokens whose bytes are no whole characters go by those that are whole in them.

    Args:
        tokenizer: a fast tokenizer.
        scripts: ISO 15924 codes; `Jpan`, `Kore`, `Hans` and such mean all they are written with.

    Raises:
        UsageError: an unknown script.
    """
    import regex

    letters = ["Zyyy", "Zinh"]
    for script in scripts:
        letters += WRITTEN_WITH.get(script, (script,))
    try:
        inside = regex.compile("[" + "".join(rf"\p{{Script={s}}}" for s in letters) + "]*")
    except regex.error:
        raise UsageError(
            f"a script in {', '.join(letters[2:])} is unknown",
            remedy="give codes of ISO 15924: Latn, Cyrl, Deva, Jpan ...",
        ) from None
    pieces = read_pieces(tokenizer)
    table = byte_of()
    found = []
    for i, text in enumerate(pieces.texts):
        if pieces.bytes[i]:
            data = bytes(table.get(letter, 0) for letter in str(pieces.names[i]))
            text = data.decode("utf-8", errors="ignore") if pieces.byte_level else ""
        if text is not None and inside.fullmatch(text):
            found.append(i)
    return np.array(found, np.int64)


def untruncated(tokenizer: Tokenizer) -> Tokenizer:
    """A copy that neither cuts nor pads."""
    from tokenizers import Tokenizer

    copy = Tokenizer.from_str(tokenizer.to_str())
    copy.no_truncation()
    copy.no_padding()
    return copy


def remap_processor(part: Any, new: dict[int, int]) -> Any:
    """A post-processor's state with other ids for the tokens it adds."""
    if isinstance(part, list):
        return [remap_processor(one, new) for one in part]
    if not isinstance(part, dict):
        return part
    made = {name: remap_processor(value, new) for name, value in part.items()}
    for name in ("sep", "cls"):
        if name in part and isinstance(part[name], list):
            made[name] = [part[name][0], new[part[name][1]]]
    if isinstance(part.get("ids"), list):
        made["ids"] = [new[i] for i in part["ids"]]
    return made


def _processor_ids(part: Any) -> set[int]:
    """Ids of the tokens that a post-processor adds."""
    met: set[int] = set()

    class Seen(dict[int, int]):
        def __missing__(self, number: int) -> int:
            met.add(number)
            return number

    remap_processor(part, Seen())
    return met


def _trim(
    tokenizer: Tokenizer,
    first: Sequence[int],
    then: Sequence[int],
    size: int | None,
    without: Collection[str],
) -> Trimmed:
    """Keep `first`, and of `then`, in its order, as many as `size` allows."""
    state = json.loads(tokenizer.to_str())
    pieces = read_pieces(tokenizer)
    refuse_twice(state["model"])
    bad = [i for i in first if not 0 <= i < len(pieces) or pieces.names[i] is None]
    if bad:
        raise UsageError(f"{len(bad)} ids that no token has, such as {bad[0]}")
    out = _left_out(state, without)
    always = _always(state, pieces) - out
    merges = None
    if state["model"]["type"] == "BPE":
        merges = Merges.of(state["model"])
    needs = _Needs(pieces, merges, bool(state["model"].get("ignore_merges")))
    kept: set[int] = set()
    for number in always | set(first):
        kept |= needs(number)
    kept -= out
    reasons = {"always kept": len(always), "asked for": len(set(first) - always - out)}
    if size is not None and len(kept) > size:
        raise UsageError(
            f"size {size:,} is less than the {len(kept):,} tokens that must stay",
            remedy="give a larger size",
        )
    for number in then:
        more = needs(number) - kept - out
        if size is not None and len(kept) + len(more) > size:
            break
        reasons["asked for"] += number in more
        kept |= more
    reasons["on the way of merges"] = len(kept) - sum(reasons.values())
    vocabulary = _own(state["model"])
    order = sorted(kept, key=lambda i: (pieces.names[i] not in vocabulary, i))
    made = _rebuilt(state, [str(pieces.names[i]) for i in order], order)
    return Trimmed(made, np.array(order, np.int64), {r: n for r, n in reasons.items() if n})


class _Needs:
    """From a token to all tokens that it needs, itself among them."""

    def __init__(self, pieces: Pieces, merges: Merges | None, whole: bool) -> None:
        self.pieces, self.merges, self.whole = pieces, merges, whole
        self.at = {name: i for i, name in enumerate(pieces.names)}

    def __call__(self, number: int) -> set[int]:
        name = self.pieces.names[number]
        if self.merges is None or name is None or self.pieces.special[number]:
            return {number}
        # A vocabulary that looks words up before it merges needs nothing for those.
        if self.whole and self.merges.cut(name) != [name]:
            return {number}
        return {number, *(self.at[part] for part in self.merges.parts(name) if part in self.at)}


def _own(model: dict[str, Any]) -> set[str]:
    """Names in the vocabulary itself; added tokens may stand beside it."""
    return {entry[0] for entry in model["vocab"]} if _listed(model) else set(model["vocab"])


def _listed(model: dict[str, Any]) -> bool:
    return isinstance(model["vocab"], list)


def refuse_twice(model: dict[str, Any]) -> None:
    """Raise a ModelError for a Unigram vocabulary with a piece twice."""
    if not _listed(model):
        return
    twice = [name for name, n in Counter(name for name, _ in model["vocab"]).items() if n > 1]
    if twice:
        raise ModelError(
            f"the vocabulary holds {len(twice)} tokens twice, such as {twice[0]!r}",
            remedy="each token needs a name of its own: rename one of the two in tokenizer.json",
        )


def _left_out(state: dict[str, Any], without: Collection[str]) -> set[int]:
    added = {token["content"]: token["id"] for token in state.get("added_tokens") or []}
    if strange := sorted(set(without) - set(added)):
        raise UsageError(f"{', '.join(strange)}: no added tokens of this tokenizer")
    out = {added[name] for name in without}
    model = state["model"]
    needed = _processor_ids(state.get("post_processor"))
    if _listed(model):
        needed |= {model["unk_id"]} - {None}
    elif model.get("unk_token") in without:
        needed.add(added[model["unk_token"]])
    if both := needed & out:
        names = sorted(name for name in without if added[name] in both)
        raise UsageError(f"{', '.join(names)}: the tokenizer cannot be without")
    return out


def _always(state: dict[str, Any], pieces: Pieces) -> set[int]:
    """Ids of tokens that are kept whatever is asked for."""
    model = state["model"]
    kept = {token["id"] for token in state.get("added_tokens") or []}
    kept |= _processor_ids(state.get("post_processor"))
    at = {name: i for i, name in enumerate(pieces.names) if name is not None}
    if padding := state.get("padding"):
        kept |= {at[padding["pad_token"]]} if padding["pad_token"] in at else set()
    unknown = model.get("unk_token")
    if _listed(model):
        unknown = None if model.get("unk_id") is None else model["vocab"][model["unk_id"]][0]
        kept.add(at[min(model["vocab"], key=lambda entry: entry[1])[0]])
    if unknown in at:
        kept.add(at[unknown])
    if pieces.byte_level:
        kept |= {at[letter] for letter in byte_of() if letter in at}
    elif unknown not in at and model["type"] in ("BPE", "Unigram"):
        kept |= {i for name, i in at.items() if len(name) == 1}
    if model.get("byte_fallback"):
        kept |= {at[name] for name in (f"<0x{b:02X}>" for b in range(256)) if name in at}
    return kept


def _rebuilt(state: dict[str, Any], names: list[str], order: list[int]) -> Tokenizer:
    """The tokenizer with these names in this order alone."""
    new = {old: i for i, old in enumerate(order)}
    at = {name: i for i, name in enumerate(names)}
    model = state["model"]
    if _listed(model):
        scores = dict(model["vocab"])
        unknown = None if model["unk_id"] is None else model["vocab"][model["unk_id"]][0]
        model["vocab"] = [[name, scores[name]] for name in names if name in scores]
        model["unk_id"] = None if unknown is None else at[unknown]
    else:
        model["vocab"] = {name: at[name] for name in names if name in model["vocab"]}
    if model["type"] == "BPE":
        merges = Merges.of(model)
        model["merges"] = [
            list(pair)
            for pair in merges.ranks
            if {*pair, merges.merged(*pair)} <= model["vocab"].keys()
        ]
    return rewired(state, new, at)


def rewired(state: dict[str, Any], new: dict[int, int], at: dict[str, int]) -> Tokenizer:
    """The tokenizer of a state whose model is new: all else that holds ids follows.

    Raises:
        ModelError: it gives a token another id than it should.
    """
    from tokenizers import Tokenizer

    added = [token for token in state.get("added_tokens") or [] if token["id"] in new]
    state["added_tokens"] = sorted(
        ({**token, "id": new[token["id"]]} for token in added), key=lambda token: token["id"]
    )
    state["post_processor"] = remap_processor(state.get("post_processor"), new)
    if (padding := state.get("padding")) and padding["pad_token"] in at:
        padding["pad_id"] = at[padding["pad_token"]]
    made = Tokenizer.from_str(json.dumps(state))
    found = made.get_vocab()
    if found != at:
        wrong = sorted(name for name in {*found, *at} if found.get(name) != at.get(name))
        raise ModelError(
            f"{len(wrong)} tokens would have other ids than their rows, such as {wrong[0]!r}",
            remedy="the vocabulary's ids have gaps, or added tokens stand between them",
        )
    return made

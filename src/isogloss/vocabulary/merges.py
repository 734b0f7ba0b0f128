"""Learn a vocabulary by merging pairs: BPE of characters, of bytes or of both, and WordPiece."""

from __future__ import annotations

import functools
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from isogloss.errors import UsageError
from isogloss.registry import register
from isogloss.vocabulary.learn import NoRoom, normaliser, spaces_marked
from isogloss.vocabulary.sampling import Texts, sample
from isogloss.vocabulary.special import Special, special_tokens, surround

if TYPE_CHECKING:
    from tokenizers import Tokenizer

PLAIN_BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
WORDS = r" ?[\p{L}\p{M}]+| ?\p{N}+| ?[^\s\p{L}\p{M}\p{N}]+|\s+(?!\S)|\s"
"""Words with the space before them, as GPT-2 has them; vowel marks belong to their letters here."""


class Point(NamedTuple):
    """What one member of the family is.

    Attributes:
        model: what the merges become: `BPE`, or `WordPiece`, which keeps the pieces alone and cuts
            words by the longest that fit.
        unit: what is merged: `characters`, `bytes`, or characters with bytes for rare ones
            (`fallback`).
        form: Unicode form that text is brought into; None leaves it, so that it comes back as it
            was.
        special: the model family whose special tokens it has by default.
        coverage: share of all characters whose kinds are in the vocabulary, by default.
        words: what merges of bytes stay inside of, an expression.
    """

    model: str
    unit: str
    form: str | None
    special: str
    coverage: float = 1.0
    words: str = WORDS


POINTS = {
    "bpe.v1": Point("BPE", "characters", "NFKC", "llama"),
    "byte_bpe.v1": Point("BPE", "bytes", None, "gpt2"),
    "byte_fallback_bpe.v1": Point("BPE", "fallback", None, "llama", 0.9995),
    "wordpiece.v1": Point("WordPiece", "characters", "NFKC", "bert"),
}


def learn_merges(
    point: Point,
    texts: Texts,
    *,
    size: int = 64_000,
    temperature: float = 0.0,
    seed: int = 0,
    scripts: Iterable[str] = (),
    lower: bool = False,
    special: str | Special | None = None,
    coverage: float | None = None,
) -> Tokenizer:
    """Merge the most frequent pair of neighbours inside words until there are `size` pieces.

    Prefer `byte_bpe` where text must come back as it was, `byte_fallback_bpe` where it must and
    scripts of many bytes a letter should not pay for it, `wordpiece` for encoders like BERT.

    Args:
        point: one of `POINTS`, or one of your own.
        texts: lines per language.
        size: wanted number of pieces, special tokens and bytes among them; a small corpus gives
            fewer.
        temperature: exponent of the languages' shares, see `sampling`.
        seed: of the drawing.
        scripts: those to spell in Latin letters.
        lower: whether to write all in lower case.
        special: special tokens, those of a model family (`special.PRESETS`) or your own.
        coverage: rare kinds of characters, beyond this share of all text, are left out of the
            vocabulary: they become bytes or unknown.

    Raises:
        UsageError: no text, or a coverage that is no share.
        NoRoom: there are more single characters than `size`.

    Source: Sennrich, Haddow and Birch (2016), Neural Machine Translation of Rare Words with Subword
    Units, section 3.2; over bytes Radford et al. (2019), section 2.2; bytes for rare characters
    Kudo and Richardson (2018), SentencePiece, and Touvron et al. (2023), section 2.1; WordPiece
    Schuster and Nakajima (2012), with merges by count as the `tokenizers` library has them.
    """
    chosen = special_tokens(special or point.special, unknown=point.unit == "characters")
    empty = _untrained(point, chosen, normaliser(point.form, lower=lower, scripts=scripts), lower)
    lines = sample(texts, temperature=temperature, seed=seed)
    if point.unit != "bytes":
        share = point.coverage if coverage is None else coverage
        lines = covered(lines, share, empty.normalizer)
    fixed = [*chosen.tokens, *(PLAIN_BYTES if point.unit == "fallback" else [])]
    if point.model == "WordPiece":
        # Its trainer numbers inner letters in the order of a hash map, and ties go by number.
        fixed += sorted(set(_trained(empty, point, lines, fixed, 0).get_vocab()) - set(fixed))
    made = _trained(empty, point, lines, fixed, size)
    if made.get_vocab_size() > size:
        raise NoRoom(size, f"{made.get_vocab_size()} single characters and special tokens")
    made = _only_special(made, chosen.tokens)
    surround(made, chosen)
    return made


def _untrained(point: Point, special: Special, spelling: Any, lower: bool) -> Tokenizer:
    """The member's tokenizer without a vocabulary."""
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

    unknown = special.roles.get("unk")
    if point.model == "WordPiece":
        made = Tokenizer(models.WordPiece(unk_token=str(unknown)))
        clean = normalizers.BertNormalizer(strip_accents=False, lowercase=lower)
        made.normalizer = normalizers.Sequence([spelling, clean])
        made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        made.decoder = decoders.WordPiece()
        return made
    if point.unit == "bytes":
        made = Tokenizer(models.BPE())
        made.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Split(Regex(point.words), "isolated"),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
            ]
        )
        made.decoder = decoders.ByteLevel()
    else:
        falls = point.unit == "fallback"
        made = Tokenizer(models.BPE(unk_token=unknown, byte_fallback=falls, fuse_unk=True))
        made.pre_tokenizer = spaces_marked()
        made.decoder = decoders.Metaspace()
        if falls:
            made.decoder = decoders.Sequence(
                [
                    decoders.Replace("▁", " "),
                    decoders.ByteFallback(),
                    decoders.Fuse(),
                    decoders.Strip(" ", 1, 0),
                ]
            )
    if spelling is not None:
        made.normalizer = spelling
    return made


def _trained(
    empty: Tokenizer, point: Point, lines: Sequence[str], fixed: list[str], size: int
) -> Tokenizer:
    """A copy with the vocabulary of some lines, `fixed` first in it."""
    from tokenizers import Tokenizer, pre_tokenizers, trainers

    made = Tokenizer.from_str(empty.to_str())
    kinds = {"BPE": trainers.BpeTrainer, "WordPiece": trainers.WordPieceTrainer}
    alphabet = pre_tokenizers.ByteLevel.alphabet() if point.unit == "bytes" else []
    made.train_from_iterator(
        lines,
        kinds[point.model](
            vocab_size=size, special_tokens=fixed, initial_alphabet=alphabet, show_progress=False
        ),
        length=len(lines),
    )
    return made


def covered(lines: Sequence[str], share: float, spelling: Any) -> list[str]:
    """Lines with a space for each character outside the most frequent kinds that make up `share`.

    So no merge crosses what is left out. Characters are counted as `spelling` leaves them.

    Raises:
        UsageError: a share that is not over 0 and at most 1.
    """
    if not 0 < share <= 1:
        raise UsageError(f"coverage is {share}; it must be over 0 and at most 1")
    if share == 1:
        return list(lines)
    spelled = [spelling.normalize_str(line) if spelling else line for line in lines]
    counts: Counter[str] = Counter()
    for line in spelled:
        counts.update(line)
    wanted, rare = share * counts.total(), {}
    for character, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        if wanted <= 0:
            rare[ord(character)] = " "
        wanted -= count
    return [line.translate(rare) for line in spelled]


def _only_special(tokenizer: Tokenizer, special: Sequence[str]) -> Tokenizer:
    """Tokens that were given to the trainer for their place alone are ordinary ones."""
    from tokenizers import Tokenizer

    state = json.loads(tokenizer.to_str())
    state["added_tokens"] = [t for t in state["added_tokens"] if t["content"] in special]
    return Tokenizer.from_str(json.dumps(state))


@register("tokenizer", "bpe.v1")
@functools.wraps(learn_merges, assigned=(), updated=())
def bpe(texts: Texts, **settings: Any) -> Tokenizer:
    """BPE of characters; see `learn_merges`."""
    return learn_merges(POINTS["bpe.v1"], texts, **settings)


@register("tokenizer", "byte_bpe.v1")
@functools.wraps(learn_merges, assigned=(), updated=())
def byte_bpe(texts: Texts, **settings: Any) -> Tokenizer:
    """BPE of bytes, reversible on any text; see `learn_merges`."""
    return learn_merges(POINTS["byte_bpe.v1"], texts, **settings)


@register("tokenizer", "byte_fallback_bpe.v1")
@functools.wraps(learn_merges, assigned=(), updated=())
def byte_fallback_bpe(texts: Texts, **settings: Any) -> Tokenizer:
    """BPE of characters, with bytes for those it does not know; see `learn_merges`."""
    return learn_merges(POINTS["byte_fallback_bpe.v1"], texts, **settings)


@register("tokenizer", "wordpiece.v1")
@functools.wraps(learn_merges, assigned=(), updated=())
def wordpiece(texts: Texts, **settings: Any) -> Tokenizer:
    """WordPiece; see `learn_merges`."""
    return learn_merges(POINTS["wordpiece.v1"], texts, **settings)

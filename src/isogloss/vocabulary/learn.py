"""Learn a multilingual tokenizer: any algorithm by name, and Unigram."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from isogloss import registry
from isogloss.errors import UsageError
from isogloss.registry import register
from isogloss.vocabulary.romanise import SCRIPTS, steps
from isogloss.vocabulary.sampling import Texts, sample
from isogloss.vocabulary.special import Special, special_tokens, surround

if TYPE_CHECKING:
    from tokenizers import Tokenizer

UNKNOWN = "<unk>"
BATCH = 4096  # lines
NEAR = 0.1  # log-probability around the rarest piece in which the trainer puts its fillers


class NoRoom(UsageError):
    """A vocabulary that has no room for what it must hold."""

    def __init__(self, size: int, what: str) -> None:
        super().__init__(
            f"a vocabulary of {size} has no room for {what}",
            remedy="ask for a larger size, a lower coverage of characters where the algorithm has "
            "it, or an algorithm of bytes (byte_bpe)",
        )


def learn(algorithm: str, texts: Texts, /, **settings: Any) -> Tokenizer:
    """A tokenizer by the name of its algorithm, such as `unigram`, `byte_bpe` or `vocap`.

    All take `size`, `temperature`, `seed`, `scripts` to romanise and `special` tokens; each has
    its own besides. All give the same tokenizer in every process.

    Raises:
        UnknownName: no such algorithm.
        UsageError: a setting that it does not have, or what the algorithm itself refuses.
    """
    made = registry.get("tokenizer", algorithm)
    known = [
        p.name for p in inspect.signature(made).parameters.values() if p.kind == p.KEYWORD_ONLY
    ]
    if unknown := sorted(set(settings) - set(known)):
        raise UsageError(
            f"{algorithm} has no setting {', '.join(unknown)}", remedy=f"it has {', '.join(known)}"
        )
    return made(texts, **settings)


def token_ids(tokenizer: Tokenizer, lines: Sequence[str]) -> Iterator[np.ndarray]:
    """The ids of each line, special tokens aside, a batch of lines at a time."""
    for at in range(0, len(lines), BATCH):
        batch = list(lines[at : at + BATCH])
        for one in tokenizer.encode_batch_fast(batch, add_special_tokens=False):
            yield np.array(one.ids, np.int32)


@register("tokenizer", "unigram.v1")
def learn_unigram(
    texts: Texts,
    *,
    size: int = 64_000,
    temperature: float = 0.0,
    seed: int = 0,
    scripts: Iterable[str] = (),
    words: Iterable[str] = (),
    special: str | Special = "none",
) -> Tokenizer:
    """A Unigram tokenizer of at most `size` pieces, learned on all languages together.

    Language l is drawn until it has share p_l ~ n_l^temperature of the lines, so 1 keeps the
    natural mixture and 0 gives every language as many lines as the largest has.

    Args:
        texts: lines per language.
        size: wanted number of pieces; a small corpus gives fewer.
        temperature: exponent of the language's share.
        seed: of the drawing.
        scripts: those to spell in Latin letters, so that names and loans meet across scripts;
            scripts without a map stay as they are.
        words: whole words to know besides, whether the text has them or not.
        special: special tokens, those of a model family (`special.PRESETS`) or your own.

    Returns:
        A tokenizer that applies NFKC, lower case and romanisation, splits at white space and
        punctuation, and gives the unknown token for characters it never met.

    Raises:
        UsageError: there is no text.
        NoRoom: there are more single characters than `size`.

    Source: Kudo (2018), Subword Regularization, section 3.2; the exponent is that of
    Conneau and Lample (2019), section 3.1.
    """
    from tokenizers import Tokenizer, decoders, models, trainers

    chosen = special_tokens(special, unknown=True)
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normaliser("NFKC", lower=True, scripts=scripts)
    tokenizer.pre_tokenizer = spaces_marked()
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=size, unk_token=chosen.roles["unk"], special_tokens=chosen.tokens,
        max_piece_length=24, show_progress=False,
    )  # fmt: skip
    lines = sample(texts, temperature=temperature, seed=seed)
    try:
        tokenizer.train_from_iterator(lines, trainer)
    except Exception as error:
        if "vocabulary is not large enough" not in str(error).lower():
            raise
        raise NoRoom(size, f"the alphabet of the text ({error})") from error
    made = _in_order(
        tokenizer, [tokenizer.normalizer.normalize_str(word) for word in words], chosen
    )
    surround(made, chosen)
    return made


def normaliser(form: str | None, *, lower: bool, scripts: Iterable[str]) -> Any:
    """Unicode form, lower case and romanisation of some scripts; None where that is nothing."""
    from tokenizers import normalizers

    known = sorted(set(scripts) & set(SCRIPTS))
    made = [getattr(normalizers, form)()] if form else []
    made += [normalizers.Lowercase()] if lower else []
    made += steps(known) if known else []
    return normalizers.Sequence(made) if made else None


def spaces_marked() -> Any:
    """Words begin with a mark for the space before them; punctuation and numbers stand alone."""
    from tokenizers import pre_tokenizers

    return pre_tokenizers.Sequence(
        [pre_tokenizers.Metaspace(), pre_tokenizers.Punctuation(), pre_tokenizers.Digits()]
    )


def _in_order(tokenizer: Tokenizer, words: Sequence[str], special: Special) -> Tokenizer:
    """The same pieces in an order, and with scores, that do not depend on the trainer's threads.

    Words that are not pieces yet come last, just likely enough to beat any two pieces.

    The trainer adds single characters that no piece covers in the order of a hash map, each a
    little less likely than the last, and its sums differ in their last digits from run to run.
    """
    pieces = json.loads(tokenizer.to_str())["model"]["vocab"]
    scores = {p: round(s, 4) for p, s in pieces if p not in special.tokens}
    floor = min((s for p, s in scores.items() if len(p) > 1), default=0.0)
    fillers = sorted(p for p, s in scores.items() if len(p) == 1 and s < floor + NEAR)
    scores |= {piece: round(floor - 1e-4 * (i + 1), 4) for i, piece in enumerate(fillers)}
    last = min(scores.values(), default=0.0) - 1e-4
    scores |= dict.fromkeys(sorted({f"▁{word}" for word in words} - scores.keys()), last)
    return with_scores(tokenizer, scores, special)


def with_scores(tokenizer: Tokenizer, scores: Mapping[str, float], special: Special) -> Tokenizer:
    """A copy of a Unigram tokenizer with these pieces, likely ones first behind special tokens."""
    from tokenizers import Tokenizer

    state, first = json.loads(tokenizer.to_str()), special.tokens
    pieces = sorted(scores.items(), key=lambda item: (-item[1], item[0]))
    vocabulary = [*([token, 0.0] for token in first), *map(list, pieces)]
    state["model"] |= {"vocab": vocabulary, "unk_id": first.index(special.roles["unk"])}
    return Tokenizer.from_str(json.dumps(state))

"""Learn a multilingual tokenizer: Unigram over normalised, lower-cased, romanised text."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from isogloss.errors import UsageError
from isogloss.registry import register
from isogloss.vocabulary.romanise import SCRIPTS, steps

if TYPE_CHECKING:
    from tokenizers import Tokenizer

UNKNOWN = "<unk>"
NEAR = 0.1  # log-probability around the rarest piece in which the trainer puts its fillers


@register("tokenizer", "unigram.v1")
def learn_unigram(
    texts: Mapping[str, Sequence[str]],
    *,
    size: int = 64_000,
    temperature: float = 0.0,
    seed: int = 0,
    scripts: Iterable[str] = (),
    words: Iterable[str] = (),
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

    Returns:
        A tokenizer that applies NFKC, lower case and romanisation, splits at white space and
        punctuation, and gives `<unk>` for characters it never met.

    Raises:
        UsageError: there is no text.

    Source: Kudo (2018), Subword Regularization, section 3.2; the exponent is that of
    Conneau and Lample (2019), section 3.1.
    """
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

    counts = {language: len(lines) for language, lines in texts.items() if lines}
    if not counts:
        raise UsageError("there is no text to learn a tokenizer from")
    tokenizer = Tokenizer(models.Unigram())
    known = sorted(set(scripts) & set(SCRIPTS))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFKC(), normalizers.Lowercase(), *(steps(known) if known else [])]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Metaspace(), pre_tokenizers.Punctuation(), pre_tokenizers.Digits()]
    )
    trainer = trainers.UnigramTrainer(
        vocab_size=size, unk_token=UNKNOWN, special_tokens=[UNKNOWN], max_piece_length=24,
        show_progress=False,
    )  # fmt: skip
    largest = max(counts.values())
    rng = random.Random(seed)

    def lines() -> list[str]:
        drawn: list[str] = []
        for language, count in counts.items():
            wanted = round(largest * (count / largest) ** temperature)
            repeats, rest = divmod(wanted, count)
            drawn += list(texts[language]) * repeats + rng.sample(list(texts[language]), rest)
        return drawn

    tokenizer.train_from_iterator(lines(), trainer)
    return _in_order(tokenizer, [tokenizer.normalizer.normalize_str(word) for word in words])


def _in_order(tokenizer: Tokenizer, words: Sequence[str]) -> Tokenizer:
    """The same pieces in an order, and with scores, that do not depend on the trainer's threads.

    Words that are not pieces yet come last, just likely enough to beat any two pieces.

    The trainer adds single characters that no piece covers in the order of a hash map, each a
    little less likely than the last, and its sums differ in their last digits from run to run.
    """
    from tokenizers import Tokenizer

    state = json.loads(tokenizer.to_str())
    scores = {p: round(s, 4) for p, s in state["model"]["vocab"] if p != UNKNOWN}
    floor = min((s for p, s in scores.items() if len(p) > 1), default=0.0)
    fillers = sorted(p for p, s in scores.items() if len(p) == 1 and s < floor + NEAR)
    scores |= {piece: round(floor - 1e-4 * (i + 1), 4) for i, piece in enumerate(fillers)}
    last = min(scores.values(), default=0.0) - 1e-4
    scores |= dict.fromkeys(sorted({f"▁{word}" for word in words} - scores.keys()), last)
    pieces = sorted(scores.items(), key=lambda item: (-item[1], item[0]))
    state["model"] |= {"vocab": [[UNKNOWN, 0.0], *map(list, pieces)], "unk_id": 0}
    return Tokenizer.from_str(json.dumps(state))

"""How large a language's vocabulary must be for its text to have a wanted number of tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.optimize import minimize_scalar

from isogloss.errors import UsageError
from isogloss.vocabulary.learn import token_ids
from isogloss.vocabulary.sizes import at_sizes

if TYPE_CHECKING:
    from tokenizers import Tokenizer

EXPONENTS = (1e-3, 4.0)
LEAST = 3  # sizes: as many as the curve has parameters


class PowerLaw(NamedTuple):
    """Tokens of a text by size of the vocabulary: n(V) = floor + scale V^-exponent.

    Attributes:
        floor: what no vocabulary gets under.
        scale: positive.
        exponent: positive.
        error: root of the mean squared relative error on the sizes it was fitted on.
        held_out: the largest relative error on each size but the first and last, fitted without it;
            None for fewer than 4 sizes.
    """

    floor: float
    scale: float
    exponent: float
    error: float
    held_out: float | None

    def __call__(self, size: float) -> float:
        """The expected number of tokens."""
        return self.floor + self.scale * size**-self.exponent

    def size(self, tokens: float) -> float:
        """The size at which so many tokens are expected; infinite where none gets there."""
        if tokens <= self.floor:
            return float("inf")
        try:
            return float(((tokens - self.floor) / self.scale) ** (-1 / self.exponent))
        except OverflowError:
            return float("inf")


def fit_power_law(sizes: Sequence[float], tokens: Sequence[float]) -> PowerLaw:
    """The curve of least squared relative error through numbers of tokens at several sizes.

    For a given exponent, floor and scale are a weighted least squares with both at least 0; the
    exponent is sought between 0.001 and 4.

    Args:
        sizes: `[k]` different sizes of vocabularies, 3 at least.
        tokens: `[k]` tokens of one text with each.

    Raises:
        UsageError: too few sizes, counts that are not positive, or more tokens with more pieces.

    Source: Arnett et al. (2025), Explaining and Mitigating Crosslingual Tokenizer Inequities, whose
    curves of corpus token count by vocabulary size are power laws; the floor is added here.
    """
    x, y = np.asarray(sizes, float), np.asarray(tokens, float)
    if len(x) != len(y) or len(np.unique(x)) != len(x) or len(x) < LEAST:
        raise UsageError(f"a curve needs {LEAST} different sizes at least, got {len(x)}")
    if (x <= 0).any() or (y <= 0).any():
        raise UsageError("sizes and numbers of tokens must be positive")
    order = np.argsort(x)
    x, y = x[order], y[order]
    if y[-1] >= y[0]:
        raise UsageError(
            f"{y[-1]:.0f} tokens with {x[-1]:.0f} pieces and {y[0]:.0f} with {x[0]:.0f}: they must "
            "fall",
            remedy="learn on more text, or choose sizes further apart",
        )
    law = _fit(x, y)
    if len(x) == LEAST:
        return law
    left_out = [np.arange(len(x)) != at for at in range(1, len(x) - 1)]
    misses = [abs(_fit(x[rest], y[rest])(x[~rest][0]) / y[~rest][0] - 1) for rest in left_out]
    return law._replace(held_out=float(max(misses)))


def _fit(x: np.ndarray, y: np.ndarray) -> PowerLaw:
    unit = np.exp(np.log(x).mean())  # sizes near 1, so that powers are

    def solve(log_exponent: float) -> tuple[float, float, float]:
        power = (x / unit) ** -np.exp(log_exponent) / y  # [k]
        [c, a], *_ = np.linalg.lstsq(np.stack([1 / y, power], 1), np.ones(len(y)), rcond=None)
        if c < 0:
            c, a = 0.0, power.sum() / (power @ power)
        return float(c), float(a), float(np.sqrt(((c / y + a * power - 1) ** 2).mean()))

    grid = np.linspace(*np.log(EXPONENTS), 60)
    at = int(np.argmin([solve(b)[2] for b in grid]))
    bounds = (grid[max(at - 1, 0)], grid[min(at + 1, len(grid) - 1)])
    found = minimize_scalar(
        lambda b: solve(b)[2], bounds=bounds, method="bounded", options={"xatol": 1e-10}
    )
    c, a, error = solve(found.x)
    exponent = float(np.exp(found.x))
    return PowerLaw(c, float(a * unit**exponent), exponent, error, None)


class Sized(NamedTuple):
    """A language's vocabulary for a wanted number of tokens.

    Attributes:
        tokenizer: the largest that was asked for where none is expected to get there.
        size: of its vocabulary.
        tokens: of the measured text with it.
        expected: by the curve.
        reached: whether the curve gets to the wanted number by the largest size.
        law: the curve.
    """

    tokenizer: Tokenizer
    size: int
    tokens: int
    expected: float
    reached: bool
    law: PowerLaw


def count_tokens(tokenizer: Tokenizer, lines: Sequence[str]) -> int:
    """Tokens of a text, special tokens aside (its corpus token count)."""
    return sum(map(len, token_ids(tokenizer, lines)))


def learn_for_tokens(
    texts: Mapping[str, Sequence[str]],
    parallel: Mapping[str, Sequence[str]],
    *,
    tokens: float,
    sizes: Sequence[int],
    largest: int,
    algorithm: str = "byte_bpe",
    seed: int = 0,
) -> dict[str, Sized]:
    """A tokenizer for each language, of the size at which parallel text has `tokens` tokens.

    Tokenizers of one size give languages different numbers of tokens for the same sentences; sizes
    of their own make premiums even. The curve is fitted on a few sizes, and the tokenizer learned
    at what it says. Prefer superwords besides where words, not pieces, are what a language has
    more of.

    Args:
        texts: lines to learn from per language.
        parallel: the same sentences in each language, other than the lines learned from.
        tokens: wanted number of tokens of `parallel`.
        sizes: those to fit the curve on, 3 at least, some of which must have room.
        largest: size that no vocabulary passes.
        algorithm: of each tokenizer.
        seed: of what is random in it.

    Raises:
        UsageError: languages without parallel text, numbers of lines that differ, a wanted number
            that is not positive, or a text too small for a curve.

    Source: Arnett et al. (2025), on vocabulary sizes for a premium of 1.
    """
    _check(texts, parallel, tokens)
    found = {}
    for tag, lines in texts.items():
        made = at_sizes(lines, [s for s in sizes if s <= largest], algorithm=algorithm, seed=seed)
        try:
            law = fit_power_law(list(made), [count_tokens(t, parallel[tag]) for t in made.values()])
        except UsageError as error:
            raise UsageError(f"{tag}: {error.message}", remedy=error.remedy) from None
        wanted = law.size(tokens)
        size = round(min(max(wanted, min(made)), largest))
        [(real, tokenizer)] = at_sizes(lines, [size], algorithm=algorithm, seed=seed).items()
        found[tag] = Sized(
            tokenizer,
            real,
            count_tokens(tokenizer, parallel[tag]),
            law(real),
            wanted <= real + 0.5,
            law,
        )
    return found


def _check(
    texts: Mapping[str, Sequence[str]], parallel: Mapping[str, Sequence[str]], tokens: float
) -> None:
    if missing := sorted(set(texts) - set(parallel)):
        raise UsageError(f"no parallel text of {', '.join(missing)}")
    if len({len(parallel[tag]) for tag in texts}) > 1:
        raise UsageError(
            "parallel text must have the same sentences in every language",
            remedy="keep the rows that all of them have",
        )
    if not tokens > 0:
        raise UsageError(f"{tokens} tokens cannot be wanted; the number must be positive")

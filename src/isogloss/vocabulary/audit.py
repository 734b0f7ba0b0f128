"""What tokenizers do to each language: length, splitting, gaps, what overflows, what is shared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from isogloss.errors import CorpusError, ModelError, UsageError
from isogloss.language import read_language
from isogloss.score import Score, Scores, defined, resampled
from isogloss.vocabulary.lines import Segmenter
from isogloss.vocabulary.parity import Parity, parity, quantiles
from isogloss.vocabulary.tally import COUNTS, Tally, read_blocks, tally
from isogloss.vocabulary.token_overlap import Overlap, token_overlap
from isogloss.vocabulary.tokenization import Tokenization

if TYPE_CHECKING:
    from isogloss.corpus.records import Corpus

MOSTLY = 0.9
INTERVAL = "bootstrap over sentences"
RATIOS = {
    "tokens_per_sentence": ("tokens", "texts"),
    "fertility": ("tokens", "words"),
    "characters_per_token": ("characters", "tokens"),
    "continued_share": ("continued", "words"),
    "unknown_share": ("unknown", "tokens"),
    "byte_fallback_share": ("partial", "tokens"),
    "lost_share": ("lost", "characters"),
    "over_window_share": ("over", "texts"),
}
"""Measures that are a ratio of two of the counts, summed over sentences."""
OPTIONAL = ("lost", "over")  # where these are not known there is nothing to know


class Pairs(NamedTuple):
    """Every language beside every other under one tokenizer.

    Attributes:
        languages: names of rows and columns.
        parity: tokens of the row's language over those of the column's.
        overlap: what they share of the vocabulary.
    """

    languages: tuple[str, ...]
    parity: Parity
    overlap: Overlap


class Audited(NamedTuple):
    """Scores of tokenizers, their pairs of languages, and sentences worth telling people.

    Attributes:
        scores: one row a tokenizer (`system`), language and measure.
        pairs: by the tokenizer's name; empty unless asked for.
        notes: warnings, and what was left out.
    """

    scores: Scores
    pairs: dict[str, Pairs]
    notes: list[str]


def audit(
    tokenizations: Sequence[Tokenization],
    corpus: Corpus,
    *,
    pivot: str,
    languages: Sequence[str],
    pairs: bool = False,
    segmenters: Mapping[str, Segmenter] | None = None,
    seed: int = 0,
    progress: Callable[[int], None] | None = None,
) -> Audited:
    """Audit tokenizers side by side on n-way text, in each language and the pivot.

    Rows besides those of `RATIOS`: `premium`, tokens over the pivot's on the sentences that both
    have; `vocabulary_used`, distinct tokens, and `vocabulary_share`, of those there are; these two
    grow with the text and have no interval. A word is what white space separates. In a script that
    puts no space between words, fertility and the share of continued words are None, unless a
    segmenter is given. Each text is read once, one language in memory at a time.

    Args:
        tokenizations: any number of them, of different names.
        corpus: n-way parallel text.
        pivot: tag of the language to compare with.
        languages: tags to audit besides.
        pairs: compare all pairs of languages too.
        segmenters: finds the words of a language, by tag.
        seed: of the bootstrap, the same for all languages and tokenizers.
        progress: called with 1 after each language.

    Raises:
        UsageError: no tokenizer, or two of one name.
        UnknownLanguage: a language that the corpus does not have.
        CorpusError: fewer than 2 rows.
        ModelError: a tokenizer that gives only unknown tokens in every language, or none at all,
            or that fails on a text.

    Source: fertility of Ács (2019), Exploring BERT's Vocabulary, and continued words of Rust et
    al. (2021), How Good is Your Tokenizer?, section 4.1; parity and premium of Petrov et al.
    (2023), Language Model Tokenizers Introduce Unfairness Between Languages, section 3; premiums
    as sums over a parallel text as in Arnett et al. (2025), Explaining and Mitigating Crosslingual
    Tokenizer Inequities.
    """
    names = [one.name for one in tokenizations]
    if not names:
        raise UsageError("no tokenizer to audit")
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise UsageError(
            f"two tokenizers are called {twice[0]!r}", remedy="give each a name of its own"
        )
    if len(corpus) < 2:
        raise CorpusError("at least 2 rows are needed for an audit", file=corpus.source or None)
    tags = list(dict.fromkeys(map(str, corpus.resolve([pivot, *languages]))))
    given = {str(corpus.resolve([tag])[0]): one for tag, one in (segmenters or {}).items()}
    tallies: list[list[Tally]] = [[] for _ in tokenizations]
    there = np.zeros((len(corpus), len(tags)), bool)
    for column, tag in enumerate(tags):
        texts = corpus.texts(tag)
        there[:, column] = [text is not None for text in texts]
        blocks = read_blocks([t for t in texts if t is not None], _script(tag), given.get(tag))
        for made, tokenization in zip(tallies, tokenizations, strict=True):
            made.append(tally(tokenization, blocks))
        if progress:
            progress(1)
    rows = Scores()
    notes = _few(tags, there)
    compared: dict[str, Pairs] = {}
    for tokenization, made in zip(tokenizations, tallies, strict=True):
        notes += _warnings(tokenization.name, tags, made)
        table = _table(made, there)
        tokens = table[:, :, COUNTS.index("tokens")]
        beside = parity(tokens, there, None if pairs else [0], seed=seed)
        found = Scores(
            [
                *_ratios(tags, made, table, seed),
                *_premiums(tags, beside, len(there)),
                *_used(tags, made, tokenization.size),
            ]
        )
        rows += found.having(
            pivot=tags[0], system=tokenization.name, model_fingerprint=tokenization.fingerprint
        )
        if pairs:
            overlap = token_overlap([one.ids for one in made], [one.times for one in made])
            compared[tokenization.name] = Pairs(tuple(tags), beside, overlap)
    return Audited(rows, compared, notes)


def _script(tag: str) -> str:
    return read_language(tag).script


def _table(tallies: Sequence[Tally], there: np.ndarray) -> np.ndarray:
    """The counts `[n, L, counts]` of all languages; 0 where a sentence is missing."""
    table = np.zeros((*there.shape, len(COUNTS)))
    for column, one in enumerate(tallies):
        table[there[:, column], column] = one.counts
    return table


def _ratios(
    tags: Sequence[str], tallies: Sequence[Tally], table: np.ndarray, seed: int
) -> list[Score]:
    """The rows of `RATIOS`; sentences are resampled for all languages and counts at once."""
    sums = resampled(table.reshape(len(table), -1), seed=seed).reshape(-1, *table.shape[1:])
    whole = table.mean(0)  # [L, counts]
    rows = []
    for measure, counts in RATIOS.items():
        above, below = map(COUNTS.index, counts)
        with np.errstate(divide="ignore", invalid="ignore"):
            value = whole[:, above] / whole[:, below]
            low, high = quantiles(sums[:, :, above] / sums[:, :, below])
        for i, (tag, one) in enumerate(zip(tags, tallies, strict=True)):
            n = len(one.counts)
            known = {name: bool(one.known[COUNTS.index(name)]) for name in counts}
            if n < 2 or not all(known[name] for name in counts if name in OPTIONAL):
                continue
            if all(known.values()):
                found = (value[i], low[i], high[i], n, _missing(len(table) - n))
            else:
                why = "the tokenizer does not tell"
                if not known.get("words", True):
                    why = f"no space between words in {_script(tag)}"
                found = (np.nan, np.nan, np.nan, 0, {why: n})
            rows.append(_row(measure, tag, *found))
    return rows


def _premiums(tags: Sequence[str], beside: Parity, total: int) -> list[Score]:
    rows = []
    for i, tag in enumerate(tags[1:], 1):
        n = int(beside.n[i, 0])
        if n > 1:
            found = (float(matrix[i, 0]) for matrix in beside[:3])
            rows.append(_row("premium", tag, *found, n, _missing(total - n)))
    return rows


def _used(tags: Sequence[str], tallies: Sequence[Tally], size: int | None) -> list[Score]:
    rows = []
    for tag, one in zip(tags, tallies, strict=True):
        n = len(one.counts)
        if n < 2:
            continue
        rows.append(Score(measure="vocabulary_used", language=tag, value=len(one.ids), n=n))
        if size:
            share = len(one.ids) / size
            rows.append(Score(measure="vocabulary_share", language=tag, value=share, n=n))
    return rows


def _row(
    measure: str, tag: str, value: Any, low: Any, high: Any, n: int, dropped: dict[str, int]
) -> Score:
    value, low, high = (defined(float(one)) for one in (value, low, high))
    return Score(
        measure=measure, language=tag, value=value, low=low, high=high, n=n, dropped=dropped,
        interval=None if value is None else INTERVAL,
    )  # fmt: skip


def _missing(count: int) -> dict[str, int]:
    return {"missing": count} if count else {}


def _few(tags: Sequence[str], there: np.ndarray) -> list[str]:
    return [
        f"{tag} has {count} of {len(there)} sentences: not scored"
        for tag, count in zip(tags, there.sum(0), strict=True)
        if count < 2
    ]


def _warnings(name: str, tags: Sequence[str], tallies: Sequence[Tally]) -> list[str]:
    """What makes numbers of a tokenizer mean little.

    Raises:
        ModelError: they mean nothing, in any language.
    """
    sums = np.array([one.counts.sum(0) for one in tallies])  # [L, counts]
    at = {count: sums[:, i] for i, count in enumerate(COUNTS)}
    unknown = at["unknown"] / np.maximum(at["tokens"], 1)
    lost = at["lost"] / np.maximum(at["characters"], 1)
    blind = at["unknown"] == at["tokens"]  # no token at all is as blind
    if blind.all():
        raise ModelError(
            f"the tokenizer of {name} gives only unknown tokens in every language"
            if at["tokens"].any()
            else f"the tokenizer of {name} gives no token in any language",
            remedy="check that tokenizer and model belong together",
        )
    notes = []
    for tag, share, gone in zip(tags, unknown, lost, strict=True):
        if share > MOSTLY:
            notes.append(
                f"WARNING: {share:.0%} of the tokens of {tag} are unknown to {name}; "
                "its scores say little, its vocabulary must be extended first"
            )
        if gone > 0:
            notes.append(
                f"WARNING: {name} loses {gone:.1%} of the characters of {tag}: they become no "
                "token, so its premium is too low; the tokenizer has neither an unknown token nor "
                "all bytes"
            )
    return notes

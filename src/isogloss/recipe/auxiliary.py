"""What initialisers need besides the two vocabularies, made from parallel text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from isogloss.errors import CorpusError, MissingExtra, UsageError
from isogloss.language import read_language
from isogloss.language.segment import words
from isogloss.match.translation_table import sharpen, translation_tables
from isogloss.progress import Start, silent
from isogloss.registry import full_name
from isogloss.vocabulary.initialise.rows import Help
from isogloss.vocabulary.initialise.translations import token_translations

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from isogloss.corpus.records import Corpus

NEEDS = {
    "clp.v1": ("target_tokens",),
    "focus.v1": ("target_tokens",),
    "ofa.v1": ("source_words", "target_words"),
    "tik_to_tok.v1": ("dictionary",),
    "trans_tokenization.v1": ("translations",),
    "wechsel.v1": ("source_words", "target_words", "dictionary"),
    "word_vectors.v1": ("source_words", "target_words"),
}
"""Fields of `Help` by initialiser; those not named need none."""
ONE_SPACE = ("ofa.v1", "word_vectors.v1")
LEAST = 0.1  # probability under which a pair of words is no entry of the dictionary
LONGEST = 60  # words of a sentence that are aligned
WIDTH = 100  # of the vectors trained here


class Words(NamedTuple):
    """One side of parallel text.

    Attributes:
        lines: per row its lower-cased words; empty where the row is missing.
        names: words by falling frequency.
        counts: `[n]` how often each occurs.
    """

    lines: list[list[str]]
    names: list[str]
    counts: np.ndarray


def auxiliary(
    initialiser: str,
    corpus: Corpus,
    *,
    source: Tokenizer,
    target: Tokenizer,
    pivot: str,
    languages: Sequence[str],
    seed: int = 0,
    start: Start = silent,
) -> Help:
    """The help that an initialiser needs, from text in the source's language and the target's.

    Words are aligned by IBM Model 1 in both directions: pairs that agree make the dictionary, and
    with their expected counts the translations of tokens. Vectors are fastText's, trained on the
    text alone; those for initialisers that want one space are brought into it by the dictionary.

    Args:
        initialiser: registered name.
        corpus: parallel text.
        source: the model's tokenizer.
        target: the new one.
        pivot: the language that the source reads.
        languages: those that the target is for.
        seed: of what is trained.
        start: starts progress bars.

    Raises:
        CorpusError: no row that both have.
        MissingExtra: vectors are needed and gensim is not installed.
    """
    name = full_name("initialiser", initialiser)
    needs = NEEDS.get(name, ())
    found: dict[str, Any] = {}
    advance = start(f"text for {name}", len(needs) or 1)
    if {"dictionary", "translations"} & set(needs) or name in ONE_SPACE:
        aligned = [pair for lang in languages for pair in aligned_words(corpus, pivot, lang)]
        found["dictionary"] = [(ours, theirs) for ours, theirs, _ in aligned]
        if "translations" in needs:
            found["translations"] = token_translations(aligned, source, target)
            advance(1)
    if "target_tokens" in needs:
        texts = [t for lang in languages for t in corpus.texts(lang) if t is not None]
        found["target_tokens"] = trained_tokens(target, texts, seed=seed)
        advance(1)
    if "source_words" in needs:
        sides = [read_words(corpus, [pivot]), read_words(corpus, languages)]
        vectors = [trained_words(side.lines, side.names, seed=seed) for side in sides]
        if name in ONE_SPACE:
            vectors = _one_space(sides, vectors, found["dictionary"])
        for field, side, array in zip(
            ("source_words", "target_words"), sides, vectors, strict=True
        ):
            found[field] = (side.names, array)
        advance(2)
    return Help(seed=seed, **{field: found[field] for field in needs})


def read_words(corpus: Corpus, languages: Sequence[str]) -> Words:
    """The lower-cased words of some languages, one language's rows after the other's."""
    lines = []
    for language in languages:
        script = read_language(language).script
        lines += [words((text or "").lower(), script) for text in corpus.texts(language)]
    counts = Counter(word for line in lines for word in line)
    ordered = sorted(counts, key=lambda word: (-counts[word], word))
    return Words(lines, ordered, np.array([counts[word] for word in ordered]))


def aligned_words(corpus: Corpus, pivot: str, language: str) -> list[tuple[str, str, float]]:
    """Pivot words, words of the language, and how often they are expected to stand for each other.

    Raises:
        CorpusError: no row that both have.
    """
    sides = [read_words(corpus, [lang]) for lang in (language, pivot)]
    both = [i for i, pair in enumerate(zip(*(s.lines for s in sides), strict=True)) if all(pair)]
    if not both:
        raise CorpusError(
            f"no row has both {language} and {pivot}", file=corpus.source,
            remedy="give parallel text",
        )  # fmt: skip
    at = [{word: i for i, word in enumerate(side.names)} for side in sides]
    ids = [
        [np.array([known[w] for w in side.lines[i][:LONGEST]]) for i in both]
        for known, side in zip(at, sides, strict=True)
    ]
    table = sharpen(*translation_tables(*ids, (len(at[0]), len(at[1])))).tocoo()
    kept = table.data >= LEAST
    rows, columns = table.row[kept], table.col[kept]
    expected = table.data[kept] * sides[0].counts[rows]
    return [
        (sides[1].names[e], sides[0].names[f], float(n))
        for f, e, n in zip(rows, columns, expected, strict=True)
    ]


def trained_words(
    lines: Sequence[Sequence[str]], names: Sequence[str], *, seed: int = 0
) -> np.ndarray:
    """`[n, 100]` fastText vectors (skip-gram) of the named words, from these lines alone."""
    model = _fast_text(lines, seed, sg=1, window=5)
    return np.stack([model.wv[name] for name in names])


def trained_tokens(tokenizer: Tokenizer, texts: Sequence[str], *, seed: int = 0) -> np.ndarray:
    """`[V, 100]` fastText vectors (CBOW) of tokens as they follow each other; zeros if unseen."""
    cut = tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
    lines = [one.tokens for one in cut]
    model = _fast_text(lines, seed, sg=0, window=5)
    size = max(tokenizer.get_vocab().values()) + 1
    rows = np.zeros((size, WIDTH), np.float32)
    for name in model.wv.index_to_key:
        rows[tokenizer.token_to_id(name)] = model.wv[name]
    return rows


def _fast_text(lines: Sequence[Sequence[str]], seed: int, **settings: Any) -> Any:
    try:
        from gensim.models import FastText
    except ImportError:
        raise MissingExtra("gensim", "static", "training of word vectors") from None
    kept = [list(line) for line in lines if line]
    if not kept:
        raise UsageError("there is no text to train word vectors on")
    return FastText(
        kept, vector_size=WIDTH, min_count=1, epochs=5, seed=seed, workers=1, bucket=100_000,
        **settings,
    )  # fmt: skip


def _one_space(
    sides: Sequence[Words], vectors: Sequence[np.ndarray], dictionary: Sequence[tuple[str, str]]
) -> list[np.ndarray]:
    """Both sides unit, centred, unit; the target's turned onto the source's by the dictionary."""
    from isogloss.space.linear import fit
    from isogloss.space.normalise import USUAL, normalise

    x, y = (normalise(array, USUAL).apply(array) for array in vectors)
    at = [{word: i for i, word in enumerate(side.names)} for side in sides]
    pairs = np.array([(at[0][a], at[1][b]) for a, b in dictionary])
    turn = fit("procrustes", source=y[pairs[:, 1]], target=x[pairs[:, 0]])
    return [x, turn.apply(y)]

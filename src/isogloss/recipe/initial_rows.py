"""First rows of a new vocabulary as a job asks for them: the files people give, and one call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy import sparse

from isogloss import registry
from isogloss.corpus import read_corpus
from isogloss.corpus.lexicon import read_lexicon
from isogloss.encode import read_word_vectors
from isogloss.errors import CorpusError, ModelError, SettingsError, UsageError
from isogloss.files import fingerprint, fingerprint_texts, sha256_file
from isogloss.recipe.aligned_words import aligned_words, read_words
from isogloss.settings import read_keywords
from isogloss.space.linear import fit
from isogloss.space.normalise import USUAL, normalise
from isogloss.vocabulary.auxiliary import train_vectors
from isogloss.vocabulary.initialise.rows import Help, Rows, Source
from isogloss.vocabulary.initialise.translations import token_translations
from isogloss.vocabulary.token_vectors import token_sentences, token_vectors_by_name
from isogloss.vocabulary.trim import untruncated

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from isogloss.corpus.records import Corpus

Vectors = tuple[Sequence[str], np.ndarray]
"""Words, and `[n, d]` vectors of them."""
Entries = Sequence[tuple[str, str]]
"""Words of the source's language and their translations."""
WORDS = 200_000  # read of a file of word vectors, the first ones
DRAWING = ("random.v1", "normal.v1", "script.v1", "factorised.v1")
"""Those whose rows, or coordinates, are drawn by intent."""
ONE_SPACE = ("ofa.v1", "word_vectors.v1")
"""Those whose word vectors of both languages lie in one space."""


_OPTIONS = {
    "dictionary": "--dictionary",
    "translations": "--dictionary",
    "source_words": "--source-words",
    "target_words": "--target-words",
    "target_tokens": "--target-text",
}


class Parallel(NamedTuple):
    """Text in the source's language and in the target's.

    Attributes:
        corpus: of both.
        pivot: the language that the source reads.
        languages: those that the target is for; with the pivot, if it is to be read on.
    """

    corpus: Corpus
    pivot: str
    languages: Sequence[str]


def read_parallel(
    path: str | Path, pivot: str, languages: Sequence[str], *, network: bool = False
) -> Parallel:
    """Text of the pivot and the languages; of all that it has, if none is named.

    Raises:
        CorpusError: text that cannot be read, or without another language.
        UnknownLanguage: one that it does not have.
    """
    wanted = list(dict.fromkeys([pivot, *languages])) if languages else None
    corpus = read_corpus(path, languages=wanted, network=network)
    [tag] = map(str, corpus.resolve([pivot]))
    found = list(map(str, corpus.resolve(list(languages)) if languages else corpus.languages))
    if not set(found) - {tag}:
        raise CorpusError(
            f"only {pivot} is asked for, which is the pivot", file=corpus.source,
            remedy="name the language of the new vocabulary with --languages",
        )  # fmt: skip
    return Parallel(corpus, tag, found)


@dataclass(frozen=True)
class Aids:
    """What people give for first rows.

    Attributes:
        dictionary: a file of words and their translations, source first.
        source_words: a file of word vectors.
        target_words: the same of the target's language.
        target_text: lines of the target's language, to train vectors on where none are given.
        parallel: text from which all is made that is not given: dictionary and translations of
            tokens by word alignment, vectors by training.
        notes: of what was read; filled as it is.
        read: names of the files that were looked at; filled the same way.
    """

    dictionary: Path | None = None
    source_words: Path | None = None
    target_words: Path | None = None
    target_text: Sequence[str] = ()
    parallel: Parallel | None = None
    notes: list[str] = field(default_factory=list)
    read: set[str] = field(default_factory=set)

    @cached_property
    def fingerprint(self) -> str:
        """Names all of it."""
        files = (self.dictionary, self.source_words, self.target_words)
        sums = [None if file is None else sha256_file(file) for file in files]
        both = self.parallel and (
            self.parallel.corpus.fingerprint, self.parallel.pivot, list(self.parallel.languages)
        )  # fmt: skip
        return fingerprint(sums, fingerprint_texts(self.target_text), both)

    def help(
        self, source: Tokenizer, target: Tokenizer, seed: int = 0, *, one_space: bool = False
    ) -> Help:
        """Help that is read, trained or aligned when an initialiser first looks at it.

        Args:
            source: the model's tokenizer.
            target: the new one.
            seed: of what is drawn and trained.
            one_space: bring word vectors that are trained here into one space.
        """
        return _Asked(self, source, target, seed, one_space)

    @cached_property
    def lines(self) -> Sequence[str]:
        """Lines of the target's language."""
        if self.target_text or self.parallel is None:
            return self.target_text
        texts = (self.parallel.corpus.texts(language) for language in self.parallel.languages)
        return [text for column in texts for text in column if text is not None]

    def translations(self) -> tuple[Entries | None, list[tuple[str, str, float]]]:
        """The dictionary, and pairs of words with how often each stands for the other.

        Each comes of its own source, of the file or of the text; where one is missing, of the
        other.
        """
        entries, aligned = self._entries(), self._aligned()
        if entries is None:
            return [(a, b) for a, b, _ in aligned] or None, aligned
        return entries, aligned or [(a, b, 1.0) for a, b in entries]

    def _aligned(self) -> list[tuple[str, str, float]]:
        if self.parallel is None:
            return []
        corpus, pivot, languages = self.parallel
        found: list[tuple[str, str, float]] = []
        for language in languages:
            if language == pivot:
                own = read_words(corpus, [pivot])
                found += zip(own.names, own.names, own.counts.tolist(), strict=True)
            else:
                found += aligned_words(corpus, pivot, language)
        self.notes.append(f"{corpus.name}: {len(found):,} pairs of words are aligned")
        return found

    def words(self, seed: int, *, one_space: bool) -> tuple[Vectors | None, Vectors | None]:
        """Word vectors of both languages: of files, or trained on text.

        Raises:
            CorpusError: text that is too little to bring trained ones into one space.
            MissingExtra: vectors are to be trained, and gensim is not installed.
        """
        if self.source_words is not None or self.parallel is None:
            return self._vectors("source_words"), self._target_words(seed)
        corpus, pivot, languages = self.parallel
        ours, theirs = (
            train_vectors(read_words(corpus, tags).lines, least=2, seed=seed)
            for tags in ([pivot], languages)
        )
        self.notes.append(
            f"{corpus.name}: vectors of {len(ours[0]):,} and {len(theirs[0]):,} words were trained"
        )
        return _in_one_space(ours, theirs, self.translations()[0] or ()) if one_space else (
            ours, theirs
        )  # fmt: skip

    def _vectors(self, name: str) -> Vectors | None:
        if (file := getattr(self, name)) is None:
            return None
        self.read.add(name)
        found = read_word_vectors(file, limit=WORDS)
        self.notes.append(f"{file.name}: {len(found):,} word vectors")
        return found.words, found.array

    def _target_words(self, seed: int) -> Vectors | None:
        """Of a file; or trained on the target's text if the source's language has a file."""
        if self.target_words is not None or self.source_words is None or not self.lines:
            return self._vectors("target_words")
        found = train_vectors([line.split() for line in self.lines], seed=seed)
        self.notes.append(f"{len(found[0]):,} word vectors were trained on the target's text")
        return found

    def tokens(self, target: Tokenizer, seed: int) -> np.ndarray:
        """`[V', c]` vectors of tokens, zeros for those that the text hardly has."""
        # By their names, and not their ids: the vectors are made of n-grams of letters too.
        names, vectors = train_vectors(token_sentences(untruncated(target), self.lines), seed=seed)
        made = token_vectors_by_name(target, names, vectors)
        self.notes.append(
            f"{len(names):,} of {len(made):,} tokens got a vector from the target's text"
        )
        return made

    def _entries(self) -> Entries | None:
        if self.dictionary is None:
            return None
        self.read.add("dictionary")
        found = read_lexicon(self.dictionary)
        self.notes.extend(found.notes)
        self.notes.append(f"{self.dictionary.name}: {len(found):,} translations")
        return found.entries


class _Asked(Help):
    """What `Aids` can give, made when it is asked for."""

    _aids: Aids
    _sides: tuple[Tokenizer, Tokenizer]
    _one_space: bool

    def __init__(
        self, aids: Aids, source: Tokenizer, target: Tokenizer, seed: int, one_space: bool
    ) -> None:
        given = {"seed": seed, "_aids": aids, "_sides": (source, target), "_one_space": one_space}
        for name, value in given.items():
            object.__setattr__(self, name, value)  # it is frozen to all others

    def need(self, method: str, *fields: str) -> list[Any]:
        """The values of these fields; a missing one is told with what would give it."""
        try:
            return super().need(method, *fields)
        except UsageError as error:
            names = ", ".join(_OPTIONS[field] for field in fields)
            raise UsageError(
                error.message, remedy=f"give --parallel text, from which it is made, or {names}"
            ) from None

    @cached_property
    def dictionary(self) -> Entries | None:
        return self._aids.translations()[0]

    @cached_property
    def translations(self) -> sparse.csr_array | None:
        aligned = self._aids.translations()[1]
        return token_translations(aligned, *self._sides) if aligned else None

    @cached_property
    def target_tokens(self) -> np.ndarray | None:
        return self._aids.tokens(self._sides[1], self.seed) if self._aids.lines else None

    @cached_property
    def source_words(self) -> Vectors | None:
        return self._words[0]

    @cached_property
    def target_words(self) -> Vectors | None:
        return self._words[1]

    @cached_property
    def _words(self) -> tuple[Vectors | None, Vectors | None]:
        return self._aids.words(self.seed, one_space=self._one_space)


def _in_one_space(
    source: Vectors, target: Vectors, dictionary: Sequence[tuple[str, str]]
) -> tuple[Vectors, Vectors]:
    """Both unit, centred, unit, and the target's turned onto the source's by the dictionary.

    Raises:
        CorpusError: fewer than 2 of its pairs have vectors.
    """
    at = [{word: i for i, word in enumerate(side[0])} for side in (source, target)]
    pairs = [(at[0][a], at[1][b]) for a, b in dictionary if a in at[0] and b in at[1]]
    if len(pairs) < 2:
        raise CorpusError(
            f"{len(pairs)} pairs of words with vectors, too few to bring two languages into one "
            "space",
            remedy="give more text, or files of vectors of one space",
        )
    i, j = np.array(pairs).T
    x, y = (normalise(side[1], USUAL).apply(side[1]) for side in (source, target))
    turn = fit("procrustes", source=y[j], target=x[i])
    return (source[0], x), (target[0], turn.apply(y))


def first_rows(
    name: str,
    source: Source,
    target: Tokenizer,
    aids: Aids,
    seed: int,
    settings: Mapping[str, Any] | None = None,
) -> Rows:
    """Rows of a target tokenizer by a registered initialiser and its own settings.

    Raises:
        UsageError: it needs an aid that is not given.
        SettingsError: settings that it does not have.
    """
    initialise, plain = registry.get("initialiser", name), untruncated(target)
    own = own_settings(name, settings or {})
    one_space = name in ONE_SPACE or bool(own.get("aligned"))
    made = initialise(
        source, plain, aids.help(source.tokenizer, plain, seed, one_space=one_space), **own
    )
    for file in ("dictionary", "source_words", "target_words"):
        if getattr(aids, file) is not None and file not in aids.read:
            aids.notes.append(f"WARNING: {name} does not look at the {file} that are given")
    return made


def own_settings(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """An initialiser's own settings, such as `rank`.

    Raises:
        SettingsError: those that it does not have, or of another type.
    """
    try:
        return read_keywords(registry.get("initialiser", name), given)
    except SettingsError as error:
        raise SettingsError([f"{name}: {problem}" for problem in error.problems]) from None


def by_content(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings with what is in a folder in place of its name."""
    return {
        name: fingerprint([sha256_file(file) for file in sorted(Path(value).iterdir())])
        if isinstance(value, str | Path) and Path(value).is_dir()
        else value
        for name, value in settings.items()
    }


def refuse_random(made: Rows, name: str, counted: Mapping[str, int] | None = None) -> None:
    """Raise a ModelError if a method that should know better drew every row."""
    counts = made.counts() if counted is None else counted
    if name not in DRAWING and set(counts) <= {"random"}:
        raise ModelError(
            f"{name} could give no row but at random: the source knows none of the new tokens, nor "
            "the letters they are spelled with",
            remedy="give it more to go by (a dictionary, word vectors, text), or ask for "
            "--initialise random.v1",
        )

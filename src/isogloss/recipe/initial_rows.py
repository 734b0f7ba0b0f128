"""First rows of a new vocabulary as a job asks for them: the files people give, and one call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from isogloss import registry
from isogloss.corpus import read_corpus
from isogloss.corpus.lexicon import read_lexicon
from isogloss.encode import read_word_vectors
from isogloss.errors import CorpusError, ModelError
from isogloss.files import fingerprint, fingerprint_texts, sha256_file
from isogloss.recipe.aligned_words import aligned_words, read_words
from isogloss.space.linear import fit
from isogloss.space.normalise import USUAL, normalise
from isogloss.vocabulary.auxiliary import train_vectors
from isogloss.vocabulary.initialise.rows import Help, Rows, Source
from isogloss.vocabulary.initialise.translations import token_translations
from isogloss.vocabulary.trim import untruncated

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from isogloss.corpus.records import Corpus

Vectors = tuple[Sequence[str], np.ndarray]
"""Words, and `[n, d]` vectors of them."""
Entries = Sequence[tuple[str, str]]
"""Words of the source's language and their translations."""
WORDS = 200_000  # read of a file of word vectors, the first ones
NEEDS: dict[str, tuple[str, ...]] = {
    "clp.v1": ("target_tokens",),
    "focus.v1": ("target_tokens",),
    "ofa.v1": ("source_words", "target_words"),
    "tik_to_tok.v1": ("dictionary",),
    "trans_tokenization.v1": ("translations",),
    "wechsel.v1": ("source_words", "target_words", "dictionary"),
    "word_vectors.v1": ("source_words", "target_words"),
}
"""Fields of `Help` that an initialiser of ours looks at; of others all there is."""
DRAWING = ("random.v1", "normal.v1", "script.v1")
"""Those whose rows are drawn by intent."""
ONE_SPACE = ("ofa.v1", "word_vectors.v1")


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
    """

    dictionary: Path | None = None
    source_words: Path | None = None
    target_words: Path | None = None
    target_text: Sequence[str] = ()
    parallel: Parallel | None = None
    notes: list[str] = field(default_factory=list)

    @cached_property
    def fingerprint(self) -> str:
        """Names all of it."""
        files = (self.dictionary, self.source_words, self.target_words)
        sums = [None if file is None else sha256_file(file) for file in files]
        both = self.parallel and (
            self.parallel.corpus.fingerprint, self.parallel.pivot, list(self.parallel.languages)
        )  # fmt: skip
        return fingerprint(sums, fingerprint_texts(self.target_text), both)

    def help(self, name: str, source: Tokenizer, target: Tokenizer, seed: int) -> Help:
        """What the initialiser of this name looks at, read, trained or aligned.

        Args:
            name: registered.
            source: the model's tokenizer.
            target: the new one.
            seed: of what is trained.

        Raises:
            CorpusError: a file that cannot be read, or text that is too little.
            MissingExtra: vectors are to be trained, and gensim is not installed.
        """
        known = tuple(f.name for f in fields(Help) if f.name != "seed")
        needs = NEEDS.get(name, () if _is_ours(name) else known)
        looked_at = {*needs, *(("dictionary",) if "translations" in needs else ())}
        for given in ("dictionary", "source_words", "target_words"):
            if getattr(self, given) is not None and given not in looked_at:
                self.notes.append(f"WARNING: {name} does not look at the {given} that are given")
        one_space = name in ONE_SPACE and self.source_words is None
        made: dict[str, Any] = {}
        if one_space or {"dictionary", "translations"} & set(needs):
            made["dictionary"], aligned = self._translations()
            made["translations"] = token_translations(aligned, source, target) if aligned else None
        if "target_tokens" in needs and self._lines:
            made["target_tokens"] = self._tokens(target, seed)
        if "source_words" in needs:
            ours, theirs = self._words(seed)
            if one_space and ours and theirs:
                ours, theirs = _in_one_space(ours, theirs, made["dictionary"] or ())
            made |= {"source_words": ours, "target_words": theirs}
        return Help(seed=seed, **{need: made.get(need) for need in needs})

    @cached_property
    def _lines(self) -> Sequence[str]:
        """Lines of the target's language."""
        if self.target_text or self.parallel is None:
            return self.target_text
        texts = (self.parallel.corpus.texts(language) for language in self.parallel.languages)
        return [text for column in texts for text in column if text is not None]

    def _translations(self) -> tuple[Entries | None, list[tuple[str, str, float]]]:
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

    def _words(self, seed: int) -> tuple[Vectors | None, Vectors | None]:
        """Word vectors of both languages: of files, or trained on text."""
        if self.source_words is not None or self.parallel is None:
            return self._vectors(self.source_words), self._target_words(seed)
        corpus, pivot, languages = self.parallel
        ours, theirs = (
            train_vectors(read_words(corpus, tags).lines, least=2, seed=seed)
            for tags in ([pivot], languages)
        )
        self.notes.append(
            f"{corpus.name}: vectors of {len(ours[0]):,} and {len(theirs[0]):,} words were trained"
        )
        return ours, theirs

    def _vectors(self, file: Path | None) -> Vectors | None:
        if file is None:
            return None
        found = read_word_vectors(file, limit=WORDS)
        self.notes.append(f"{file.name}: {len(found):,} word vectors")
        return found.words, found.array

    def _target_words(self, seed: int) -> Vectors | None:
        """Of a file; or trained on the target's text if the source's language has a file."""
        if self.target_words is not None or self.source_words is None or not self._lines:
            return self._vectors(self.target_words)
        found = train_vectors([line.split() for line in self._lines], seed=seed)
        self.notes.append(f"{len(found[0]):,} word vectors were trained on the target's text")
        return found

    def _tokens(self, target: Tokenizer, seed: int) -> np.ndarray:
        """`[V', c]` vectors of tokens, zeros for those that the text hardly has."""
        plain = untruncated(target)
        cuts = plain.encode_batch_fast(list(self._lines), add_special_tokens=False)
        names, vectors = train_vectors([[str(i) for i in cut.ids] for cut in cuts], seed=seed)
        made = np.zeros((max(target.get_vocab().values()) + 1, vectors.shape[1]), np.float32)
        made[[int(name) for name in names]] = vectors
        self.notes.append(
            f"{len(names):,} of {len(made):,} tokens got a vector from the target's text"
        )
        return made

    def _entries(self) -> Entries | None:
        if self.dictionary is None:
            return None
        found = read_lexicon(self.dictionary)
        self.notes.extend(found.notes)
        self.notes.append(f"{self.dictionary.name}: {len(found):,} translations")
        return found.entries


def _is_ours(name: str) -> bool:
    """Whether this package registers it, so that `NEEDS` knows what it looks at."""
    return any(entry.name == name and not entry.attribute for entry in registry.entries())


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


def first_rows(name: str, source: Source, target: Tokenizer, aids: Aids, seed: int) -> Rows:
    """Rows of a target tokenizer by a registered initialiser.

    Raises:
        UsageError: it needs an aid that is not given.
    """
    initialise = registry.get("initialiser", name)
    plain = untruncated(target)
    return initialise(source, plain, aids.help(name, source.tokenizer, plain, seed))


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

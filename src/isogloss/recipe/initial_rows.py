"""First rows of a new vocabulary as a job asks for them: the files people give, and one call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from isogloss import registry
from isogloss.corpus.lexicon import read_lexicon
from isogloss.encode import read_word_vectors
from isogloss.errors import ModelError
from isogloss.files import fingerprint, fingerprint_texts, sha256_file
from isogloss.vocabulary.auxiliary import train_vectors
from isogloss.vocabulary.initialise.rows import Help, Rows, Source
from isogloss.vocabulary.trim import untruncated

if TYPE_CHECKING:
    from tokenizers import Tokenizer

WORDS = 200_000  # read of a file of word vectors, the first ones


@dataclass(frozen=True)
class Aids:
    """What people give for first rows.

    Attributes:
        dictionary: a file of words and their translations, source first.
        source_words: a file of word vectors.
        target_words: the same of the target's language.
        target_text: lines of the target's language, to train vectors on where none are given.
        notes: of what was read; filled as it is.
    """

    dictionary: Path | None = None
    source_words: Path | None = None
    target_words: Path | None = None
    target_text: Sequence[str] = ()
    notes: list[str] = field(default_factory=list)

    @cached_property
    def fingerprint(self) -> str:
        """Names all of it."""
        files = (self.dictionary, self.source_words, self.target_words)
        sums = [None if file is None else sha256_file(file) for file in files]
        return fingerprint(sums, fingerprint_texts(self.target_text))

    def help(self, target: Tokenizer, seed: int) -> Help:
        """All of it, read or trained.

        Words of a language without a file are trained on the target's text if the other language
        has one; tokens always are, if there is text.

        Raises:
            CorpusError: a file that cannot be read.
            MissingExtra: vectors are to be trained, and gensim is not installed.
        """
        return Help(
            seed=seed,
            source_words=self._vectors(self.source_words),
            target_words=self._target_words(target, seed),
            target_tokens=self._tokens(target, seed) if self.target_text else None,
            dictionary=self._entries(),
        )

    def _vectors(self, file: Path | None) -> tuple[Sequence[str], np.ndarray] | None:
        if file is None:
            return None
        found = read_word_vectors(file, limit=WORDS)
        self.notes.append(f"{file.name}: {len(found):,} word vectors")
        return found.words, found.array

    def _target_words(
        self, target: Tokenizer, seed: int
    ) -> tuple[Sequence[str], np.ndarray] | None:
        if self.target_words is not None or self.source_words is None or not self.target_text:
            return self._vectors(self.target_words)
        found = train_vectors([line.split() for line in self.target_text], seed=seed)
        self.notes.append(f"{len(found[0]):,} word vectors were trained on the target's text")
        return found

    def _tokens(self, target: Tokenizer, seed: int) -> np.ndarray:
        """`[V', c]` vectors of tokens, zeros for those that the text hardly has."""
        plain = untruncated(target)
        cuts = plain.encode_batch_fast(list(self.target_text), add_special_tokens=False)
        at = target.get_vocab()
        named = {i: name for name, i in at.items()}
        sentences = [[named[i] for i in cut.ids] for cut in cuts]  # fastText reads their letters
        names, vectors = train_vectors(sentences, seed=seed)
        made = np.zeros((max(at.values()) + 1, vectors.shape[1]), np.float32)
        made[[at[name] for name in names]] = vectors
        self.notes.append(
            f"{len(names):,} of {len(made):,} tokens got a vector from the target's text"
        )
        return made

    def _entries(self) -> Sequence[tuple[str, str]] | None:
        if self.dictionary is None:
            return None
        found = read_lexicon(self.dictionary)
        self.notes.extend(found.notes)
        self.notes.append(f"{self.dictionary.name}: {len(found):,} translations")
        return found.entries


def first_rows(name: str, source: Source, target: Tokenizer, aids: Aids, seed: int) -> Rows:
    """Rows of a target tokenizer by a registered initialiser.

    Raises:
        UsageError: it needs an aid that is not given.
    """
    initialise = registry.get("initialiser", name)
    return initialise(source, untruncated(target), aids.help(target, seed))


def refuse_random(made: Rows, name: str, counted: Mapping[str, int] | None = None) -> None:
    """Raise a ModelError if a method that should know better drew every row."""
    counts = made.counts() if counted is None else counted
    if not name.startswith("random.") and set(counts) <= {"random"}:
        raise ModelError(
            f"{name} could give no row but at random: the source knows none of the new tokens, nor "
            "the letters they are spelled with",
            remedy="give it more to go by (a dictionary, word vectors, text), or ask for "
            "--initialise random.v1",
        )

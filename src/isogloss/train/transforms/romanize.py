"""Other scripts in Latin letters."""

from __future__ import annotations

import numpy as np

from isogloss.corpus.records import Corpus
from isogloss.language import read_language
from isogloss.registry import register
from isogloss.train.transforms.apply import with_texts
from isogloss.vocabulary.romanise import SCRIPTS, romanise


@register("transform", "romanize.v1")
def romanize(corpus: Corpus, pivot: str, rng: np.random.Generator) -> Corpus:
    """Texts of scripts that have a map in Latin letters; the others as they are.

    Prefer it for a model that reads Latin alone, or to have names and loans meet across scripts.
    The tags stay. A tokenizer that spells in Latin itself (`scripts` of its algorithm) does the
    same for text that it is given later.
    Source: as in Purkayastha et al. (2023), Romanization-based Large-scale Adaptation of
    Multilingual Language Models, by letter instead of by uroman.

    Args:
        corpus: rows of any languages.
        pivot: not used.
        rng: not used.
    """
    found, done = {}, []
    for tag in map(str, corpus.languages):
        script = read_language(tag).script
        found[tag] = corpus.texts(tag)
        if script in SCRIPTS:
            found[tag] = romanise(found[tag], script)
            done.append(tag)
    note = f"{corpus.name}: {', '.join(done) or 'no language'} in Latin letters"
    return with_texts(corpus, found, None, note)

"""Code-switching between a language and its clone."""

from __future__ import annotations

import numpy as np

from isogloss.corpus.clone import clone_tag, spell
from isogloss.corpus.records import Corpus
from isogloss.language import read_language
from isogloss.registry import register
from isogloss.settings import Share
from isogloss.train.transforms.apply import with_texts
from isogloss.train.transforms.switch import units


@register("transform", "switch_clone.v1")
def switch_clone(
    corpus: Corpus, pivot: str, rng: np.random.Generator, *, share: Share = 0.3
) -> Corpus:
    """Words of the pivot exchanged for those of its clone, each with probability `share`.

    The clone of a language has its words in other letters, so that the dictionary of the two is
    whole and needs no file; other languages want `switch_words.v1`.
    Source: as the code-switched input of Li et al. (2024), PreAlign: Boosting Cross-Lingual
    Transfer by Early Establishment of Multilingual Alignment, in its study of English and a clone.

    Args:
        corpus: rows; other languages than the pivot stay as they are.
        pivot: canonical tag.
        rng: what is drawn from.
        share: of words that are exchanged.

    Raises:
        UsageError: a pivot that has no clone.
    """
    clone_tag(pivot)  # one that has none is told
    script, made, count = read_language(pivot).script, [], 0
    for text in corpus.texts(pivot):
        if text is None:
            made.append(None)
            continue
        parts, end = [], 0
        for start, stop in units(text, script):
            if rng.random() < share:
                parts += [text[end:start], spell(text[start:stop])]
                end, count = stop, count + 1
        made.append("".join([*parts, text[end:]]))
    texts = {str(tag): corpus.texts(tag) for tag in corpus.languages} | {pivot: made}
    note = f"{corpus.name}: {count} words of {pivot} switched to {clone_tag(pivot)}"
    return with_texts(corpus, texts, None, note)

"""A share of the pivot's words is spelled as in its clone; the rest stays."""

import numpy as np
import pytest

from isogloss.corpus.clone import spell
from isogloss.corpus.records import make_corpus
from isogloss.errors import UsageError
from isogloss.train.transforms.switch_clone import switch_clone


def test_a_share_of_words_is_switched_and_nothing_else():
    text = " ".join(f"w{chr(97 + i % 26)}, yes!" for i in range(200))
    rows = {"eng_Latn": [text, None], "deu_Latn": ["ja", "nein"]}
    corpus = make_corpus("m", ["a", "b"], rows)
    made = switch_clone(corpus, "eng_Latn", np.random.default_rng(0), share=0.3)
    before, after = text.split(), made.texts("eng")[0].split()
    pairs = list(zip(before, after, strict=True))
    assert all(b in (a, spell(a)) for a, b in pairs)
    assert 0.22 < np.mean([a != b for a, b in pairs]) < 0.38
    assert made.texts("eng")[1] is None and made.texts("deu") == rows["deu_Latn"]
    everything = switch_clone(corpus, "eng_Latn", np.random.default_rng(0), share=1.0)
    assert everything.texts("eng")[0] == spell(text)


def test_a_pivot_without_a_clone_is_refused():
    corpus = make_corpus("m", ["a", "b"], {"rus_Cyrl": ["да", "нет"]})
    with pytest.raises(UsageError, match="has no clone"):
        switch_clone(corpus, "rus_Cyrl", np.random.default_rng(0))

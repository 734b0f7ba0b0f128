"""Only scripts with a map are spelled anew."""

import numpy as np

from isogloss.corpus.records import make_corpus
from isogloss.train.transforms.romanize import romanize


def test_scripts_with_a_map_become_latin_and_others_stay():
    rows = {
        "eng_Latn": ["Sun", None],
        "ell_Grek": ["ήλιος", "θάλασσα"],
        "kat_Geor": ["მზე", "ზღვა"],
    }
    made = romanize(make_corpus("m", ["a", "b"], rows), "eng_Latn", np.random.default_rng(0))
    assert made.texts("ell_Grek") == ["ilios", "thalassa"]
    assert made.texts("eng_Latn") == rows["eng_Latn"]
    assert made.texts("kat_Geor") == rows["kat_Geor"]
    assert made.notes == ("m: ell_Grek in Latin letters",)

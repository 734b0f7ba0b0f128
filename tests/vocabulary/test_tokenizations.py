"""What every registered tokenization promises."""

from inspect import Parameter, signature

import numpy as np
import pytest

from isogloss import registry

TEXTS = ["red heart", "", "Grünes Herz", "字 é𐍈", "नमस्ते दुनिया", "a\u0301"]


@pytest.fixture(params=registry.names("tokenization"))
def tokenization(request):
    make = registry.get("tokenization", request.param)
    if any(p.default is Parameter.empty for p in signature(make).parameters.values()):
        pytest.skip("reads a file")
    return make()


def test_flags_and_places_fit_the_tokens(tokenization):
    cut = tokenization.cut(TEXTS)
    assert cut.lengths.shape == (len(TEXTS),) and cut.lengths.sum() == len(cut.ids)
    assert cut.lengths[1] == 0 and (cut.lengths[[0, 2, 3, 4, 5]] > 0).all()
    for flags in (cut.unknown, cut.partial):
        assert flags is None or (flags.shape == cut.ids.shape and flags.dtype == bool)
    if tokenization.size is not None:
        assert cut.ids.min() >= 0 and cut.ids.max() < tokenization.size
    if cut.begins is not None:
        sizes = np.repeat([len(text) for text in TEXTS], cut.lengths)
        assert cut.begins.shape == cut.ids.shape
        assert (cut.begins >= -1).all() and (cut.begins < sizes).all()


def test_texts_do_not_touch_each_other(tokenization):
    whole, parts = tokenization.cut(TEXTS), [tokenization.cut([text]) for text in TEXTS]
    assert whole.ids.tolist() == [i for part in parts for i in part.ids.tolist()]
    if whole.begins is not None:
        assert whole.begins.tolist() == [b for part in parts for b in part.begins.tolist()]
    assert tokenization.cut([]).lengths.shape == (0,)


def test_the_fingerprint_is_its_own(tokenization):
    others = [registry.get("tokenization", name) for name in registry.names("tokenization")]
    prints = [m().fingerprint for m in others if not signature(m).parameters]
    assert len(set(prints)) == len(prints) and len(tokenization.fingerprint) == 16

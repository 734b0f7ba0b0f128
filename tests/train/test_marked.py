"""Every word of both sentences is asked for, and both directions count."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from isogloss.encode.words import Split
from isogloss.train.marked import Frame, ask_words

FRAME = Frame([90], [91, 92])


class Code:
    """Tokens of the other sentence belong to the marked word whose ids are 40 from theirs."""

    outputs = ()

    def shares(self, outputs, batch):
        found = torch.zeros(len(batch["ids"]), dtype=torch.float64)
        bounds = [*batch["offsets"].tolist(), len(batch["ids"])]
        for start, stop in pairwise(bounds):
            ids, side = batch["ids"][start:stop], batch["side"][start:stop]
            a, b = torch.nonzero(ids == 90).ravel().tolist()
            wanted = {(i + 40) % 80 for i in ids[a + 1 : b].tolist()}
            sure = 0.8 if ids[ids < 90][0] < 40 else 0.4
            for at in torch.nonzero(side == 1).ravel().tolist():
                found[start + at] = sure * (int(ids[at]) in wanted)
        return found


MODULE = type("Module", (), {"eval": lambda s: None, "__call__": lambda s, batch, wanted: {}})()


def sentences(count=30, seed=0):
    rng = np.random.default_rng(seed)
    pairs, words, wanted = [], [], []
    for _ in range(count):
        n = int(rng.integers(1, 6))
        ids, word = rng.choice(40, n, False), np.sort(rng.integers(0, 4, n))
        order = rng.permutation(n)
        other = np.sort(rng.integers(0, 4, n))
        pairs.append((Split(ids, word), Split(ids[order] + 40, other)))
        words.append((4, 5))
        wanted.append(sorted({(int(word[i]), int(other[k])) for k, i in enumerate(order)}))
    return pairs, words, wanted


@pytest.mark.parametrize(("threshold", "all_of_them"), [(0.5, True), (0.65, False)])
def test_links_are_where_the_mean_of_both_directions_is_over_the_threshold(threshold, all_of_them):
    pairs, words, wanted = sentences()
    found, long = ask_words(MODULE, Code(), pairs, words, FRAME, longest=99, threshold=threshold)
    assert long == 0
    for links, gold in zip(found, wanted, strict=True):
        assert links.lengths == (4, 5)
        assert links.pairs == (gold if all_of_them else [])
        if all_of_them:
            np.testing.assert_allclose(links.scores, 0.6, rtol=1e-6)


def test_pairs_that_are_too_long_or_have_no_token_have_no_links():
    pairs, words, wanted = sentences()
    pairs[0] = (Split(np.arange(40), np.zeros(40, int)), pairs[0][1])
    pairs[1] = (Split(np.empty(0, int), np.empty(0, int)), pairs[1][1])
    found, long = ask_words(MODULE, Code(), pairs, words, FRAME, longest=20)
    assert long == 1 and found[0].pairs == [] and found[1].pairs == []
    assert [links.pairs for links in found[2:]] == wanted[2:]

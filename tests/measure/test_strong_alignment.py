"""Average precision in one pool of all languages equals its plain definition, and sees bias."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.encode.vectors import Vectors
from isogloss.errors import UsageError, VectorError
from isogloss.match.neighbours import unit
from isogloss.measure.catalogue import MEASURES
from isogloss.measure.clustered import clustered_mean
from isogloss.measure.strong_alignment import strong_alignment

STRONG, WEAK, BIAS = "strong_alignment_map", "weak_alignment_map", "language_bias"


def vectors(array, language, rows, total):
    return Vectors(
        array=array[rows], rows=np.asarray(rows), total=total, layer=1, pooling="mean",
        language=language, tokens=np.full(len(rows), 5), truncated=0,
        model_fingerprint="m", corpus_fingerprint="c",
    )  # fmt: skip


def world(seed=0, n=20, d=6, noise=0.6, apart=0.0, languages="abc"):
    """Noisy copies of the same meanings; `apart` is how far each stands out on its own axis."""
    rng = np.random.default_rng(seed)
    meaning = rng.normal(size=(n, d))
    made = {}
    for i, name in enumerate(languages):
        own = np.tile(apart * np.eye(len(languages))[i], (n, 1))
        made[name] = np.hstack([meaning + noise * rng.normal(size=(n, d)), own]).astype(np.float32)
    return made


def plain(queries, candidates, rows, own):
    """AP, weak AP and share of the own language in the top 5, item by item, by sorting."""
    pool = [(name, row) for name in candidates for row in rows[name]]
    found = {}
    for name in queries:
        for row in rows[name]:
            x = unit(queries[name][row][None])[0]
            allowed = [c for c in pool if own or c != (name, row)]
            scored = {c: float(x @ unit(candidates[c[0]][c[1]][None])[0]) for c in allowed}
            ranked = sorted(allowed, key=lambda c, s=scored: -s[c])
            hits = [i for i, c in enumerate(ranked) if c[1] == row]
            if not hits:
                continue
            strong = np.mean([(j + 1) / (i + 1) for j, i in enumerate(hits)])
            weak = []
            for other in candidates:
                alone = [c for c in ranked if c[0] == other]
                weak += [1 / (i + 1) for i, c in enumerate(alone) if c[1] == row]
            near = np.mean([c[0] == name for c in ranked[:5]])
            found[name, row] = strong, np.mean(weak), near
    return found


@pytest.mark.parametrize("tile", [0, 1, 7])
@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("missing", [False, True])
def test_it_equals_a_plain_ranking_of_questions_and_answers(tile, own, missing):
    questions, answers = world(0), world(0, noise=0.9)
    rows = {name: np.arange(i * 3 * missing, 20) for i, name in enumerate("abc")}
    sparse = [
        {k: vectors(v, k, rows[k], 20) for k, v in side.items()} for side in (questions, answers)
    ]
    found = strong_alignment(*sparse, own=own, k=5, tile=tile)
    expected = plain(questions, answers, rows, own)
    for name in "abc":
        outcomes = np.array([v for (language, _), v in expected.items() if language == name])
        for measure, value in zip((STRONG, WEAK, BIAS), outcomes.mean(0), strict=True):
            row = found.one(measure=measure, language=name)
            assert row.value == pytest.approx(value, abs=1e-6)
            assert row.n == len(outcomes) and row.n + sum(row.dropped.values()) == 20
    outcomes = np.array(list(expected.values()))
    clusters = np.array([row for _, row in expected])
    row = found.one(measure=STRONG, language=None)
    interval = clustered_mean(outcomes[:, 0], clusters)
    np.testing.assert_allclose([row.value, row.low, row.high], interval, atol=1e-6)


def test_sentences_seek_their_translations_and_never_themselves():
    given = world(noise=0.9)
    rows = dict.fromkeys("abc", np.arange(20))
    expected = plain(given, given, rows, own=False)
    found = strong_alignment(given, k=5)
    means = np.mean(list(expected.values()), 0)
    for measure, value in zip((STRONG, WEAK, BIAS), means, strict=True):
        assert found.one(measure=measure, language=None).value == pytest.approx(value, abs=1e-6)
    for row in found:
        assert row.measure in MEASURES and row.low <= row.value <= row.high


def test_languages_set_apart_are_weakly_aligned_and_not_strongly():
    together, apart = (
        strong_alignment(world(noise=0.1)),
        strong_alignment(world(noise=0.1, apart=6)),
    )
    for found, strong, weak in ((together, 0.95, 0.95), (apart, 0.0, 0.75)):
        assert found.one(measure=STRONG, language=None).value >= strong
        assert found.one(measure=WEAK, language=None).value >= weak
    assert apart.one(measure=STRONG, language=None).value < 0.3
    row = apart.one(measure=BIAS, language=None)
    assert row.value > 0.9 and row.settings["expected"] == pytest.approx(19 / 59, abs=1e-4)
    assert together.one(measure=BIAS, language=None).value < 0.5


@given(st.integers(0, 100))
def test_the_order_of_languages_and_of_items_does_not_matter(seed):
    given = world(seed)
    order = np.random.default_rng(seed).permutation(20)
    turned = {name: given[name][order] for name in "cab"}
    for measure in (STRONG, WEAK, BIAS):
        before, after = (
            strong_alignment(v).one(measure=measure, language="b").value for v in (given, turned)
        )
        assert before == pytest.approx(after, abs=1e-6)


def test_a_tie_is_above_and_ties_for_the_last_place_count_by_their_share():
    x = np.eye(3, dtype=np.float32)
    same = {"a": x[[0, 0]], "b": x[[0, 0]]}  # two items that cannot be told apart
    found = strong_alignment(same, k=1)
    assert found.one(measure=WEAK, language="a").value == 0.5
    assert found.one(measure=STRONG, language="a").value == pytest.approx(1 / 3)
    assert found.one(measure=BIAS, language="a").value == pytest.approx(1 / 3)


def test_queries_without_a_translation_are_counted():
    given = world()
    rows = {"a": range(20), "b": range(12), "c": range(5)}
    found = strong_alignment({k: vectors(v, k, rows[k], 20) for k, v in given.items()})
    assert found.one(measure=STRONG, language="a").dropped == {"no translation in the pool": 8}
    assert found.one(measure=STRONG, language="c").dropped == {"missing": 15}
    whole = found.one(measure=STRONG, language=None)
    assert whole.dropped == {"missing": 23, "no translation in the pool": 8} and whole.n == 29


def test_what_does_not_fit_is_refused():
    given = world()
    with pytest.raises(UsageError, match="k is 0"):
        strong_alignment(given, k=0)
    with pytest.raises(UsageError, match="candidates in"):
        strong_alignment(given, {k: given[k] for k in "ab"})
    with pytest.raises(VectorError, match="not the same corpus"):
        strong_alignment(given, {k: v[:9] for k, v in given.items()})
    with pytest.raises(VectorError, match="a: 0 queries have a translation"):
        strong_alignment(
            {"a": vectors(given["a"], "a", range(9), 20),
             "b": vectors(given["b"], "b", range(9, 20), 20)}
        )  # fmt: skip

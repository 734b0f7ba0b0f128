from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from isogloss.encode import encode_cached, load_encoder
from isogloss.encode.cache import cache_root
from isogloss.errors import OutputError, TruncationError

TEXTS = ["abc", None, "the cat sat", "b", "c" * 60]


class Counting:
    """An encoder that counts how often it is asked, and for which layers."""

    def __init__(self, inner):
        self.inner, self.asked = inner, []

    def __getattr__(self, name):
        return getattr(self.inner, name)

    def encode(self, texts, *, layers=None, **options):
        self.asked.append(tuple(layers))
        return self.inner.encode(texts, layers=layers, **options)


@pytest.fixture
def encoder(tiny):
    return Counting(load_encoder(tiny("bert")))


def same(a, b):
    assert a.keys() == b.keys()
    for layer in a:
        np.testing.assert_array_equal(a[layer].array, b[layer].array)
        np.testing.assert_array_equal(a[layer].rows, b[layer].rows)
        np.testing.assert_array_equal(a[layer].tokens, b[layer].tokens)
        assert a[layer].array.dtype == b[layer].array.dtype == np.float32
        for name in ("total", "layer", "pooling", "language", "truncated"):
            assert getattr(a[layer], name) == getattr(b[layer], name)
        for name in ("model_fingerprint", "corpus_fingerprint"):
            assert getattr(a[layer], name) == getattr(b[layer], name)


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_the_second_run_reads_what_the_first_gave(encoder, dtype):
    first = encode_cached(encoder, TEXTS, language="eng_Latn", layers=[0, 3], dtype=dtype)
    seen = []
    second = encode_cached(
        encoder, TEXTS, language="eng_Latn", layers=[0, 3], dtype=dtype, progress=seen.append
    )
    same(first, second)
    assert encoder.asked == [(0, 3)]
    assert sum(seen) == len(TEXTS)
    plain = encoder.inner.encode(TEXTS, language="eng_Latn")[3].array
    np.testing.assert_allclose(first[3].array, plain, rtol=2e-3 if dtype == "float16" else 0)


def test_only_what_lacks_is_made(encoder):
    def ask(layers, **options):
        encode_cached(encoder, TEXTS, language="eng_Latn", layers=layers, **options)

    ask([0])
    ask([0, 2])
    ask(None)
    ask([-1])
    ask([2], pooling="cls")
    encode_cached(encoder, TEXTS[:-1], language="eng_Latn", layers=[0])
    assert encoder.asked == [(0,), (2,), (3,), (2,), (0,)]


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "text", "rows"])
@pytest.mark.parametrize("name", ["layer-03.npy", "tokens.npy"])
def test_damaged_files_are_made_again(encoder, damage, name):
    first = encode_cached(encoder, TEXTS, language="eng_Latn")
    (file,) = cache_root().rglob(name)
    whole = file.read_bytes()
    file.write_bytes(
        {
            "flip": whole[:-40] + bytes([whole[-40] ^ 1]) + whole[-39:],
            "cut": whole[:-50],
            "empty": b"",
            "text": b"not an array",
            "rows": whole.replace(b"(4,", b"(3,"),
        }[damage]
    )
    same(first, encode_cached(encoder, TEXTS, language="eng_Latn"))
    assert len(encoder.asked) == 2
    assert file.read_bytes() == whole


def test_values_that_float16_cannot_hold_are_kept_in_float32(encoder):
    class Large(Counting):
        def encode(self, texts, **options):
            made = self.inner.encode(texts, **options)
            return {k: v.with_array(v.array * np.float32(scale)) for k, v in made.items()}

    for scale in (1e6, 1e-9):
        texts = [f"a {scale}", "b"]
        expected = encoder.inner.encode(texts, language="eng_Latn")[3].array * np.float32(scale)
        for _ in range(2):
            found = encode_cached(Large(encoder.inner), texts, language="eng_Latn")
            np.testing.assert_array_equal(found[3].array, expected)


def test_strict_refuses_from_the_cache_too(encoder):
    with pytest.raises(TruncationError):
        encode_cached(encoder, TEXTS, language="eng_Latn", strict=True)
    assert encode_cached(encoder, TEXTS, language="eng_Latn")[3].truncated == 1
    with pytest.raises(TruncationError):
        encode_cached(encoder, TEXTS, language="eng_Latn", strict=True)


def test_many_runs_may_share_it(encoder, tmp_path):
    def ask(_):
        return encode_cached(encoder, TEXTS, language="eng_Latn", layers=[0, 3], cache=tmp_path)

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(ask, range(8)))
    for result in results[1:]:
        same(results[0], result)
    assert not [file for file in tmp_path.rglob("*") if file.name.startswith(".")]


def test_a_cache_that_cannot_be_written_says_so(encoder, tmp_path):
    (tmp_path / "vectors").write_text("in the way")
    with pytest.raises(OutputError, match="ISOGLOSS_CACHE"):
        encode_cached(encoder, TEXTS, language="eng_Latn", cache=tmp_path)

"""Every text comes back; the longest morpheme is taken; useful ones get short codes."""

import gzip
import json
import random
import time
from itertools import product

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from isogloss.errors import CorpusError, UsageError
from isogloss.vocabulary.decompose import decompose
from isogloss.vocabulary.myte import GROUPS, Myte, _ranked, learn_myte, script_group

ACCENTS = "\u0301\u0302\u0323\u0308\u093c"
ODD = ACCENTS + "aeEéÉệẞßİıǅZA \n\0\x7f\ue000\U0010ffff👩🏽\u200d🚀कि中文walkingsтрава"
BOOK = Myte(
    {
        "latin": {2: ["ing", "alk"], 3: ["walk", "walking", "e\u0301te\u0301"], 4: ["walks in"]},
        "alphabets": {3: ["трав"]},
        "south": {2: ["க\u0bcd"]},
        "east": {2: ["中", "文"], 3: ["中文"]},
    }
)


@pytest.fixture(scope="module")
def corpus():
    from isogloss import read_corpus

    pytest.importorskip("emoji", reason="needs pip install isogloss[emoji]")
    return read_corpus("emoji?split=held-out", languages=["eng", "deu", "rus", "kor", "zho"])


@pytest.fixture(scope="module")
def learned(corpus):
    return learn_myte({tag: corpus.texts(tag) for tag in corpus.languages}, morphemes=400)


def plain_encode(myte, text):
    """The longest morpheme at every place of the whole decomposed text."""
    apart, data, at = decompose(text, myte.accents), b"", 0
    while at < len(apart):
        here = [m for m in myte.codes if apart.startswith(m, at)]
        piece = max(here, key=len, default=apart[at])
        data += myte.codes.get(piece) or piece.encode()
        at += len(piece)
    return data


@given(st.text() | st.text(ODD))
@example("e\u0301te\u0301 été Été ÉTÉ")
@example("=\u0338ing \u0301ing")
@settings(max_examples=300)
def test_every_text_comes_back(text):
    data = BOOK.encode(text)
    assert BOOK.decode(data) == text
    assert data == plain_encode(BOOK, text)


@given(text=st.text() | st.text(ODD))
def test_every_text_comes_back_from_what_was_learned(learned, text):
    assert learned.decode(learned.encode(text)) == text
    capitals = Myte({}, accents=False)
    assert capitals.decode(capitals.encode(text)) == text


def test_codes_are_those_of_the_layout():
    assert BOOK.encode("Walking ing") == b"A\x4a\x80\x81 \x42\x80"
    assert BOOK.encode("walks in中文文") == b"\x52\x80\x80\x80\x50\x80\x80\x48\x81"
    assert BOOK.encode("walk") == b"\x4a\x80\x80" and BOOK.encode("") == b""
    assert BOOK.encode("трава") == b"\x4c\x80\x80" + "а".encode()
    assert BOOK.encode("e\u0301") == b"eZ\xcc\x81" and BOOK.encode("é") == b"e\xcc\x81"
    many = Myte({"other": {3: [f"{'abcdefghij'[i // 100]}{i:03}" for i in range(1000)]}})
    assert many.codes["j999"] == bytes([0x51, 0x80 + 999 // 64, 0x80 + 999 % 64])


def test_other_texts_have_other_bytes(learned, corpus):
    texts = {t for tag in corpus.languages for t in corpus.texts(tag)}
    texts |= {t.upper() for t in texts} | {t.title() for t in texts}
    assert len(set(learned.encode_batch(texts))) == len(texts)
    assert all(learned.encode(text) == plain_encode(learned, text) for text in sorted(texts)[::50])


def test_every_language_gets_shorter(learned, corpus):
    for tag in corpus.languages:
        texts = corpus.texts(tag)
        plain = sum(len(text.encode()) for text in texts)
        assert sum(map(len, learned.encode_batch(texts))) < 0.97 * plain
    assert len(Myte({}).encode("Hund")) == 5  # a capital costs a byte where no morpheme pays for it


def test_learning_is_the_same_in_any_order_and_gives_each_language_its_say(corpus):
    english, german = corpus.texts("eng"), corpus.texts("deu")
    one = learn_myte({"eng": english, "deu": german}, morphemes=300)
    mixed = list(english)
    random.Random(0).shuffle(mixed)
    assert learn_myte({"deu": german, "eng": mixed}, morphemes=300) == one
    # As often as it may be repeated, a language has no more say.
    more = learn_myte({"eng": english * 8, "deu": german}, morphemes=300, dampening="types")
    same = learn_myte({"eng": english, "deu": german}, morphemes=300, dampening="types")
    assert more == same
    assert len(one.codes) <= 600


def test_more_worth_gets_a_shorter_code():
    pairs = product("abcdefghijklmnopqrstuvwxyz", repeat=2)
    worth = {f"{a}{b}xyz": 1 / (i + 1) for i, (a, b) in enumerate(pairs)}
    worth |= {"ab": 9.0, "abc": 8.0, "bcd": 1e-9}
    ranked = _ranked(worth)["latin"]
    assert ranked[2][0] == "abc" and len(ranked[2]) == 64  # "ab" would save nothing
    assert min(worth[m] for m in ranked[2]) > max(worth[m] for m in ranked[3])
    everything = {m for some in ranked.values() for m in some}
    assert everything == worth.keys() - {"ab", "bcd"}  # no two-byte code is left for "bcd"


@pytest.mark.parametrize(
    ("morpheme", "group"),
    [("lich", "latin"), ("e\u0301", "latin"), ("ция", "alphabets"), ("ων", "alphabets"),
     ("ال", "abjads"), ("ים", "abjads"), ("ों", "north"), ("கள்", "south"), ("ไทย", "south"),
     ("中", "east"), ("です", "east"), ("はノ中", "east"), ("한국", "east"), ("ዎች", "other"),
     ("aц", "common"), ("\u0301", "common")],
)  # fmt: skip
def test_groups_of_scripts(morpheme, group):
    assert script_group(morpheme) == group and group in GROUPS


@pytest.mark.parametrize(
    ("data", "offset"),
    [(b"ab\xff", 2), (b"abB", 2), (b"ab\x4a\x80", 2), (b"ab\x4a\x80\xbf", 2), (b"A1", 0),
     (b"aZb", 1), (b"xwalk", 1), (b"ab\xc3", 2), (b"\xc3\xa9", 0), (b"\xf4\x90\x80\x80", 0)],
)  # fmt: skip
def test_bytes_that_no_text_has(data, offset):
    with pytest.raises(CorpusError, match=f"at offset {offset} of {len(data)} bytes"):
        BOOK.decode(data)
    assert isinstance(BOOK.decode(data, strict=False), str)


@given(st.binary() | st.binary().map(lambda b: bytes(0x40 + x % 0x60 for x in b)))
@settings(max_examples=300)
def test_any_bytes_are_a_text_or_an_error(data):
    loose = BOOK.decode(data, strict=False)
    try:
        assert BOOK.encode(BOOK.decode(data)) == data and BOOK.decode(data) == loose
    except CorpusError:
        assert BOOK.encode(loose) != data


def test_half_a_surrogate_pair_is_no_text():
    with pytest.raises(UsageError, match=r"U\+D83D, at character 2"):
        BOOK.encode("ab\ud83d")


def test_ids_are_bytes_behind_three_special_tokens():
    [ids] = BOOK.ids(["walk"], end=True)
    assert ids == [0x4A + 3, 0x80 + 3, 0x80 + 3, 1]
    assert BOOK.text_of([0, *ids, 2, 300]) == "walk" and BOOK.text_of([0x4A + 3]) == "\ufffd"


def test_an_audit_counts_its_bytes(learned, corpus, tmp_path):
    from isogloss import registry
    from isogloss.vocabulary.audit import audit
    from isogloss.vocabulary.utf8_bytes import utf8_bytes

    learned.save(tmp_path / "m.json")
    both = [utf8_bytes(), registry.get("tokenization", "myte")(tmp_path / "m.json")]
    scores = audit(both, corpus, pivot="eng", languages=["kor"]).scores
    sizes = {}
    for tag, full in (("eng", "eng_Latn"), ("kor", "kor_Kore")):
        data = learned.encode_batch(corpus.texts(tag))
        sizes[tag] = sum(map(len, data))
        row = scores.one(measure="tokens_per_sentence", system="myte", language=full)
        assert row.value == pytest.approx(sizes[tag] / len(data)) and row.low < row.value < row.high
        assert row.model_fingerprint == learned.fingerprint
    premium = scores.one(measure="premium", system="myte", language="kor_Kore")
    assert premium.value == pytest.approx(sizes["kor"] / sizes["eng"])
    cut = BOOK.tokenization().cut(["walk", ""])
    assert cut.ids.tolist() == [0x4A, 0x80, 0x80] and cut.lengths.tolist() == [3, 0]


def test_transformers_reads_the_same_encoding(learned, corpus, tmp_path):
    from transformers import MyT5Tokenizer

    (tmp_path / "byte_maps.json").write_text(json.dumps(learned.byte_maps()), encoding="utf-8")
    theirs = MyT5Tokenizer(str(tmp_path / "byte_maps.json"))
    texts = [t.title() for tag in corpus.languages for t in corpus.texts(tag)[:20]]
    for text, ids in zip(texts, learned.ids(texts, end=True), strict=True):
        assert theirs(text).input_ids == ids


def test_a_file_keeps_it(learned, tmp_path):
    learned.save(tmp_path / "m.json")
    again = Myte.load(tmp_path / "m.json")
    assert again == learned and again.about["languages"] == learned.about["languages"]
    assert again.encode("Schöne Grüße") == learned.encode("Schöne Grüße")


def test_other_files_are_refused(tmp_path):
    file = tmp_path / "m.json"
    with pytest.raises(CorpusError, match="cannot be read"):
        Myte.load(file)
    BOOK.save(file)
    good = json.loads(file.read_text(encoding="utf-8"))
    wrong = [
        ({**good, "format": "x"}, "not a morphology-driven"), ([], "not a morphology-driven"),
        ({**good, "accents": False}, "changed since"),
        ({**good, "morphemes": {"latin": {"2": ["xyz"]}}}, "changed since"),
        ({**good, "morphemes": {"latin": {"2": ["é", "Abc"]}}}, "not apart"),
        ({**good, "morphemes": {"latin": {"2": ["ab"]}}}, "not longer than its code"),
        ({**good, "morphemes": {"latin": {"2": ["abc"], "3": ["abc"]}}}, "not longer|two codes"),
        ({**good, "morphemes": {"elvish": {"2": ["abc"]}}}, "no group of scripts"),
        ({**good, "morphemes": {"latin": {"2": [f"xy{i}" for i in range(65)]}}}, "65 morphemes"),
        ({**good, "morphemes": {"latin": {"5": ["abcdefg"]}}}, "changed since|5"),
        ({**good, "morphemes": {"latin": {"2": [3]}}}, "must be text"),
        ({**good, "morphemes": 3}, "not as Myte.save writes it"),
        ({"format": good["format"]}, "not as Myte.save writes it"),
    ]  # fmt: skip
    for state, message in wrong:
        file.write_text(json.dumps(state), encoding="utf-8")
        with pytest.raises(CorpusError, match=message):
            Myte.load(file)
    file.write_bytes(b"\xff{")
    with pytest.raises(CorpusError, match="not JSON"):
        Myte.load(file)


@pytest.mark.parametrize("texts", [{}, {"eng": []}, {"eng": ["12 !", None, ""]}])
def test_nothing_to_learn_from(texts):
    with pytest.raises(UsageError):
        learn_myte(texts)


def test_a_megabyte_is_a_matter_of_seconds(learned, corpus):
    texts = [t for tag in corpus.languages for t in corpus.texts(tag)] * 4
    start = time.process_time()
    data = learned.encode_batch(texts)
    middle = time.process_time()
    assert [learned.decode(each) for each in data] == texts
    megabytes = sum(len(text.encode()) for text in texts) / 1e6
    assert megabytes / (middle - start) > 0.3
    assert megabytes / (time.process_time() - middle) > 0.1


@pytest.mark.slow
def test_every_line_of_ntrex(learned, data):
    files = sorted((data / "ntrex128").glob("*.txt.gz"))
    assert len(files) > 100
    for file in files:
        with gzip.open(file, "rt", encoding="utf-8", newline="\n") as lines:
            for line in lines:
                assert learned.decode(learned.encode(line)) == line

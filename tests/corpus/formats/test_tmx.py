"""TMX: inline elements, several languages, what is left out, what is refused."""

import gzip

import pytest

from isogloss.corpus import read_corpus
from isogloss.corpus.bitext import Found, write_tmx
from isogloss.corpus.formats import tmx
from isogloss.errors import CorpusError, UnknownLanguage
from isogloss.language import read_language


def unit(name="", **texts):
    """A unit by language; the dashes of tags are written as underscores."""
    named = f' tuid="{name}"' if name else ""
    variants = "".join(
        f'<tuv xml:lang="{tag.replace("_", "-")}"><note>no text</note><seg>{text}</seg></tuv>\n'
        for tag, text in texts.items()
    )
    return f'<tu{named}><prop type="score">1</prop>{variants}</tu>\n'


def document(*units):
    head = '<?xml version="1.0"?>\n<!DOCTYPE tmx SYSTEM "tmx14.dtd">\n<tmx version="1.4">\n'
    body = '<header srclang="en"><note>no text</note></header>\n<body>\n' + "".join(units)
    return f"{head}{body}</body>\n</tmx>\n"


@pytest.fixture
def write(tmp_path):
    def place(*units, name="t.tmx"):
        (tmp_path / name).write_text(document(*units), encoding="utf-8")
        return tmp_path / name

    return place


TWO = (unit(de="ja", en="yes"), unit(de="nein", en="no"))


def test_what_write_tmx_writes_is_read_back(tmp_path):
    pairs = [Found(1.5, "3", "7", ' Ein <b> & "zwei"', "One <b> & 'two'"),
             Found(-0.25, "a:4", "b:1", "Glocke läutet\u2028", "A bell ]]> rings")]  # fmt: skip
    languages = read_language("zh-Hant"), read_language("bam")
    assert write_tmx(tmp_path / "t.tmx", *languages, pairs) == 0
    read = read_corpus(tmp_path / "t.tmx")
    assert read.languages == languages and read.ids == ["1", "2"] and not read.dropped
    assert read.texts(languages[0]) == [pair.source for pair in pairs]
    assert read.texts(languages[1]) == [pair.target for pair in pairs]


def test_codes_are_no_text_and_highlighted_text_is(write):
    marked = (
        '<bpt i="1">&lt;b></bpt>A <hi>very <hi type="x">big</hi></hi><ept i="1">&lt;/b></ept> '
        '<ph>{\\fn <sub>see <ph>\\i</ph>below</sub>}</ph>dog<it pos="begin">x</it> '
        "&amp; <![CDATA[<cat>]]><ut>\\par</ut>"
    )
    corpus = read_corpus(write(unit(en=marked, de="Hund"), TWO[0]))
    assert corpus.texts("eng") == ["A very big dog & <cat>", "yes"]
    [note] = [note for note in corpus.notes if "native codes" in note]
    assert note.endswith("1 bpt, 1 ept, 1 it, 2 ph, 1 sub, 1 ut")


def test_several_languages_a_unit(write, monkeypatch):
    monkeypatch.setattr(tmx, "ROWS", 2)  # languages that come late are missing in whole blocks
    more = unit(fr="non", sw="hapana"), unit(de="und", fr="et", sw="na")
    path = write(*TWO, *more)
    corpus = read_corpus(path)
    assert [str(x) for x in corpus.languages] == ["deu_Latn", "eng_Latn", "fra_Latn", "swh_Latn"]
    assert corpus.texts("fra") == [None, None, "non", "et"]
    assert corpus.texts("eng") == ["yes", "no", None, None]
    assert any("read as swh" in note for note in corpus.notes)
    few = read_corpus(path, languages=["fra", "deu"])
    assert not any("swh" in note for note in few.notes)
    some = read_corpus(path, languages=["sw", "fr"])
    assert some.texts("fra") == ["non", "et"] and some.ids == ["3", "4"]
    assert some.dropped == {"units without any of the languages asked for": 2}
    with pytest.raises(UnknownLanguage, match=r"t.tmx: 'hin' "):
        read_corpus(path, languages=["hin"])


def test_what_is_left_out_is_counted(write):
    twice = '<tu><tuv xml:lang="de"><seg>a</seg></tuv><tuv xml:lang="DE"><seg>b</seg></tuv>'
    twice += '<tuv lang="en"><seg>c</seg></tuv><tuv xml:lang="qq"><seg>d</seg></tuv></tu>\n'
    alone = unit(de="allein"), unit(de="leer", en="  "), unit(), "<tu><tuv><seg>a</seg></tuv></tu>"
    corpus = read_corpus(write(twice, *alone, *TWO))
    assert corpus.texts("deu") == ["a", "ja", "nein"] and corpus.texts("eng") == ["c", "yes", "no"]
    assert corpus.ids == ["1", "6", "7"]
    assert corpus.dropped == {
        "variants in a language that their unit had already": 1,
        "variants of xml:lang='qq', no language": 1,
        "variants without text": 1,
        "variants without xml:lang": 1,
        "units in one language only": 2,
        "units in no language": 2,
    }
    assert any("TMX, 7 units, 2 languages" in note for note in corpus.notes)


@pytest.mark.parametrize(
    ("names", "ids", "told"),
    [("ab", ["a", "b"], False), ("aa", ["1", "2"], True), (["a", ""], ["1", "2"], True)],
)
def test_ids_are_those_of_the_units_if_unique(write, names, ids, told):
    corpus = read_corpus(write(*(unit(name, de="a", en="b") for name in names)))
    assert corpus.ids == ids and any("tuid" in note for note in corpus.notes) == told


def test_breaks_become_a_space(write):
    corpus = read_corpus(write(unit(de="\n   ein\n\t Satz \n", en="a  sentence"), TWO[0]))
    assert corpus.texts("deu") == ["ein Satz", "ja"] and corpus.texts("eng")[0] == "a  sentence"
    assert any("1 segments had line breaks" in note for note in corpus.notes)


def test_regions_are_variants(write):
    corpus = read_corpus(write(*(unit(EN_us="color", en_GB="colour") for _ in range(2))))
    assert [str(x) for x in corpus.languages] == ["eng_Latn-US", "eng_Latn-GB"]


def test_gzip_and_utf16(tmp_path):
    text = document(unit(de="größer", en="more"), *TWO)
    (tmp_path / "a.tmx.gz").write_bytes(gzip.compress(text.encode()))
    utf16 = text.replace('"1.0"', '"1.0" encoding="UTF-16"').encode("utf-16")
    (tmp_path / "b.tmx").write_bytes(utf16)
    made = [read_corpus(tmp_path / name) for name in ("a.tmx.gz", "b.tmx")]
    assert made[0].texts("deu")[0] == "größer" and made[0].fingerprint == made[1].fingerprint


ENTITY = '<!DOCTYPE tmx [\n<!ENTITY {}>\n]>\n<tmx version="1.4"><body></body></tmx>'
BAD = {
    "malformed": (document(unit(de="a & b", en="c")), r"t.tmx:6: is not well-formed XML: .*\n"),
    "cut": (document(*TWO)[:200], r"t.tmx:\d+: is not well-formed XML: .*\n.*write it again"),
    "empty": ("", r"t.tmx:1: is not well-formed XML: no element found\n"),
    "another root": ("<html>\n</html>", r"t.tmx:1: is not TMX: it begins with <html>\n"),
    "an entity": (ENTITY.format('a "aaa"'), r"t.tmx:2: .* the entity 'a', which is refused\n"),
    "a file": (ENTITY.format('a SYSTEM "/etc/passwd"'), r"t.tmx:2: .* entity 'a'"),
    "a parameter": (ENTITY.format('% a SYSTEM "http://a/b"'), r"t.tmx:2: .* entity 'a'"),
    "unknown entity": (document(unit(de="a&nbsp;b", en="c")), r"t.tmx:6: .* entity 'nbsp'"),
    "no unit": (document(), r"t.tmx: has no unit with text in two languages \(it has no <tu>\)"),
    "one language": (document(unit(de="a")), r"\(1 units in one language only\)\n  each <tu>"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "message"), BAD.values(), ids=BAD)
def test_bad_files(tmp_path, content, message):
    (tmp_path / "t.tmx").write_text(content)
    with pytest.raises(CorpusError, match=message):
        read_corpus(tmp_path / "t.tmx")

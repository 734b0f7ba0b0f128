"""Words of parallel text: a planted dictionary is found again, all else stays and is counted."""

import numpy as np
import pytest

from isogloss.errors import CorpusError, UsageError
from isogloss.task.translate.cached import cached
from isogloss.task.translate.parallel import ParallelTranslator
from isogloss.task.translate.read import read_translator

WORDS = [f"w{chr(97 + i)}" for i in range(12)]


@pytest.fixture
def text(tmp_path):
    """Sentences of drawn words, and each word backwards in another order: a cipher of words."""
    rng = np.random.default_rng(0)
    rows = [rng.choice(WORDS, 4, replace=False).tolist() for _ in range(200)]
    turned = [[w[::-1] for w in rng.permutation(row)] for row in rows]
    for tag, side in (("eng", rows), ("deu", turned)):
        lines = "".join(" ".join(row) + "\n" for row in side)
        (tmp_path / f"{tag}.txt").write_text(lines, encoding="utf-8")
    return tmp_path


def test_every_word_of_a_cipher_is_found_in_both_directions(text):
    work = ParallelTranslator(str(text))
    asked = " ".join(WORDS).upper() + ", 12!"
    made = " ".join(word[::-1] for word in WORDS) + ", 12!"
    assert work.translate([asked], "en", "de") == [made]
    assert work.told == [{"word": 12, "word not in the dictionary": 0}] and work.calls == 1
    assert work.translate([made], "deu", "eng") == [asked.lower()]


def test_words_that_it_lacks_stay_and_are_counted(text):
    work = ParallelTranslator(str(text))
    assert work.translate(["wa unknown, wb", ""], "eng", "deu") == ["aw unknown, bw", ""]
    assert work.told[0] == {"word": 3, "word not in the dictionary": 1}


def test_copies_are_a_known_fault_and_not_refused(text, tmp_path):
    work = cached(read_translator(f"parallel:{text}?languages=eng,deu"), tmp_path / "kept")
    asked = [f"nothing known {i}" for i in range(50)]
    assert work.translate(asked, "eng", "deu") == asked


def test_other_text_is_another_translator(text):
    before = ParallelTranslator(str(text))
    file = text / "deu.txt"
    file.write_text(file.read_text(encoding="utf-8").replace("aw", "xw", 1), encoding="utf-8")
    after = ParallelTranslator(str(text))
    assert before.fingerprint != after.fingerprint
    assert ParallelTranslator(str(text), ["eng", "deu"]).fingerprint == after.fingerprint


def test_what_is_missing_is_named(text):
    work = ParallelTranslator(str(text))
    with pytest.raises(UsageError, match=r"has no fra_Latn"):
        work.translate(["wa"], "eng", "fra")
    with pytest.raises(UsageError, match="into itself"):
        work.translate(["wa"], "eng", "en")
    with pytest.raises(CorpusError, match="no such file"):
        read_translator("parallel:nowhere")
    (text / "deu.txt").write_text("\n" * 199 + "aw\n", encoding="utf-8")
    (text / "eng.txt").write_text("wa\n" + "\n" * 199, encoding="utf-8")
    with pytest.raises(UsageError, match="no row of both"):
        ParallelTranslator(str(text)).translate(["wa"], "eng", "deu")


def test_a_script_without_spaces():
    pytest.importorskip("emoji", reason="needs pip install isogloss[emoji]")
    work = read_translator("parallel:emoji?split=train&languages=eng,zho")
    assert work.translate(["red question mark"], "eng", "zho_Hans") == ["红问号"]

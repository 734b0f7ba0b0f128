"""The cache: nothing twice, nothing lost, nothing half."""

import json
import multiprocessing
import os
import signal
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isogloss.errors import OutputError, TranslatorError
from isogloss.task.translate.cached import Row, Shelf, cached
from isogloss.task.translate.check import Check, sums_of


class Upper:
    """Upper case, and a count of what it was asked."""

    name, batch = "upper", 3

    def __init__(self, fails_at=None, fingerprint="f" * 16):
        self.asked, self.fails_at, self.fingerprint = [], fails_at, fingerprint
        self.calls, self.told = 0, []

    def translate(self, texts, source, target):
        if self.fails_at is not None and self.calls >= self.fails_at:
            raise TranslatorError("it is down")
        self.calls += 1
        self.asked += texts
        self.told = [{"seen": 1} for _ in texts]
        return [text.upper() for text in texts]


TEXTS = ["a b", "c d", "", "a b", "e\nf\u2028", "г", "\x00 h"]


def test_texts_are_sent_once_and_known_after(tmp_path):
    first = cached(Upper(), tmp_path)
    assert first.translate(TEXTS, "eng", "deu") == [text.upper() for text in TEXTS]
    assert first.inner.asked == ["a b", "c d", "e\nf\u2028", "г", "\x00 h"]
    assert sums_of(first.told) == {"blank text": 1, "seen": 6}
    spent = first.spent
    assert (spent.texts, spent.characters, spent.hits) == (5, 14, 0)
    assert spent.calls == pytest.approx(2) and first.sent == 2 and spent.seconds > 0

    again = cached(Upper(), tmp_path)
    assert again.translate(TEXTS, "en", "de") == [text.upper() for text in TEXTS]
    assert again.inner.asked == [] and again.sent == 0 and again.told == first.told
    assert again.spent[:3] == pytest.approx(spent[:3]) and again.spent.hits == 5
    assert again.spent.seconds == pytest.approx(spent.seconds)  # what it cost when it was made


def test_another_direction_or_translator_shares_nothing(tmp_path):
    cached(Upper(), tmp_path).translate(["a"], "eng", "deu")
    for work, tags in ((Upper(), ("deu", "eng")), (Upper(), ("eng", "fra")),
                       (Upper(fingerprint="e" * 16), ("eng", "deu"))):  # fmt: skip
        cached(work, tmp_path).translate(["a"], *tags)
        assert work.asked == ["a"]


def test_work_before_a_failure_is_kept(tmp_path):
    broken = cached(Upper(fails_at=1), tmp_path)
    with pytest.raises(TranslatorError, match="down"):
        broken.translate(list("abcdefg"), "eng", "deu")
    resumed = cached(Upper(), tmp_path)
    shown = []
    assert resumed.translate(list("abcdefg"), "eng", "deu", progress=shown.append)
    assert resumed.inner.asked == list("defg") and shown == [3, 3, 1]
    assert resumed.spent.hits == 3


def test_a_refused_batch_is_not_kept(tmp_path):
    class Worse(Upper):
        def translate(self, texts, source, target):
            return ["english words" if text >= "d" else "большой дом" for text in texts]

    with pytest.raises(TranslatorError, match="not in rus_Cyrl"):
        cached(Worse(), tmp_path).translate(list("abcdef"), "eng", "rus")
    resumed = cached(Upper(), tmp_path, Check(wrong=1, copied=1))
    resumed.translate(list("abcdef"), "eng", "rus")
    assert resumed.inner.asked == list("def")


def test_empty_translations_are_asked_for_again(tmp_path):
    class Mute(Upper):
        def translate(self, texts, source, target):
            return ["" if text == "b" else text.upper() for text in texts]

    work = cached(Mute(), tmp_path)
    assert work.translate(["a", "b"], "eng", "deu") == ["A", ""]
    assert sums_of(work.told) == {"empty translation": 1}
    again = cached(Upper(), tmp_path)
    assert again.translate(["a", "b"], "eng", "deu") == ["A", "B"] and again.inner.asked == ["b"]


def shelf_of(tmp_path):
    return tmp_path / ("f" * 16) / "eng_Latn-deu_Latn.jsonl"


def test_every_torn_end_is_passed_over(tmp_path):
    cached(Upper(), tmp_path).translate(["aa", "bb"], "eng", "deu")
    whole = shelf_of(tmp_path).read_bytes()
    start = whole.index(b"\n") + 1
    for end in range(start, len(whole)):
        shelf_of(tmp_path).write_bytes(whole[:end])
        work = cached(Upper(), tmp_path)
        assert work.translate(["bb", "aa", "cc"], "eng", "deu") == ["BB", "AA", "CC"]
        assert work.inner.asked == ["bb", "cc"]
        after = cached(Upper(), tmp_path)
        assert after.translate(["bb", "aa", "cc"], "eng", "deu") == ["BB", "AA", "CC"]
        assert after.inner.asked == [] and after.damaged <= 1


@given(st.lists(st.binary(max_size=40), max_size=4))
def test_rubbish_in_the_file_is_no_translation(lines):
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.jsonl"
        path.write_bytes(b"\n".join(lines))
        shelf = Shelf(path)
        shelf.refresh()
        shelf.add({"a": Row("A", {}, 1, 0.5)})
        fresh = Shelf(path)
        fresh.refresh()
        assert fresh.rows["a"] == Row("A", {}, 1.0, 0.5)


def test_the_first_translation_counts_for_all(tmp_path):
    one, other = Shelf(tmp_path / "x.jsonl"), Shelf(tmp_path / "x.jsonl")
    one.add({"a": Row("first", {}, 1, 1)})
    other.add({"a": Row("second", {}, 1, 1), "b": Row("B", {}, 1, 1)})
    one.refresh()
    assert one.rows == other.rows and one.rows["a"].translation == "first"
    assert len((tmp_path / "x.jsonl").read_text().splitlines()) == 2


def _write(path, name):
    shelf = Shelf(path)
    for i in range(60):
        shelf.add({f"{name}{i}": Row("x" * 500, {}, 1, 1), f"both{i}": Row(name, {}, 1, 1)})


def test_processes_write_side_by_side(tmp_path):
    path = tmp_path / "x.jsonl"
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_write, args=(path, name)) for name in "abc"]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    lines = path.read_text().splitlines()
    assert len(lines) == 4 * 60 and len({json.loads(line)["text"] for line in lines}) == 4 * 60
    shelf = Shelf(path)
    shelf.refresh()
    assert shelf.damaged == 0 and len(shelf.rows) == 240


def _slowly(folder):
    class Slow(Upper):
        batch = 1

        def translate(self, texts, source, target):
            time.sleep(0.01)
            return super().translate(texts, source, target)

    cached(Slow(), folder).translate([f"text {i}" for i in range(500)], "eng", "deu")


@pytest.mark.skipif(sys.platform == "win32", reason="kills as Unix does")
def test_killed_and_resumed(tmp_path):
    worker = multiprocessing.get_context("fork").Process(target=_slowly, args=(tmp_path,))
    worker.start()
    limit = time.monotonic() + 20
    while not (shelf_of(tmp_path).is_file() and shelf_of(tmp_path).stat().st_size > 2000):
        assert time.monotonic() < limit
        time.sleep(0.01)
    os.kill(worker.pid, signal.SIGKILL)
    worker.join()
    work = cached(Upper(), tmp_path)
    texts = [f"text {i}" for i in range(500)]
    assert work.translate(texts, "eng", "deu") == [text.upper() for text in texts]
    assert 0 < work.spent.hits < 500 and work.spent.hits + len(work.inner.asked) == 500


def test_a_folder_that_cannot_be(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cache of translations"):
        cached(Upper(), tmp_path / "file").translate(["a"], "eng", "deu")


def test_the_usual_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("ISOGLOSS_CACHE", str(tmp_path))
    cached(Upper()).translate(["a"], "eng", "deu")
    assert shelf_of(tmp_path / "translations").is_file()

"""Bars show what they are told beside the time left; elsewhere nothing is in the way."""

import sys

from isogloss.progress import bars, silent


def test_a_bar_shows_the_last_text(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "150")
    with bars() as start:
        advance = start("a: train", 3)
        advance(1, "loss 2.5, 1,000 tokens/s")
        advance(1)
        advance(1, "loss [b]0.5, 900 tokens/s")
    shown = capsys.readouterr().err
    assert "a: train" in shown and "3/3" in shown and "0:00:0" in shown
    assert "loss [b]0.5, 900 tokens/s" in shown


def test_where_nobody_looks_texts_go_nowhere(capsys):
    silent("a", 2)(1, "text")
    with bars() as start:
        start("b", 1_000)(1, "text")
    assert capsys.readouterr() == ("", "b (1,000)\n")

"""The peak of a stretch is its own, whatever came before it and lies in it."""

import ctypes
import gc
import sys
import threading
from types import SimpleNamespace

import pytest

from isogloss import memory
from isogloss.memory import memory_told, peak_memory, process_peak

MEGA = 1 << 20


def fill(megabytes):
    """So much memory, every page of it touched; it is given back when it is let go."""
    held = bytearray(megabytes * MEGA)
    held[:: 1 << 12] = b"x" * len(range(0, len(held), 1 << 12))
    return held


def kernel():
    with peak_memory() as peak:
        pass
    return peak.how == "high-water mark"


exact = pytest.mark.skipif(not kernel(), reason="the kernel does not set its mark back here")


@exact
def test_a_peak_that_is_over_still_counts_and_is_not_that_of_the_next():
    with peak_memory() as first:
        del (held := [fill(96)])[0]
    with peak_memory() as second:
        held = fill(16)
    del held
    assert 90 * MEGA < first.added < 120 * MEGA
    assert 12 * MEGA < second.added < 40 * MEGA


@exact
def test_a_stretch_in_another_does_not_hide_what_came_before_it():
    with peak_memory() as outer:
        del (held := [fill(96)])[0]
        with peak_memory() as inner:
            held.append(fill(16))
        with peak_memory() as after:
            held.append(fill(48))
    assert outer.added > 90 * MEGA > 40 * MEGA > inner.added > 12 * MEGA
    assert 44 * MEGA < after.added < 80 * MEGA


def test_stretches_that_look_alike_are_each_their_own():
    with peak_memory() as outer:
        with peak_memory(), peak_memory():
            pass
        held = fill(64)
    assert len(held) and memory._under_way == []
    assert outer.added is None or outer.added > 55 * MEGA


@exact
def test_the_peak_of_the_process_outlives_setting_back():
    del (held := [fill(160)])[0]
    before = process_peak()
    with peak_memory():
        pass
    assert held == [] and process_peak() >= before > 160 * MEGA


@exact
def test_a_stretch_that_fails_is_closed():
    with pytest.raises(KeyError), peak_memory():
        raise KeyError
    assert memory._under_way == []


def hold(megabytes, seconds=0.1):
    held = fill(megabytes)
    threading.Event().wait(seconds)
    return len(held)


def test_without_that_mark_memory_is_sampled(monkeypatch, tmp_path):
    monkeypatch.setattr(memory, "_SET_BACK", tmp_path / "nowhere" / "file")
    with peak_memory() as peak:
        hold(64)
    assert peak.how == "sampled" and 55 * MEGA < peak.added < 120 * MEGA
    assert "may be missed" in memory_told()


@exact
def test_an_order_that_does_nothing_is_noticed(monkeypatch, tmp_path):
    with peak_memory():
        pass
    monkeypatch.setattr(
        memory, "_SET_BACK", tmp_path / "taken"
    )  # it can be written, and that is all
    fill(96)
    with peak_memory() as peak:
        hold(32)
    assert peak.how == "sampled" and 25 * MEGA < peak.added < 60 * MEGA
    assert memory._under_way == []


def test_where_nothing_is_told_nothing_is_known(monkeypatch):
    monkeypatch.setattr(memory, "_status", lambda name: None)
    monkeypatch.setattr(memory, "_resident", lambda: None)
    with peak_memory() as peak:
        fill(8)
    assert peak.how == "unknown" and peak.added is None
    assert memory_told().startswith("not known")


glibc = pytest.mark.skipif(
    not sys.platform.startswith("linux") or not hasattr(ctypes.CDLL(None), "malloc_trim"),
    reason="this C library has no way to give memory back",
)


@exact
@glibc
def test_what_an_allocator_holds_does_not_hide_what_comes_after():
    """Blocks too small to be mapped alone, below one that stays: freed, they remain resident."""
    held = [b"x" * (64 << 10) for _ in range(1536)]
    above = b"x" * (64 << 10)
    del held
    with peak_memory() as peak:
        held = [b"x" * (64 << 10) for _ in range(1536)]
    assert len(held) == 1536 and len(above) == 64 << 10
    assert peak.added > 85 * MEGA


@exact
def test_what_garbage_holds_does_not_hide_what_comes_after():
    with peak_memory():
        pass  # what was garbage before is none of this
    gc.disable()
    try:
        cycle = [fill(96)]
        cycle.append(cycle)
        del cycle
        with peak_memory() as peak:
            gc.collect()
            held = fill(96)
    finally:
        gc.enable()
    assert len(held) and peak.added > 85 * MEGA


def test_memory_of_arrow_is_given_back_before_the_outermost_stretch_alone(monkeypatch):
    released = []
    pool = SimpleNamespace(release_unused=lambda: released.append(1))
    monkeypatch.setitem(sys.modules, "pyarrow", SimpleNamespace(default_memory_pool=lambda: pool))
    with peak_memory():
        before = len(released)
        with peak_memory():
            pass
    assert len(released) == before >= 1

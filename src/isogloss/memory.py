"""Peak memory of a stretch of work: what it added to the resident memory of this process.

Where the kernel lets its high-water mark be set back, as Linux does, that tells the peak. Elsewhere
resident memory is sampled, and the lifelong high-water mark is taken where it rose; where resident
memory cannot be read at all, nothing is known. Memory of other processes, such as a program that
translates, and of accelerators is not in it.
"""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

EVERY = 0.01  # seconds between samples
_SLACK = 16 << 20  # bytes by which a mark that was set back may exceed what is resident
_STATUS, _SET_BACK = Path("/proc/self/status"), Path("/proc/self/clear_refs")

How = Literal["high-water mark", "sampled", "unknown"]
_TOLD: dict[How, str] = {
    "high-water mark": "what was added to this process, by the kernel's high-water mark",
    "sampled": f"what was added to this process, sampled every {1000 * EVERY:.0f} ms, so that "
    "short peaks may be missed",
    "unknown": "not known: this system does not tell resident memory",
}


@dataclass(eq=False)
class Peak:
    """The peak of one stretch.

    Attributes:
        how: it was found.
        start: bytes that were resident when it began.
        top: most that were resident in it.
    """

    how: How
    start: int = 0
    top: int = 0

    @property
    def added(self) -> int | None:
        """Bytes over those of its beginning; None where the system cannot tell."""
        return None if self.how == "unknown" else max(0, self.top - self.start)

    def see(self, resident: int | None) -> None:
        """Take a reading."""
        self.top = max(self.top, resident or 0)


_under_way: list[Peak] = []  # stretches whose top the next setting back would forget
_settled = 0  # bytes that were resident after the last collection of garbage
_before = 0  # highest mark of this process before it was last set back


@contextmanager
def peak_memory() -> Generator[Peak]:
    """The peak of what is done inside, known once it is left; stretches may lie in each other.

    Freed memory is given back to the system before the outermost begins, since an allocator that
    holds it would hide as much of what comes after.
    """
    if not _under_way:
        _give_back()
    start = _set_back()
    if start is not None:
        peak = Peak("high-water mark", start, start)
        _under_way.append(peak)
        try:
            yield peak
        finally:
            peak.see(_status("VmHWM"))
            _under_way.remove(peak)
    else:
        with _sampled() as peak:
            yield peak


def memory_told() -> str:
    """What a peak is on this system, for people."""
    with peak_memory() as peak:
        pass
    return _TOLD[peak.how]


def process_peak() -> int:
    """Bytes that were resident at the peak of this process so far, marks set back included."""
    return max(_before, _lifelong())


def _set_back() -> int | None:
    """Bytes resident now, from which the mark rises anew; None where it cannot be set back."""
    global _before
    mark = _status("VmHWM")
    if mark is None:
        return None
    try:
        _SET_BACK.write_text("5\n", encoding="ascii")
    except OSError:
        return None
    _before = max(_before, mark)
    for peak in _under_way:
        peak.see(mark)
    resident, left = _status("VmRSS"), _status("VmHWM")
    if resident is None or left is None or left > resident + _SLACK:
        return None  # some sandboxes take the order and do nothing
    return resident


@contextmanager
def _sampled() -> Generator[Peak]:
    start, lifelong = _resident(), _lifelong()
    if start is None:
        yield Peak("unknown")
        return
    peak, done = Peak("sampled", start, start), threading.Event()

    def sample() -> None:
        while not done.wait(EVERY):
            peak.see(_resident())

    thread = threading.Thread(target=sample, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        done.set()
        thread.join()
        peak.see(_resident())
        if (top := _lifelong()) > lifelong:
            peak.see(top)


def _status(name: str) -> int | None:
    """Bytes that the kernel tells under a name."""
    try:
        for line in _STATUS.read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith(f"{name}:"):
                return 1024 * int(line.split()[1])
    except (OSError, ValueError, IndexError):
        pass
    return None


def _resident() -> int | None:
    """Bytes resident now."""
    if (told := _status("VmRSS")) is not None:
        return told
    try:
        import psutil

        return int(psutil.Process().memory_info().rss)
    except (ImportError, OSError):
        return None


def _lifelong() -> int:
    try:
        import resource
    except ImportError:
        return 0
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _give_back() -> None:
    """Have allocators give back what is free, and what garbage holds where much is held.

    A collection reads every object of the process, some 0.2 s of it, which is as long as a probe
    takes; so it is left out where no more is resident than after the last one.
    """
    global _settled
    _trim()
    if (now := _resident() or 0) > _settled + _SLACK:
        gc.collect()
        _trim()
        _settled = _resident() or 0
    else:
        _settled = min(_settled, now)


def _trim() -> None:
    if arrow := sys.modules.get("pyarrow"):
        arrow.default_memory_pool().release_unused()
    try:
        import ctypes

        ctypes.CDLL(None).malloc_trim(0)
    except (OSError, AttributeError, TypeError):
        pass  # not glibc

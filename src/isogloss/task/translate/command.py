"""Translation by a command that reads a line a text and writes a line a text."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from isogloss.errors import TranslatorError, UsageError
from isogloss.files import fingerprint, sha256_file
from isogloss.language import read_language
from isogloss.registry import register
from isogloss.task.translate.contract import check_texts, cut_lines, join_lines, pair

_SMALL = 2**20  # a file of that size at most is known by its bytes, a larger one by its size
_SHOWN = 400  # characters of what it said last
_AFTER = 5  # seconds to stop when asked to


@register("translator", "command.v1")
class CommandTranslator:
    """Translations of a program: lines on its standard input, lines on its standard output.

    In each argument `{source}` and `{target}` stand for canonical tags such as `deu_Latn`, and
    `{source_bcp47}` and `{target_bcp47}` for `de`. There is no shell. A text of several lines is
    sent line by line, without the blank ones, and put together again. The program is run once a
    call, so `batch` is large; what a batch has done is kept.

    Args:
        command: the program and its arguments.
        timeout: seconds that a run may take.
        batch: texts a run.
        version: anything that changes when the program does, and old translations should not
            stand. Files among the arguments are known by their content up to 1 MiB, by their size
            above.

    Raises:
        UsageError: no such program, or a setting that cannot be.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        timeout: float = 600.0,
        batch: int = 1000,
        version: str = "",
    ) -> None:
        if isinstance(command, str) or not command:
            raise UsageError(
                "a command is a list: the program, then its arguments",
                remedy='such as ["marian-decoder", "-c", "{source}-{target}.yml"]',
            )
        if timeout <= 0 or batch < 1:
            raise UsageError(f"timeout={timeout}, batch={batch}: numbers above 0 are needed")
        self._program = shutil.which(command[0])
        if self._program is None:
            raise UsageError(
                f"there is no program {command[0]!r}",
                remedy="give its path, or install it where PATH leads",
            )
        self.command, self.timeout, self.batch = tuple(command), timeout, batch
        self.name = f"command {Path(command[0]).name}"
        files = [_known_by(one) for one in (self._program, *command[1:])]
        self.fingerprint = fingerprint("command.v1", list(command), files, version)
        self.calls = 0

    def translate(self, texts: Sequence[str], source: str, target: str) -> list[str]:
        """See `Translator`.

        Raises:
            TranslatorError: the program fails, takes too long, writes another number of lines than
                it read, or something else than UTF-8.
        """
        source, target = pair(source, target)
        check_texts(texts)
        parts, lines = cut_lines(texts)
        if not lines:
            return list(texts)
        arguments = filled(self.command[1:], source, target)
        self.calls += 1
        done = self._run([str(self._program), *arguments], lines)
        if len(done) != len(lines):
            raise TranslatorError(
                f"{self.name} read {len(lines)} lines and wrote {len(done)}; the first, "
                f"{lines[0][:80]!r}, became {(done or [''])[0][:80]!r}",
                remedy="it must write one line for each that it reads, in order; check that it "
                "writes nothing else on its standard output",
            )
        return join_lines(parts, done)

    def _run(self, arguments: list[str], lines: Sequence[str]) -> list[str]:
        given = "".join(f"{line}\n" for line in lines).encode()
        try:
            # A session of its own, so that what it starts ends with it.
            process = subprocess.Popen(
                arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise TranslatorError(
                f"{self.name} cannot be started: {error.strerror or error}",
                remedy="check that it is a program for this machine",
            ) from error
        try:
            out, said = process.communicate(given, timeout=self.timeout)
        except subprocess.TimeoutExpired:
            said = _stop(process)
            raise TranslatorError(
                f"{self.name} took more than {self.timeout:g} s for {len(lines)} lines"
                + _last(said),
                remedy="give it more time or fewer texts at once: "
                f"command?timeout={2 * self.timeout:g}&batch={max(1, self.batch // 2)}:PROGRAM ...",
            ) from None
        except BaseException:
            _stop(process)
            raise
        if process.returncode:
            raise TranslatorError(
                f"{self.name} ended with status {process.returncode}{_last(said)}",
                remedy=f"run it by hand: {' '.join(arguments)}",
            )
        try:
            text = out.decode()
        except UnicodeDecodeError as error:
            raise TranslatorError(
                f"{self.name} wrote something else than UTF-8, at byte {error.start}",
                remedy="set its output to UTF-8, or LC_ALL to C.UTF-8",
            ) from None
        found = text.split("\n")
        if found[-1] == "":
            found.pop()
        return [line.removesuffix("\r") for line in found]


def filled(arguments: Sequence[str], source: str, target: str) -> list[str]:
    """Arguments with the languages put in."""
    names: Mapping[str, str] = {
        "{source}": source,
        "{target}": target,
        "{source_bcp47}": read_language(source).bcp47,
        "{target_bcp47}": read_language(target).bcp47,
    }
    made = []
    for one in arguments:
        for name, value in names.items():
            one = one.replace(name, value)
        made.append(one)
    return made


def _stop(process: subprocess.Popen[bytes]) -> bytes:
    """End a program and all it started; what it said on standard error."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        try:
            return process.communicate(timeout=_AFTER)[1] or b""
        except subprocess.TimeoutExpired:
            continue
        except ValueError:  # its pipes are closed already
            break
    return b""


def _last(said: bytes) -> str:
    text = said.decode(errors="replace").strip()
    return f"; it said: {text[-_SHOWN:]}" if text else ""


def _known_by(argument: str | None) -> str | int | None:
    path = Path(argument or "")
    try:
        if not path.is_file():
            return None
        size = path.stat().st_size
    except OSError:  # such as a name that is too long
        return None
    return sha256_file(path) if size <= _SMALL else size

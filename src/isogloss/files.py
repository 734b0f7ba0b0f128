"""Files that are whole or absent, and fingerprints of what is in them."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from isogloss.errors import IsoglossError, OutputError, UsageError

# How libraries say it that do not pass the number on: safetensors, and numpy's tofile.
_FULL = re.compile(r"[Nn]o space left|quota exceeded|\d+ requested and \d+ written")


@contextmanager
def atomic_write(path: str | Path, mode: str = "w") -> Generator[IO[Any]]:
    """Open a file that appears under its name only when the block ends without an error.

    Raises:
        OutputError: no space left, or the folder cannot be written; nothing is left behind. Errors
            of the block itself, such as one from reading another file, pass unchanged.
    """
    path = Path(path)
    with _reported(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    temporary = Path(name)
    encoding, newline = (None, None) if "b" in mode else ("utf-8", "\n")
    try:
        with (
            _reported(path, block=True),
            os.fdopen(handle, mode, encoding=encoding, newline=newline) as file,
        ):
            yield file
            with _reported(path):
                file.flush()
                os.fsync(file.fileno())
        with _reported(path):
            temporary.chmod(0o644)
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)  # after the replacement there is none


@contextmanager
def atomic_folder(path: str | Path) -> Generator[Path]:
    """Fill a folder that replaces `path` only when the block ends without an error.

    Raises:
        OutputError: as `atomic_write`.
    """
    path = Path(path)
    with _reported(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    aside = temporary.with_name(f"{temporary.name}.old")
    try:
        with _reported(path, block=True):
            yield temporary
        with _reported(path):
            temporary.chmod(0o755)
            for file in temporary.rglob("*"):  # safetensors leaves its files to their owner alone
                file.chmod(0o755 if file.is_dir() else 0o644)
            if path.exists():  # a folder cannot be renamed onto one that holds something
                path.replace(aside)
            try:
                temporary.replace(path)
            except OSError:
                if aside.exists():
                    aside.replace(path)
                raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.rmtree(aside, ignore_errors=True)


def refuse_file(path: str | Path) -> None:
    """Raise a `UsageError` where a folder is to be filled and a file is there."""
    if Path(path).exists() and not Path(path).is_dir():
        raise UsageError(f"{path} is a file", remedy="choose a folder with --out")


def write_json(path: str | Path, value: Any) -> None:
    """Write `value` as readable JSON, whole or not at all."""
    with atomic_write(path) as file:
        json.dump(value, file, ensure_ascii=False, indent=1, allow_nan=False)
        file.write("\n")


def fingerprint(*parts: Any) -> str:
    """16 hex digits that name a value: sha256 over the canonical JSON of `parts`.

    Raises:
        TypeError: a part is neither JSON nor a single thing whose `str` names it, as that of a
            path or a language does.
    """
    text = json.dumps(
        parts, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=_faithful
    )
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _faithful(part: Any) -> str:
    # A set has no order, a long array prints with gaps, and object's own text is an address.
    if isinstance(part, Iterable) or type(part).__str__ is object.__str__:
        raise TypeError(f"a {type(part).__name__} has no text that names it: {part!r}")
    return str(part)


def fingerprint_texts(texts: Iterable[str | None]) -> str:
    """16 hex digits that name a sequence of texts; a missing text differs from an empty one."""
    digest = hashlib.sha256()
    for text in texts:
        if text is None:
            digest.update(b"\xff\xff")
        else:
            data = text.encode()
            digest.update(len(data).to_bytes(8, "little"))
            digest.update(data)
    return digest.hexdigest()[:16]


def sha256_file(path: str | Path) -> str:
    """The sha256 of a file's bytes, as 64 hex digits."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _reported(path: Path, *, block: bool = False) -> Generator[None]:
    """Errors of writing as `OutputError`; around a caller's block, only those that say they are."""
    try:
        yield
    except IsoglossError:
        raise
    except Exception as error:
        number = getattr(error, "errno", None)
        if number in (errno.ENOSPC, errno.EDQUOT) or _FULL.search(str(error)):
            raise OutputError(
                "no space left on the device; nothing was half-written",
                file=path,
                remedy="free some space or choose another --out, then run the same command again",
            ) from error
        if isinstance(error, OSError) and (not block or number in (errno.EFBIG, errno.EROFS)):
            raise OutputError(
                f"cannot be written: {error.strerror or error}",
                file=path,
                remedy="choose a folder you can write to with --out",
            ) from error
        raise

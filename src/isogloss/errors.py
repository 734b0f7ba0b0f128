"""Everything Isogloss raises on purpose.

IsoglossError
├── UsageError              a call or a setting that cannot work
│   ├── SettingsError       one or more problems in settings, all reported at once
│   ├── UnknownName         a registered name that does not exist
│   └── MissingExtra        an optional package is not installed
├── LanguageError
│   ├── UnknownLanguage     no such tag, or not in this corpus
│   └── AmbiguousLanguage   a tag that could mean several languages
├── CorpusError             a file that cannot be read as what it claims to be
├── ModelError              a model folder that is incomplete, unsafe or absent
├── NetworkRefused          something would need the network and was not allowed to
├── VectorError             vectors that are not numbers, or do not fit together
├── TruncationError         strict mode: a text is longer than the model's window
├── TranslatorError         a translator that fails, or gives what is no translation
├── TrainingError           training cannot go on (loss is not a number, collapse ...)
└── OutputError             an output folder that cannot or must not be written
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path


class IsoglossError(Exception):
    """What went wrong, where, and what to do about it.

    Args:
        message: what was asked and why it cannot be done.
        file: the file it is about.
        line: the line in that file, counted from 1.
        remedy: what the user can do now.
    """

    exit_code = 1

    def __init__(
        self,
        message: str,
        *,
        file: str | Path | None = None,
        line: int | None = None,
        remedy: str | None = None,
    ) -> None:
        self.message, self.file, self.line, self.remedy = message, file, line, remedy
        where = "" if file is None else f"{file}:{line}: " if line is not None else f"{file}: "
        super().__init__(where + message + (f"\n  {remedy}" if remedy else ""))


class UsageError(IsoglossError):
    """A call or a setting that cannot work."""

    exit_code = 2


class SettingsError(UsageError):
    """One or more problems in settings, each with its path.

    Args:
        problems: one line a problem, such as `train.steps: must be at least 1`.
        file: the settings file, if they came from one.
        line: the line in it, where there is one.
    """

    def __init__(
        self, problems: Sequence[str], *, file: str | Path | None = None, line: int | None = None
    ) -> None:
        self.problems = tuple(problems)
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        super().__init__(
            f"{count} in the settings:" + "".join(f"\n  - {problem}" for problem in problems),
            file=file,
            line=line,
        )


class UnknownName(UsageError):
    """A registered name that does not exist."""


class MissingExtra(UsageError):
    """An optional package is not installed.

    Args:
        package: what could not be imported.
        extra: the extra of Isogloss that brings it.
        purpose: what it is needed for.
    """

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(
            f"{purpose} needs the package {package!r}, which is not installed",
            remedy=f'install it with: pip install "isogloss[{extra}]"',
        )


class LanguageError(IsoglossError):
    """A language tag that cannot be used."""

    exit_code = 2


class UnknownLanguage(LanguageError):
    """No such tag, or no such language in this corpus."""


class AmbiguousLanguage(LanguageError):
    """A tag that could mean several languages."""


class CorpusError(IsoglossError):
    """A file that cannot be read as what it claims to be."""


class ModelError(IsoglossError):
    """A model folder that is incomplete, unsafe or absent."""


class NetworkRefused(IsoglossError):
    """Something would need the network and was not allowed to."""


class VectorError(IsoglossError):
    """Vectors that are not numbers, or that do not fit together."""


class TruncationError(IsoglossError):
    """Strict mode: a text is longer than the model's window."""


class TranslatorError(IsoglossError):
    """A translator that fails, or gives what is no translation."""


class TrainingError(IsoglossError):
    """Training cannot go on."""


class OutputError(IsoglossError):
    """An output folder that cannot or must not be written."""


@contextmanager
def located(where: str) -> Generator[None]:
    """Put before the message of an error which factor of a recipe it is about."""
    try:
        yield
    except IsoglossError as error:
        if type(error).__init__ is not IsoglossError.__init__:  # it has problems of its own
            raise
        raise type(error)(
            f"{where}: {error.message}", file=error.file, line=error.line, remedy=error.remedy
        ) from error

"""Moses files: `corpus.deu` beside `corpus.eng`, named by what they share."""

from __future__ import annotations

from pathlib import Path

from isogloss.corpus.formats.lines import read_parallel
from isogloss.corpus.records import Corpus
from isogloss.corpus.spec import LANGUAGE, Spec
from isogloss.errors import CorpusError, LanguageError
from isogloss.language import Language, read_language
from isogloss.registry import register


def accepts(spec: Spec) -> int:
    """Surely when nothing has the name itself and files have it as their beginning."""
    if LANGUAGE in spec.text or (spec.path.exists() and spec.files):
        return 0
    return 2 if _files(spec.path) else 0


@register("format", "moses.v1")
def read(spec: Spec, about: dict[str, object]) -> Corpus:
    """Read `news.deu` and `news.eng` as `news`, or as their folder if nothing else lies there.

    Raises:
        CorpusError: several sets of files in the folder, or different numbers of lines.
    """
    sets = _files(spec.path)
    if len(sets) != 1:
        names = ", ".join(sorted(sets)) or "none"
        raise CorpusError(
            f"one set of files named by languages is needed; there are: {names}",
            file=spec.text,
            remedy="name one set by what its files share, such as folder/news for news.deu",
        )
    [(about["name"], files)] = sets.items()
    return read_parallel(spec.choose(files), spec, about)


def _files(path: Path) -> dict[str, dict[Language, list[Path]]]:
    """The files of each set by language; a path that is not a folder is the name of one set."""
    folder = path if path.is_dir() else path.parent
    sets: dict[str, dict[Language, list[Path]]] = {}
    for file in sorted(folder.iterdir()) if folder.is_dir() else ():
        stem, _, tag = file.name.removesuffix(".gz").rpartition(".")
        if not stem or not file.is_file() or (folder != path and stem != path.name):
            continue
        try:
            language = read_language(tag)
        except LanguageError:
            continue
        if language in (there := sets.setdefault(stem, {})):
            raise CorpusError(
                f"{file.name} and {there[language][0].name} are both {language}",
                file=file,
                remedy="remove one of them",
            )
        there[language] = [file]
    return {stem: files for stem, files in sets.items() if len(files) > 1}

"""Text of several languages that need not say the same: lines per language."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from isogloss.corpus import read_corpus
from isogloss.corpus.spec import LANGUAGE, Spec, parse
from isogloss.corpus.text_files import read_lines
from isogloss.errors import CorpusError
from isogloss.language import read_language

PLAIN = (".txt", "")


class Monolingual(NamedTuple):
    """Lines by the tag of their language.

    Attributes:
        texts: canonical tag to lines, blank ones left out.
        notes: what the reader decided or noticed.
        dropped: counts of what was left out, by reason.
    """

    texts: dict[str, list[str]]
    notes: list[str]
    dropped: dict[str, int]


def read_monolingual(
    path: str | Path, *, languages: list[str] | None = None, network: bool = False
) -> Monolingual:
    """Read the lines of each language from wherever they lie.

    Plain files, a folder of them or a pattern with `{language}`, may have different numbers of
    lines. One file is the text of the one language that is asked for. All else is read as parallel
    text, see `read_corpus`.

    Args:
        path: where the text is.
        languages: those to read; all that are there by default.
        network: allow the network for `hf:` names.

    Raises:
        CorpusError: text that cannot be read, or a language without any.
        UnknownLanguage: a language that is not there.
    """
    spec = parse(path, languages)
    files = _plain_files(spec)
    if files is None:
        corpus = read_corpus(path, languages=languages, network=network)
        columns = {str(tag): corpus.texts(tag) for tag in corpus.languages}
        notes, dropped = list(corpus.notes), dict(corpus.dropped)
    else:
        columns = {
            tag: [line for file in each for line in read_lines(file, spec.notes)]
            for tag, each in files.items()
        }
        notes, dropped = spec.notes, spec.dropped
    texts = {tag: [t for t in lines if t and t.strip()] for tag, lines in columns.items()}
    if empty := [tag for tag, lines in texts.items() if not lines]:
        raise CorpusError(
            f"{', '.join(empty)} has no text at all",
            file=spec.text,
            remedy="leave the language out, or check its file",
        )
    blank = sum(map(len, columns.values())) - sum(map(len, texts.values()))
    return Monolingual(texts, notes, dropped | ({"blank lines": blank} if blank else {}))


def _plain_files(spec: Spec) -> dict[str, list[Path]] | None:
    """The files of each language if they are lines of text; None for everything else."""
    if set(spec.options) - {"licence"}:
        return None
    if spec.path.is_file() and LANGUAGE not in spec.text:
        one = spec.wanted is not None and len(spec.wanted) == 1
        plain = Path(spec.path.name.removesuffix(".gz")).suffix in PLAIN
        return {str(read_language(str(spec.wanted[0]))): [spec.path]} if one and plain else None
    if not spec.files or spec.suffix not in PLAIN:
        return None
    return {str(tag): files for tag, files in spec.choose(spec.files).items()}

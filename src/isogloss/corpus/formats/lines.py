"""One file a language, line i of every file the same sentence (NTREX, FLORES, Moses)."""

from __future__ import annotations

from isogloss.corpus.records import Corpus, make_corpus
from isogloss.corpus.spec import Spec, language_files
from isogloss.corpus.text_files import read_lines
from isogloss.errors import CorpusError
from isogloss.registry import register


@register("format", "lines.v1")
def read(spec: Spec, about: dict[str, object]) -> Corpus:
    """Read n-way lines; an empty line is a missing sentence, and ids are line numbers from 1.

    Raises:
        CorpusError: files with different numbers of lines, both named.
    """
    texts, first = {}, None
    for language, files in spec.choose(language_files(spec)).items():
        lines = [line for file in files for line in read_lines(file, spec.notes)]
        if first is not None and len(lines) != first[1]:
            raise CorpusError(
                f"has {len(lines)} lines, but {first[0].name} has {first[1]}",
                file=files[0],
                line=min(len(lines), first[1]) + 1,
                remedy="n-way files need one line a sentence; leave a missing one empty",
            )
        first = first or (files[0], len(lines))
        texts[language] = lines
    count = first[1] if first else 0
    return make_corpus(str(about.pop("name")), [str(i + 1) for i in range(count)], texts, **about)

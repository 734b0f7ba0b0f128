"""Text that comes with a package, which labels elsewhere are about."""

from __future__ import annotations

from typing import Any

from isogloss.corpus import read_corpus
from isogloss.corpus.spec import EMBEDDED, Spec
from isogloss.registry import register
from isogloss.task.examples import TEXT, Shape
from isogloss.task.readers.found import Found

OPTIONS = ("split",)
NAMES_COLUMNS = False


def accepts(spec: Spec, shape: Shape) -> int:
    """Surely for the name of such text, where examples are texts."""
    return 3 if spec.text in EMBEDDED and shape == TEXT and not spec.path.exists() else 0


@register("examples", "corpus.v1")
def read(spec: Spec, shape: Shape) -> Found:
    """Read one language of a text that `read_corpus` knows, without labels: `emoji?split=train`."""
    path = f"{spec.text}?split={split}" if (split := spec.options.get("split")) else spec.text
    [tag] = [str(one) for one in spec.wanted or ()]
    corpus = read_corpus(path, languages=[tag])
    columns: dict[str, list[Any]] = {"id": list(corpus.ids), "text": list(corpus.texts(tag))}
    return Found(columns)

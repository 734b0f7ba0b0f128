"""Whether two models mean the same tokens by the rows of their tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from isogloss.encode.folder import read_json
from isogloss.errors import ModelError

_FILE = "tokenizer.json"


def read_tokens(body: Path) -> dict[int, str] | None:
    """The token of each row, as `tokenizer.json` says it; None without that file.

    Raises:
        ModelError: the file cannot be read.
    """
    file = body / _FILE
    if not file.is_file():
        return None
    state = read_json(file)
    try:
        found = _vocabulary((state.get("model") or {}).get("vocab"))
        found |= {token["id"]: token["content"] for token in state.get("added_tokens") or ()}
    except (AttributeError, KeyError, TypeError) as error:
        raise ModelError(f"is not a tokenizer: {error!r}", file=file) from None
    return found


def _vocabulary(vocabulary: Any) -> dict[int, str]:
    """A table from names to ids, or the list of pieces that Unigram has."""
    if isinstance(vocabulary, dict):
        return {number: name for name, number in vocabulary.items()}
    return {number: piece for number, (piece, _) in enumerate(vocabulary or ())}


def compare_tokens(model: Path, base: Path) -> str | None:
    """Refuse models whose rows stand for other tokens; a sentence where one has tokens more.

    Args:
        model: the folder of its tokenizer.
        base: the same of the base.

    Raises:
        ModelError: rows that have another token in the one than in the other.
    """
    files = [folder / _FILE for folder in (model, base)]
    if all(file.is_file() for file in files) and files[0].read_bytes() == files[1].read_bytes():
        return None
    one, other = read_tokens(model), read_tokens(base)
    if one is None and other is None:
        return None
    if one is None or other is None:
        return f"tokens were not compared, as one of the two has no {_FILE}"
    unlike = [number for number in one if number in other and one[number] != other[number]]
    if unlike:
        number = unlike[0]
        raise ModelError(
            f"{len(unlike):,} rows stand for other tokens than in {base}, such as {number}: "
            f"{one[number]!r} and {other[number]!r}",
            file=model,
            remedy="give both one vocabulary first, by isogloss vocabulary replace or swap; or "
            "take the model of the table that you want as --base, and keep it by "
            "--graft 'NAME=BASE'",
        )
    if more := len(one.keys() ^ other.keys()):
        return f"{more:,} tokens are in one tokenizer alone; the base's is kept"
    return None

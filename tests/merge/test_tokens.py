"""Tables of the same height may still mean other tokens."""

from __future__ import annotations

import json

import pytest

from isogloss.errors import ModelError
from isogloss.merge.family import read_point
from isogloss.merge.plan import Asked, make_plan
from isogloss.merge.tokens import compare_tokens, read_tokens

from .conftest import tensors


def tokenizer(folder, names, added=()):
    folder.mkdir(exist_ok=True)
    listed = [{"id": len(names) + i, "content": name} for i, name in enumerate(added)]
    state = {"model": {"vocab": names}, "added_tokens": listed}
    (folder / "tokenizer.json").write_text(json.dumps(state), encoding="utf-8")
    return folder


def test_tables_and_lists_of_pieces_are_read(tmp_path):
    words = tokenizer(tmp_path / "a", {"the": 0, "cat": 1}, ["<s>"])
    pieces = tokenizer(tmp_path / "b", [["the", -1.0], ["cat", -2.0]], ["<s>"])
    assert read_tokens(words) == read_tokens(pieces) == {0: "the", 1: "cat", 2: "<s>"}
    assert compare_tokens(words, pieces) is None and read_tokens(tmp_path) is None
    assert compare_tokens(tmp_path, tmp_path) is None
    assert "not compared" in compare_tokens(words, tmp_path)
    more = tokenizer(tmp_path / "c", {"the": 0, "cat": 1}, ["<s>", "<t>"])
    assert compare_tokens(more, words).startswith("1 tokens are in one")
    (tmp_path / "tokenizer.json").write_text('{"model": {"vocab": 3}}')
    with pytest.raises(ModelError, match="not a tokenizer"):
        read_tokens(tmp_path)


def test_rows_of_other_tokens_are_refused_where_they_would_be_merged(save):
    base, other = (save(name, tensors(i), 130) for i, name in enumerate(("base", "other")))
    tokenizer(base.path, {"the": 0, "cat": 1, "sat": 2})
    tokenizer(other.path, {"the": 0, "sat": 1, "cat": 2})
    point = read_point("linear")
    with pytest.raises(ModelError, match="2 rows stand for other tokens") as error:
        make_plan([base, other], base, Asked(point))
    assert "isogloss vocabulary replace or swap" in str(error.value)
    make_plan([base, other], base, Asked(point, grafts=(("embed", base),)))
    with pytest.raises(ModelError, match="2 rows stand for other tokens"):
        make_plan([base], base, Asked(point, grafts=(("embed", other),)))
    tokenizer(other.path, {"the": 0, "cat": 1, "sat": 2, "mat": 3})
    plan = make_plan([base, other, other], base, Asked(point))
    assert plan.notes == ["other: 1 tokens are in one tokenizer alone; the base's is kept"]

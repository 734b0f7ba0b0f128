"""A learned tokenizer put into a model's place: the model's special tokens around its texts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from isogloss.vocabulary.pieces import unknown_name

if TYPE_CHECKING:
    from tokenizers import Tokenizer


def adopt_special(tokenizer: Tokenizer, model: Tokenizer) -> Tokenizer:
    """A copy with the special tokens of the model's tokenizer, put around texts as that does.

    Ids of what is there stay; special tokens that are missing come behind. The unknown token takes
    the name of the model's.
    """
    from tokenizers import AddedToken, Tokenizer

    state, theirs = json.loads(tokenizer.to_str()), json.loads(model.to_str())
    ours, unknown = unknown_name(state["model"]), unknown_name(theirs["model"])
    if ours is not None and unknown is not None:
        _rename(state, ours, unknown)
    state |= {"truncation": None, "padding": None, "post_processor": None}
    made = Tokenizer.from_str(json.dumps(state))
    special = [token["content"] for token in theirs["added_tokens"] if token["special"]]
    made.add_special_tokens([AddedToken(name, special=True, normalized=False) for name in special])
    state = json.loads(made.to_str())
    state["post_processor"] = _renumbered(theirs["post_processor"], made)
    return Tokenizer.from_str(json.dumps(state))


def _rename(state: dict[str, Any], old: str, new: str) -> None:
    model = state["model"]
    if model["type"] == "Unigram":
        model["vocab"][model["unk_id"]][0] = new
    else:
        model["unk_token"] = new
        model["vocab"] = {new if name == old else name: i for name, i in model["vocab"].items()}
    for token in state["added_tokens"]:
        token["content"] = new if token["content"] == old else token["content"]


def _renumbered(part: Any, tokenizer: Tokenizer) -> Any:
    """A post-processor with the ids that its tokens have in the tokenizer."""
    if isinstance(part, list):
        if len(part) == 2 and isinstance(part[0], str) and isinstance(part[1], int):
            return [part[0], tokenizer.token_to_id(part[0])]  # of BertProcessing and the like
        return [_renumbered(one, tokenizer) for one in part]
    if isinstance(part, dict):
        made = {key: _renumbered(value, tokenizer) for key, value in part.items()}
        if "ids" in part and "tokens" in part:
            made["ids"] = [tokenizer.token_to_id(name) for name in part["tokens"]]
        return made
    return part

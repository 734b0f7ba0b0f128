"""Another tokenizer for a model: read it, find who is who, give it first rows."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from isogloss import registry
from isogloss._version import __version__
from isogloss.encode.folder import read_json
from isogloss.encode.resolve import find_model
from isogloss.encode.weights import refuse_dropout
from isogloss.errors import ModelError
from isogloss.files import fingerprint
from isogloss.progress import Start, silent
from isogloss.recipe.initial_rows import (
    DRAWING,
    Aids,
    by_content,
    first_rows,
    own_settings,
    refuse_random,
)
from isogloss.recipe.vocabulary import Plan, Result, Text, carry_out, padded, read_text
from isogloss.vocabulary.initialise.rows import MADE, Source, overlap
from isogloss.vocabulary.pieces import read_pieces
from isogloss.vocabulary.save import special_roles, without_lost
from isogloss.vocabulary.surgery import Opened, columns, named_ids
from isogloss.vocabulary.trim import remap_processor, untruncated

if TYPE_CHECKING:
    from tokenizers import Tokenizer

OF_THE_BODY = ("model_max_length", "padding_side", "truncation_side", "model_input_names")
"""Settings of a tokenizer that say what the body reads, whatever the vocabulary."""


@dataclass(frozen=True)
class Target:
    """The tokenizer that is to be.

    Attributes:
        tokenizer: a fast one.
        settings: of its `tokenizer_config.json`; empty for a file alone.
        name: for the card.
    """

    tokenizer: Tokenizer
    settings: Mapping[str, Any]
    name: str


def read_target(path: str | Path) -> Target:
    """A tokenizer from its file, or from the folder it lies in.

    Raises:
        ModelError: there is no `tokenizer.json`, or it cannot be read.
    """
    from tokenizers import Tokenizer

    path = Path(path).expanduser()
    file = path / "tokenizer.json" if path.is_dir() else path
    if not file.is_file():
        slow = [n for n in ("tokenizer.model", "spiece.model", "vocab.txt", "vocab.json")
                if (path / n).is_file()]  # fmt: skip
        raise ModelError(
            "has no fast tokenizer, tokenizer.json" + (f", only {slow[0]}" if slow else ""),
            file=path,
            remedy="learn one with isogloss tokenizers learn, or convert one with "
            "transformers.AutoTokenizer.from_pretrained(folder).save_pretrained(folder)",
        )
    try:
        made = Tokenizer.from_file(str(file))
    except Exception as error:  # the library raises a bare Exception
        raise ModelError(
            f"is not a tokenizer: {error}", file=file, remedy="give a tokenizer.json"
        ) from error
    refuse_dropout(made, file)
    about = path / "tokenizer_config.json"
    settings = read_json(about) if path.is_dir() and about.is_file() else {}
    return Target(made, settings, path.name)


def replace_vocabulary(
    model: str | Path,
    out: str | Path,
    *,
    tokenizer: str | Path,
    initialise: str = "focus.v1",
    settings: Mapping[str, Any] | None = None,
    aids: Aids | None = None,
    text: str | Path | Text | None = None,
    languages: Sequence[str] = (),
    multiple: int = 1,
    seed: int = 0,
    network: bool = False,
    start: Start = silent,
) -> Result:
    """Give a model another tokenizer, and rows for it by one of the registered initialisers.

    The body stays as it is. Special tokens keep their roles; where the new tokenizer adds none
    around a text, it takes over how the old one did.

    Args:
        model: a model folder.
        out: the folder of the new model.
        tokenizer: a tokenizer.json, or the folder of one.
        initialise: a registered initialiser.
        settings: its own, such as a rank.
        aids: what it may need.
        text: what the smoke check reads: retrieval between its languages, bits per character.
        languages: of it.
        multiple: round the rows up to a multiple of this by padding.
        seed: of rows that are drawn, and of intervals.
        network: allow fetching model and text.
        start: starts progress bars.

    Raises:
        ModelError: a special token that the model needs is absent in the new tokenizer; no row but
            at random; a model that cannot be opened or fails the audit.
        SettingsError: settings that the initialiser does not have.
        OutputError: `out` holds something else.
    """
    name = registry.full_name("initialiser", initialise)
    folder, target = find_model(str(model), network=network), read_target(tokenizer)
    given, aids = read_text(text, languages, network=network), aids or Aids()
    own = own_settings(name, settings or {})
    asked = {"tokenizer": fingerprint(target.tokenizer.to_str(), target.settings),
             "initialise": name, "aids": aids.fingerprint, "multiple": multiple,
             "seed": seed, "settings": by_content(own)}  # fmt: skip

    def plan(opened: Opened) -> Plan:
        at = counterparts(opened, target)
        needed = needed_roles(opened)
        made, about = dressed(opened, target, at)
        refuse_absent(opened, at, needed)
        advance = start(f"first rows by {name}", 1)
        table, plain = columns(opened), untruncated(opened.tokenizer)
        rows = first_rows(name, Source(table, plain), made, aids, seed, own)
        advance(1)
        ordinary = ~read_pieces(made).special
        counts = np.bincount(rows.made[: len(ordinary)][ordinary], minlength=len(MADE))
        refuse_random(rows, name, {MADE[i]: int(n) for i, n in enumerate(counts) if n})
        drawn = counts[MADE.index("random")] / max(counts.sum(), 1)
        notes = list(aids.notes)
        if drawn > 0.5 and name not in DRAWING:
            notes.append(
                f"WARNING: {drawn:.0%} of the rows were drawn at random; {name} found nothing to "
                "go by for them"
            )
        return Plan(
            made, padded(rows.rows.astype(table.dtype), table[:0], multiple), at, about, None,
            f"Vocabulary replaced with Isogloss {__version__} by `{target.name}`, "
            f"{len(rows.rows):,} tokens, first rows by {name}: "
            f"{', '.join(f'{n:,} {how}' for how, n in rows.counts().items())}. It wants training.",
            {"rows made": dict(rows.counts()), "initialise": name}, notes, needed,
        )  # fmt: skip

    return carry_out("replace", folder, Path(out), given, asked, plan, seed=seed, start=start)


def needed_roles(opened: Opened) -> dict[str, str]:
    """Special tokens without which the model cannot work, by role.

    They are those that a configuration names and those put around a text; of a masked model the
    mask too.
    """
    roles = special_roles(opened.wrapper)
    vocabulary = opened.tokenizer.get_vocab()
    named = {i for ids in named_ids(opened).values() for i in ids}
    named |= set(opened.tokenizer.encode("").ids)
    if type(opened.model).__name__.endswith("MaskedLM"):
        named |= {vocabulary[roles["mask"]]} if "mask" in roles else set()
    return {role: token for role, token in roles.items() if vocabulary.get(token) in named}


def counterparts(opened: Opened, target: Target) -> dict[int, int]:
    """From old ids to new ones: tokens of one text, and special tokens of one role."""
    shared = overlap(opened.tokenizer, target.tokenizer)
    new: dict[int, int] = {}
    for old, now in zip(shared.source.tolist(), shared.target.tolist(), strict=True):
        new.setdefault(old, now)
    old_ids, now_ids = opened.tokenizer.get_vocab(), target.tokenizer.get_vocab()
    for role, token in special_roles(opened.wrapper).items():
        theirs = target.settings.get(f"{role}_token")
        theirs = theirs.get("content") if isinstance(theirs, dict) else theirs
        if token in old_ids and theirs in now_ids:
            new[old_ids[token]] = now_ids[theirs]
    return new


def dressed(
    opened: Opened, target: Target, at: Mapping[int, int]
) -> tuple[Tokenizer, dict[str, Any]]:
    """The target with what the old tokenizer put around a text, and its settings."""
    from tokenizers import Tokenizer

    state, old = (json.loads(t.to_str()) for t in (target.tokenizer, opened.tokenizer))
    around = opened.tokenizer.encode("").ids
    if around and not target.tokenizer.encode("").ids:
        names = {i: name for name, i in opened.tokenizer.get_vocab().items()}
        if missing := sorted({names[i] for i in around if i not in at}):
            raise _absent(opened, missing)
        theirs = {i: name for name, i in target.tokenizer.get_vocab().items()}
        # The mark of the model before may be trimmed in offsets; what is added is the old one's.
        own = state.get("post_processor")
        processor = _renamed(old["post_processor"], {names[i]: theirs[at[i]] for i in set(around)})
        processor = remap_processor(processor, _Total(at))
        state["post_processor"] = processor if own is None else {
            "type": "Sequence", "processors": [own, processor]
        }  # fmt: skip
    state |= {"truncation": None, "padding": None}
    made = Tokenizer.from_str(json.dumps(state))
    now = {i: name for name, i in made.get_vocab().items()}
    old_ids = opened.tokenizer.get_vocab()
    settings = {key: getattr(opened.wrapper, key) for key in OF_THE_BODY}
    settings |= {k: v for k, v in target.settings.items() if k not in OF_THE_BODY}
    for role, token in special_roles(opened.wrapper).items():
        if old_ids.get(token) in at:
            settings.setdefault(f"{role}_token", now[at[old_ids[token]]])
    return made, without_lost(settings, made)


class _Total(dict[int, int]):
    """Ids of a post-processor that no text is given, such as of a pair's middle, stay."""

    def __missing__(self, number: int) -> int:
        return number


def _renamed(part: Any, names: Mapping[str, str]) -> Any:
    """A post-processor's state with other names for the tokens it adds."""
    if isinstance(part, str):
        return names.get(part, part)
    if isinstance(part, list):
        return [_renamed(one, names) for one in part]
    if isinstance(part, dict):
        return {names.get(key, key): _renamed(value, names) for key, value in part.items()}
    return part


def refuse_absent(opened: Opened, at: Mapping[int, int], needed: Mapping[str, str]) -> None:
    """Raise a ModelError for special tokens that the model needs and that have no new id."""
    vocabulary = opened.tokenizer.get_vocab()
    missing = [f"{role} ({name!r})" for role, name in needed.items() if vocabulary[name] not in at]
    if missing:
        raise _absent(opened, missing)


def _absent(opened: Opened, missing: Sequence[str]) -> ModelError:
    return ModelError(
        f"the new tokenizer has no token for what the model calls {', '.join(missing)}",
        file=opened.folder.body,
        remedy="learn it with these special tokens, or name them in its tokenizer_config.json, "
        'such as "pad_token": "<pad>"',
    )

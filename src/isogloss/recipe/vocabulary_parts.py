"""Vocabularies as parts, as jobs: take one from a model, put one on, keep several over one body."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import model_validator

from isogloss._version import __version__
from isogloss.encode.resolve import find_model
from isogloss.errors import ModelError, UsageError
from isogloss.files import atomic_folder, fingerprint, write_json
from isogloss.progress import Start, silent
from isogloss.recipe.replacement import (
    OF_THE_BODY,
    Target,
    counterparts,
    needed_roles,
    refuse_absent,
)
from isogloss.recipe.step import Step, Workplace
from isogloss.recipe.vocabulary import (
    FACTS,
    SMOKE_TEXTS,
    Plan,
    Result,
    carry_out,
    claim,
    read_text,
    with_limits,
)
from isogloss.registry import register
from isogloss.score import Scores
from isogloss.vocabulary.hydra import BODY, HYDRA, PARTS, Hydra, assemble, check_parity
from isogloss.vocabulary.parts import (
    Part,
    fingerprint_body,
    matched,
    part_of,
    read_part,
    rows_of,
    write_part,
)
from isogloss.vocabulary.pieces import read_pieces
from isogloss.vocabulary.save import without_lost
from isogloss.vocabulary.surgery import Opened, columns, open_model
from isogloss.vocabulary.trim import untruncated

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_NAME = re.compile(r"[\w-][\w.-]*")


def take_part(
    model: str | Path, out: str | Path, *, network: bool = False, start: Start = silent
) -> Result:
    """Write a model's vocabulary alone: tokenizer, embeddings, head rows and biases.

    Args:
        model: a model folder.
        out: the folder of the part.
        network: allow fetching the model.
        start: starts progress bars.

    Raises:
        ModelError: a model that cannot be opened.
        OutputError: `out` holds something else.
    """
    folder, out = find_model(str(model), network=network), Path(out)
    name = fingerprint("part", folder.fingerprint, __version__)
    if (known := claim(out, name)) is not None:
        return Result(out, known)
    advance = start("take the vocabulary", 1)
    opened = open_model(folder)
    part = part_of(opened)
    with atomic_folder(out) as temporary:
        notes = [*opened.notes, *write_part(part, temporary)]
        again = read_part(temporary)
        facts = {
            "operation": "part", "fingerprint": name, "model": folder.name,
            "model_fingerprint": folder.fingerprint, "part_fingerprint": again.fingerprint,
            "tokens": again.tokens, "rows": again.rows,
            "widths": [table.width for table in again.tables],
            "architecture": part.about["architecture"], "tied": part.about["tied"],
            "roles": part.about["roles"], "notes": notes, "code_version": __version__,
        }  # fmt: skip
        write_json(temporary / FACTS, facts)
    advance(1)
    return Result(out, facts)


def swap_vocabulary(
    model: str | Path,
    out: str | Path,
    *,
    part: str | Path | Part,
    text: str | Path | None = None,
    languages: Sequence[str] = (),
    seed: int = 0,
    network: bool = False,
    start: Start = silent,
) -> Result:
    """The body of a model with the vocabulary of a part.

    Args:
        model: a model folder.
        out: the folder of the new model.
        part: the folder that `take_part` made, or a part.
        text: what the smoke check reads: retrieval between its languages, bits per character.
        languages: of it.
        seed: of intervals.
        network: allow fetching model and text.
        start: starts progress bars.

    Raises:
        ModelError: a part that cannot be read, or does not fit the model: another architecture or
            width, tied here and untied there, a table or a special token that it lacks; a model
            that cannot be opened or fails the audit.
        OutputError: `out` holds something else.

    Source: Artetxe, Ruder & Yogatama (2020), On the Cross-lingual Transferability of Monolingual
    Representations, section 3; de Vries & Nissim (2021), As Good as New, section 3.
    """
    folder = find_model(str(model), network=network)
    given = read_text(text, languages, network=network)
    part = part if isinstance(part, Part) else read_part(part)

    def plan(opened: Opened) -> Plan:
        rows, table = rows_of(opened, part), columns(opened)
        same = np.array_equal(rows, table) and (
            untruncated(opened.tokenizer).to_str() == untruncated(part.tokenizer).to_str()
        )
        at = {i: i for i in range(opened.tokens)} if same else _from_old(opened, part)
        tokenizer = _limited(part.tokenizer, opened.tokenizer, at)
        kept = {key: getattr(opened.wrapper, key) for key in OF_THE_BODY}
        return Plan(
            tokenizer, rows, at, without_lost({**part.settings, **kept}, tokenizer),
            np.arange(opened.tokens) if same else None,
            f"Vocabulary swapped with Isogloss {__version__} for that of "
            f"`{Path(part.about['model']).name}`, {part.tokens:,} tokens; the body is as it was.",
            {"part": part.name, "part_fingerprint": part.fingerprint}, _notes(opened, part),
            needed_roles(opened),
        )  # fmt: skip

    asked = {"part": part.fingerprint, "seed": seed}
    return carry_out("swap", folder, Path(out), given, asked, plan, seed=seed, start=start)


def _from_old(opened: Opened, part: Part) -> dict[int, int]:
    """From the model's ids to the part's: tokens of one text, and special tokens of one role.

    Raises:
        ModelError: a special token that the model needs and the part lacks.
    """
    roles = {f"{role}_token": token for role, (token, _) in part.about["roles"].items()}
    at = counterparts(opened, Target(part.tokenizer, roles, part.name))
    refuse_absent(opened, at, needed_roles(opened))
    return at


def _limited(tokenizer: Tokenizer, like: Tokenizer, at: Mapping[int, int]) -> Tokenizer:
    """A copy that cuts and pads as the model's own one does, with its own padding token."""
    from tokenizers import Tokenizer

    state = json.loads(with_limits(tokenizer, like).to_str())
    if padding := state["padding"]:
        number = at.get(padding["pad_id"])
        names = {i: name for name, i in tokenizer.get_vocab().items()}
        state["padding"] = None if number is None else (
            padding | {"pad_id": number, "pad_token": names[number]}
        )  # fmt: skip
    return Tokenizer.from_str(json.dumps(state))


def _notes(opened: Opened, part: Part) -> list[str]:
    notes = []
    if part.about["body_fingerprint"] != fingerprint_body(opened):
        notes.append(
            f"{part.name}: its rows are from another body; they mean something to this one if it "
            "was trained on from that"
        )
    theirs, ours = part.values[0].dtype, opened.model.get_input_embeddings().weight.dtype
    if theirs != ours:
        notes.append(f"{part.name}: its values are {theirs}, and become {ours} as in the model")
    left = len(part.tables) - len(opened.tables)
    if left > 0:
        notes.append(f"{part.name}: {left} of its tables are left, as the model has none of them")
    return notes


def compose_hydra(
    body: str | Path,
    parts: Mapping[str, str | Path],
    out: str | Path,
    *,
    network: bool = False,
    start: Start = silent,
) -> Result:
    """One body with several vocabularies: `body/`, a plain model with the first, and `parts/`.

    The first part reads some of its words as ids and as looked-up rows before the folder appears.

    Args:
        body: a model folder; its own vocabulary is there only if it is among the parts.
        parts: folders that `take_part` made, by name.
        out: the folder, for `vocabulary.hydra.load_hydra`.
        network: allow fetching the model.
        start: starts progress bars.

    Raises:
        UsageError: no part, or a name that cannot be a folder's.
        ModelError: see `swap_vocabulary`; an architecture that reads more than rows.
        OutputError: `out` holds something else.

    Source: Remy et al. (2024), Trans-Tokenization and Cross-lingual Vocabulary Transfers.
    """
    folder, out = find_model(str(body), network=network), Path(out)
    if not parts:
        raise UsageError("there is no part", remedy="give name=FOLDER at least once")
    if bad := sorted(name for name in parts if not _NAME.fullmatch(name)):
        raise UsageError(
            f"{', '.join(map(repr, bad))} cannot be the name of a part",
            remedy="use letters, digits, '-', '_' and '.'",
        )
    found = {name: read_part(path) for name, path in parts.items()}
    prints = {name: part.about["fingerprint"] for name, part in found.items()}
    name = fingerprint("hydra", folder.fingerprint, list(prints.items()), __version__)
    if (known := claim(out, name)) is not None:
        return Result(out, known)
    own = next(iter(found))
    with atomic_folder(out) as temporary:
        made = swap_vocabulary(body, temporary / BODY, part=found[own], start=start)
        advance = start("compose and check the parts", 1)
        opened = open_model(find_model(str(temporary / BODY)))
        notes = list(made.facts["notes"])
        others = {name: part for name, part in found.items() if name != own}
        for other, part in others.items():
            matched(opened, part)
            _from_old(opened, part)
            notes += _notes(opened, part)
            shutil.copytree(Path(parts[other]).expanduser(), temporary / PARTS / other)
        hydra = assemble(opened, own, others)
        smoke = check_parity(hydra, _words(hydra))
        prints[own] = hydra.parts[own].fingerprint
        about = {"parts": prints, "body": folder.name, "body_fingerprint": folder.fingerprint,
                 "code_version": __version__}  # fmt: skip
        write_json(temporary / HYDRA, about)
        facts = {
            "operation": "hydra", "fingerprint": name, "model": folder.name,
            "model_fingerprint": folder.fingerprint,
            "parts": {n: {"tokens": p.tokens, "rows": p.rows} for n, p in hydra.parts.items()},
            "smoke": smoke, "notes": list(dict.fromkeys(notes)), "code_version": __version__,
        }  # fmt: skip
        write_json(temporary / FACTS, facts)
        advance(1)
    return Result(out, facts)


def _words(hydra: Hydra) -> list[str]:
    """Some words that begin a token of the first part."""
    plain = next(iter(hydra.plain.values()))
    pieces = read_pieces(plain)
    whole = [t for t, begins in zip(pieces.texts, pieces.starts, strict=True) if t and begins]
    some = whole[:: max(len(whole) // SMOKE_TEXTS, 1)][:SMOKE_TEXTS]
    cuts = plain.encode_batch_fast(some, add_special_tokens=False)
    return [text for text, cut in zip(some, cuts, strict=True) if cut.ids]


@register("step", "swap_vocabulary.v1")
class SwapVocabulary(Step):
    """The body of one model with the vocabulary of another; nothing is trained.

    Attributes:
        model: `teacher`, or the step whose body is taken.
        vocabulary: `teacher`, or the step whose vocabulary is taken.
        keep: leave the model in the run's `files/<step>/model`.
    """

    model: str = "teacher"
    vocabulary: str
    keep: bool = False

    @model_validator(mode="after")
    def _two(self) -> SwapVocabulary:
        if self.model == self.vocabulary:
            raise ValueError("model and vocabulary are one, so there is nothing to swap")
        return self

    def needs(self) -> dict[str, str]:
        """The two models."""
        return {"model": self.model, "vocabulary": self.vocabulary}

    def run(self, place: Workplace) -> None:
        """Swap, save, say what was told."""
        folder, other = (_folder(place, one) for one in (self.model, self.vocabulary))
        part = part_of(open_model(find_model(str(other))))
        part = replace(part, name=self.vocabulary, about=part.about | {"model": self.vocabulary})
        made = swap_vocabulary(folder, place.folder / "model", part=part, seed=place.seed)
        place.notes += [f"{self.name}: {note}" for note in made.facts["notes"]]
        if self.keep:
            place.keep_model()
        place.write(Scores())


def _folder(place: Workplace, name: str) -> Path:
    """Where the model of a step, or the teacher, lies."""
    found: Any = place.done[name] / "model" if name in place.done else place.encoder(name).name
    path = find_model(str(found)).path
    if not path.is_dir():
        raise ModelError("there is no model", file=path)
    return path

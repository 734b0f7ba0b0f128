"""A model of source and target that is taught pairs behind tokens of its own, and then asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from isogloss.errors import ModelError
from isogloss.task.cutting import Cutter, cutter_of
from isogloss.task.pieces import in_turn
from isogloss.task.solver import PLAIN, Tuning, Watch, learn
from isogloss.train.mixtures.paired import Pair, stack_pairs

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from isogloss.encode.folder import ModelFolder
    from isogloss.progress import Begin
    from isogloss.train.batch import Texts
    from isogloss.train.body import Body

Allowed = Callable[[int, list[int]], list[int]]
"""The number of a source and the ids that were written to it, to those that may follow."""
_TOKENS = 4096  # of sources that are read at once, padding included, by a search of one beam


class Opened(NamedTuple):
    """A model that is to be taught, or asked.

    Attributes:
        student: the model.
        cutter: how texts become token ids; a special token that stands in a text is text.
        ids: of the tokens that it was asked to have.
    """

    student: Any
    cutter: Cutter
    ids: dict[str, int]


class Written(NamedTuple):
    """What a search wrote: ids without the end, and whether it came to one."""

    ids: list[int]
    whole: bool


@dataclass(frozen=True)
class PairsInTurn:
    """Pairs drawn without replacement, in another order each time all were read.

    Attributes:
        pairs: the source behind its tokens, and the target.
        languages: canonical tags of the source and of the target of each.
        size: pairs in a batch.
        numbers: of the languages, for the column `language`.
    """

    pairs: Sequence[Pair]
    languages: Sequence[tuple[str, str]]
    size: int
    numbers: Mapping[str, int]

    def batch(self, seed: int, step: int) -> Texts:
        """The next pairs."""
        chosen = in_turn(len(self.pairs), self.size, seed, step)
        sources, targets = zip(*(self.languages[i] for i in chosen), strict=True)
        return stack_pairs([self.pairs[i] for i in chosen], sources, self.numbers, targets)


def open_writer(
    folder: ModelFolder,
    tokens: Sequence[str],
    languages: Sequence[str],
    parameters: Mapping[str, Any] = PLAIN,
    seed: int = 0,
) -> Opened:
    """A model of source and target that has some tokens; those it lacks get rows of their own.

    Args:
        folder: of the model, such as T5, mBART, M2M-100 or Marian with a fast tokenizer.
        tokens: special ones, each with a meaning for whoever asks.
        languages: canonical tags in the order of their numbers.
        parameters: `use` and the settings of registered parameters: what may change.
        seed: of the rows of new tokens.

    Raises:
        ModelError: not a model of source and target with a fast tokenizer and a head of its own.
    """
    from isogloss.train.objectives.seq2seq import Seq2seq
    from isogloss.train.student import student_of

    if folder.kind != "transformer.v1":
        raise ModelError("only a transformer is taught to write", file=folder.path)
    cutter = cutter_of(folder)
    tokenizer, ids = with_tokens(cutter.tokenizer, tokens)
    new = [ids[token] for token in tokens if cutter.tokenizer.token_to_id(token) is None]
    settings = {key: value for key, value in parameters.items() if key != "use"}
    student = student_of(
        parameters["use"], folder.body, tokenizer, reader=_reader(new, seed), tags=languages,
        **settings,
    )  # fmt: skip
    Seq2seq().begin(student.module)
    if student.module.head is not None or student.module.before_head is not None:
        raise ModelError(
            "has no language head of its own to write with", file=folder.path,
            remedy="take a model saved with it, such as T5ForConditionalGeneration",
        )  # fmt: skip
    return Opened(student, replace(cutter, tokenizer=_literal(tokenizer)), ids)


def learn_pairs(
    solver: Any,
    pairs: Sequence[Pair],
    languages: Sequence[tuple[str, str]],
    tuning: Tuning,
    *,
    seed: int,
    smoothing: float = 0.0,
    watch: Watch | None = None,
    checkpoint: Path | None = None,
    begin: Begin | None = None,
) -> list[str]:
    """Teach the student of a solver pairs of source and target, all mixed; what training told.

    Args:
        solver: with a student and the numbers of languages.
        pairs: one or more.
        languages: of the source and the target of each.
        tuning: how.
        seed: of batches and dropout.
        smoothing: of labels.
        watch: keep the weights that are best on these; the last by default.
        checkpoint: folder for checkpoints, from which the same training goes on.
        begin: of a progress bar, told how many steps there are.
    """
    from isogloss.train.contracts import Lesson
    from isogloss.train.objectives.seq2seq import Seq2seq

    mixture = PairsInTurn(pairs, languages, min(tuning.batch, len(pairs)), solver.numbers)
    return learn(
        solver, Lesson(mixture, [(1.0, Seq2seq(smoothing=smoothing))]), tuning.steps(len(pairs)),
        tuning, seed=seed, watch=watch, checkpoint=checkpoint, begin=begin,
    )  # fmt: skip


def search_settings(module: Body, longest: int, beams: int = 1, **more: Any) -> Any:
    """Settings of a search, with none of those that the model came with.

    Args:
        module: that is asked.
        longest: tokens that are written, the end included.
        beams: 1 takes the likeliest token each time.
        more: of `GenerationConfig`.
    """
    from transformers import GenerationConfig

    return GenerationConfig(
        max_new_tokens=longest, num_beams=beams, do_sample=False, eos_token_id=end_of(module),
        pad_token_id=module.pad, decoder_start_token_id=begins_of(module)[0], **more,
    )  # fmt: skip


def search(
    module: Body,
    sources: Sequence[np.ndarray],
    language: str,
    settings: Any,
    allowed: Allowed | None = None,
) -> dict[int, list[Written]]:
    """Of each source that has a token, what was written to it, the likeliest first.

    Args:
        module: that is asked; it is put into evaluation mode.
        sources: ids, without what stands around a text.
        language: canonical tag of all of them.
        settings: of `search_settings`; `num_return_sequences` of them are given, one by default.
        allowed: what may be written next; anything by default.
    """
    from isogloss.encode.batches import pack
    from isogloss.train.batch import stack_texts
    from isogloss.train.reading import padded

    module.eval()
    module.body.generation_config = settings  # `generate` fills what is open from the model's own
    begins, count = begins_of(module), settings.num_return_sequences or 1
    device = next(module.parameters()).device
    lengths = np.array([len(ids) for ids in sources], np.int64)
    found: dict[int, list[Written]] = {}
    for at in pack(lengths, _TOKENS // settings.num_beams):
        batch = stack_texts([[sources[i] for i in at]], [[language] * len(at)])
        ids, mask = padded(batch, *module.ends, module.pad)
        made = module.body.generate(
            input_ids=ids.to(device), attention_mask=mask.long().to(device),
            decoder_input_ids=ids.new_tensor([begins] * len(at)).to(device),
            generation_config=settings,
            prefix_allowed_tokens_fn=allowed and (
                lambda row, told, at=at: allowed(int(at[row]), told[len(begins) :].tolist())
            ),
        )  # fmt: skip
        told = [_ended(row, settings.eos_token_id) for row in made[:, len(begins) :].tolist()]
        found |= {place: told[n * count : (n + 1) * count] for n, place in enumerate(at.tolist())}
    return found


def begins_of(module: Body) -> list[int]:
    """What stands before the first token of a target: the decoder's start, and more."""
    import torch

    from isogloss.train.reading import before_target

    target = torch.tensor([[*module.ends[0], end_of(module)]])
    return before_target(module.body, target)[0].tolist()


def end_of(module: Body) -> int:
    """The token that ends a target.

    Raises:
        ModelError: the configuration names none.
    """
    named = module.body.config.eos_token_id
    named = named[0] if isinstance(named, list) else named
    if named is None:
        raise ModelError(
            "names no token that ends a text", file=module.body.name_or_path,
            remedy='set "eos_token_id" in its config.json',
        )  # fmt: skip
    return int(named)


def with_tokens(tokenizer: Tokenizer, tokens: Sequence[str]) -> tuple[Tokenizer, dict[str, int]]:
    """A copy that has special tokens behind its own, and their ids."""
    from tokenizers import AddedToken, Tokenizer

    made = Tokenizer.from_str(tokenizer.to_str())
    made.add_special_tokens([AddedToken(t, special=True, normalized=False) for t in tokens])
    every = made.get_vocab()
    return made, {token: every[token] for token in tokens}


def _ended(ids: list[int], end: int) -> Written:
    return Written(ids[: ids.index(end)], True) if end in ids else Written(ids, False)


def _literal(tokenizer: Tokenizer) -> Tokenizer:
    """A copy to which special tokens in a text are text, so that no text asks for anything."""
    from tokenizers import Tokenizer

    made = Tokenizer.from_str(tokenizer.to_str())
    made.encode_special_tokens = True
    return made


def _reader(new: Sequence[int], seed: int) -> Callable[..., Body]:
    """Opens a model with a row of its table for each new id, drawn like those that are there.

    Rows that pad the table serve first.
    """

    def read(folder: Path, tokenizer: Tokenizer, rows: np.ndarray | None = None) -> Body:
        import torch

        from isogloss.train.readers import append_rows, words
        from isogloss.vocabulary.initialise.rows import normal

        module = words(folder, tokenizer, rows)
        table = module.body.get_input_embeddings().weight
        drawn = normal(table.detach().numpy(), len(new), seed)  # [new, d]
        lacking = max(0, max(new, default=0) + 1 - len(table))
        if lacking:
            module.added = append_rows(module.body, drawn[-lacking:])
        with torch.no_grad():
            module.body.get_input_embeddings().weight[list(new)] = torch.from_numpy(drawn)
        return module

    return read

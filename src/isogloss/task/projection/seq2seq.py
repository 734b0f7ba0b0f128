"""Probabilities of a sequence-to-sequence model, as `codec` and `by_translation` ask for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from isogloss.task.projection.candidates import Probability
from isogloss.task.projection.constrained import Decoder, LogP, Mark
from isogloss.task.projection.markers import STYLES, Marks

if TYPE_CHECKING:
    from isogloss.task.translate.local import LocalTranslator

Tokenize = Callable[[str, str], Any]
"""A text and its language to the token ids that the encoder reads, with all that frames them."""


def next_log_p(model: Any, ids: Sequence[int]) -> LogP:
    """What the model writes next, having read some tokens and written others.

    The encoder runs once; each call runs the decoder over all that was written so far.

    Args:
        model: of transformers, sequence-to-sequence, in evaluation mode.
        ids: what the encoder reads.
    """
    import torch

    read = torch.tensor([list(ids)], device=model.device)
    with torch.inference_mode():
        states = model.get_encoder()(input_ids=read)

    def log_p(prefix: Sequence[int]) -> np.ndarray:
        written = torch.tensor(
            [[model.config.decoder_start_token_id, *prefix]], device=model.device
        )
        with torch.inference_mode():
            logits = model(encoder_outputs=states, decoder_input_ids=written).logits[0, -1]
        return logits.float().log_softmax(-1).cpu().numpy()

    return log_p


def model_decoder(
    model: Any, tokenizer: Any, *, start: Sequence[int] = (), marks: Marks = STYLES["xml"]
) -> Decoder:
    """A `Decoder` of a model and its tokenizer.

    Each word has the tokens that it has alone, as if spaces stood around it, and so do marks.

    Args:
        model: of transformers, sequence-to-sequence, in evaluation mode.
        tokenizer: its own, with the source language set where it has several.
        start: what it writes first, such as the token of the target language.
        marks: around spans, on both sides.
    """

    def plain(text: str) -> list[int]:
        return list(tokenizer(text, add_special_tokens=False)["input_ids"])

    def mark(name: str) -> Mark:
        return plain(marks.before.format(name)), plain(marks.after.format(name))

    return Decoder(
        reads=lambda text: next_log_p(model, tokenizer(text)["input_ids"]),
        tokens=lambda words: [plain(word) for word in words], mark=mark,
        end=model.config.eos_token_id, start=tuple(start), marks=marks,
    )  # fmt: skip


def model_probability(
    model: Any,
    read: Tokenize,
    write: Tokenize,
    starts: Mapping[str, Sequence[int]] | None = None,
) -> Probability:
    """The mean log probability of a text's tokens, its end with them, as a translation of another.

    Args:
        model: of transformers, sequence-to-sequence, in evaluation mode.
        read: a text and its language to what the encoder reads.
        write: a text and its language to the tokens of it that are scored, the end among them.
        starts: by language, tokens that stand before a text and are not scored.
    """
    import torch

    def probability(asked: Sequence[tuple[str, str, str, str]]) -> list[float]:
        found = []
        for text, of, language, origin in asked:
            before = [model.config.decoder_start_token_id, *(starts or {}).get(language, ())]
            scored = list(write(text, language))
            with torch.inference_mode():
                logits = model(
                    input_ids=torch.tensor([list(read(of, origin))], device=model.device),
                    decoder_input_ids=torch.tensor([before + scored[:-1]], device=model.device),
                ).logits[0, len(before) - 1 :]
            logs = logits.float().log_softmax(-1)
            chosen = logs[torch.arange(len(scored)), torch.tensor(scored, device=model.device)]
            found.append(float(chosen.mean()))
        return found

    return probability


def decoder_of(
    translator: LocalTranslator, languages: tuple[str, str], *, marks: Marks = STYLES["xml"]
) -> Decoder:
    """A `Decoder` of a translator's model.

    Args:
        translator: of a local folder.
        languages: from, to.
        marks: around spans, on both sides.

    Raises:
        UsageError: the model cannot be asked for this direction.
    """
    asked = translator.asked(*languages)

    def tokenizer(text: str, add_special_tokens: bool = True) -> dict[str, list[int]]:
        return {"input_ids": asked.read(text) if add_special_tokens else asked.write(text)}

    return model_decoder(asked.model, tokenizer, start=asked.start, marks=marks)


def probability_of(translator: LocalTranslator) -> Probability:
    """The mean log probability of a token, the end with them, by a translator's model.

    It is asked in both directions and from each language into itself, as `by_translation` does, so
    a model of one pair will not do.

    Args:
        translator: of a local folder.

    Raises:
        UsageError: the model cannot be asked for a direction.
    """

    def probability(asked: Sequence[tuple[str, str, str, str]]) -> list[float]:
        found = []
        for text, of, language, origin in asked:
            one = translator.asked(origin, language)
            end = one.model.config.eos_token_id
            told = model_probability(
                one.model, lambda text, _, one=one: one.read(text),
                lambda text, _, one=one, end=end: [*one.write(text), end], {language: one.start},
            )  # fmt: skip
            found += told([(text, of, language, origin)])
        return found

    return probability

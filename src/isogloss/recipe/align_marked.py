"""A step that links words by a model that was trained to: every word is marked and asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from isogloss.match.word_alignment import Links
from isogloss.recipe.align_words import Linking
from isogloss.recipe.step import Step, Workplace
from isogloss.recipe.word_alignment import Text
from isogloss.registry import register

_MARK = "¶"  # that of `train.marked`, which would load torch


@register("step", "align_marked.v1")
class AlignMarked(Linking):
    """Link words by a step `train.v1` with `marked.v1` and `binary_links.v1` or `span_links.v1`.

    A text is read once for every word of either side, which costs some forty times what
    `align_words.v1` does. Prefer it where there are links that people drew to learn from.

    Attributes:
        model: the step that trained it.
        mark: what stands before and behind a word, as in training.
        threshold: of the mean of both directions, over which words are linked.
    """

    mark: str = _MARK
    threshold: float = Field(default=0.5, ge=0, le=1)

    def check(self, earlier: Mapping[str, Step]) -> list[str]:
        """`model` must be a step that trains."""
        step = earlier.get(self.model)
        if step is not None and step.use == "train.v1":
            return []
        return [f"model: {self.model!r} is no step train.v1 that learned to link words"]

    def about(self, place: Workplace) -> dict[str, Any]:
        """The threshold."""
        return {"settings": {"threshold": self.threshold}}

    def linked(self, text: Text, place: Workplace) -> dict[str, list[Links]]:
        """Links of every pair; those too long to be asked have none and are told."""
        from isogloss.encode.tokens import RustTokenizer
        from isogloss.encode.weights import load_tokenizer, read_window
        from isogloss.train.aligner import load_aligner
        from isogloss.train.marked import ask_words, frame
        from isogloss.train.readers import sentences
        from isogloss.vocabulary.trim import untruncated

        folder = place.model_folder(self.model)
        wrapper = load_tokenizer(folder)
        tokenizer = untruncated(wrapper.backend_tokenizer)
        module = sentences(folder.body, tokenizer)
        longest = read_window(folder, wrapper) - len(tokenizer.encode("").ids)
        splitter = RustTokenizer(tokenizer, longest, None)
        sides = [
            splitter.split([[w.lower() for w in line] if folder.lower else line for line in lines])
            for lines in (text.source, text.target)
        ]
        found, long = ask_words(
            module, load_aligner(folder.path, module), list(zip(*sides, strict=True)),
            [(len(a), len(b)) for a, b in zip(text.source, text.target, strict=True)],
            frame(tokenizer, self.mark), longest=longest, threshold=self.threshold,
        )  # fmt: skip
        if long:
            text.notes.append(f"{long} pairs over the model's window of {longest} have no links")
        return {"marked": found}

"""The step that measures how well a model tells hidden tokens of a text."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from isogloss.errors import ModelError
from isogloss.recipe.masked_lm import cut_windows, held_losses
from isogloss.recipe.step import Step, Workplace
from isogloss.registry import register


@register("step", "masked_loss.v1")
class MaskedLoss(Step):
    """The mean -log p(token) of hidden tokens, text by text, of a model with a language head.

    Masks are the same each time, so `compare.v1` pairs models of one tokenizer; those of others do
    not compare in it.

    Attributes:
        model: `teacher`, or an earlier step that made a model.
        text: the corpus; it needs no parallel rows.
        stage: written beside each score: before, after, or nothing.
        share: of tokens that are hidden, at least one a text.
        longest: tokens of a window; longer texts are cut into several.
    """

    alone: ClassVar[bool] = True
    model: str = "teacher"
    text: str
    stage: Literal["before", "after"] | None = None
    share: float = Field(default=0.15, gt=0, lt=1)
    longest: int = Field(default=126, ge=4)

    def needs(self) -> dict[str, str]:
        """The model and the text."""
        return {"model": self.model, "text": self.text}

    def run(self, place: Workplace) -> None:
        """Read every text once, with tokens hidden."""
        from isogloss.encode.weights import load_tokenizer, read_window
        from isogloss.train.mixtures.masked import MaskedText
        from isogloss.train.readers import words
        from isogloss.vocabulary.trim import untruncated

        folder = place.model_folder(self.model)
        wrapper = load_tokenizer(folder)
        tokenizer = untruncated(wrapper.backend_tokenizer)
        module = words(folder.body, tokenizer, seed=place.seed)
        tags = [place.pivot, *place.languages]
        module.now.languages = tuple(tags)
        if module.made or wrapper.mask_token_id is None:
            raise ModelError(
                "has no language head, or no mask", file=folder.path,
                remedy="measure a model that was trained on hidden tokens",
            )  # fmt: skip
        added = tokenizer.get_added_tokens_decoder().items()
        special = sorted({*wrapper.all_special_ids} | {i for i, t in added if t.special})
        window = read_window(folder, wrapper) - len(tokenizer.encode("").ids)
        corpus = place.texts[self.text]
        found = cut_windows(
            self.name, min(self.longest, window), tokenizer, folder.lower, special, tags,
            corpus.keep(tags), note=place.notes.append,
        )  # fmt: skip
        held = MaskedText(
            {tag: parts for tag, parts in found.items() if len(parts) > 1},
            wrapper.mask_token_id, special, tokenizer.get_vocab_size(), size=64, share=self.share,
            numbers={tag: number for number, tag in enumerate(tags)},
        )  # fmt: skip
        named = place.encoder(self.model).name
        scores, items = held_losses(module, held, place, named, self.stage)
        place.write(scores.having(dataset=corpus.name), items)

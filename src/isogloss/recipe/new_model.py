"""A step that makes a small model of random weights, to be pretrained within a run."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator

from isogloss.recipe.learn_tokenizer import learning_text
from isogloss.recipe.learning import save_tokenizer
from isogloss.recipe.step import Step, Workplace, full_name
from isogloss.registry import register
from isogloss.score import Score, Scores


@register("step", "new_model.v1")
class NewModel(Step):
    """Make a small model of random weights with a tokenizer learned from the run's text.

    Steps `train.v1` pretrain it, once for all that is compared with it, since their results are
    cached. What is found so holds for models of this size and text; it does not say how large ones
    behave. A recipe that begins so needs no `model` of its own.

    Attributes:
        text: the tokenizer is learned from, the pivot and the languages.
        family: `bert` is pretrained by `mlm.v1`, `gpt2` and `llama` by `clm.v1`, `t5` by
            `seq2seq.v1`.
        algorithm: a registered tokenizer; by default the one that the family has.
        size: wanted number of tokens.
        settings: the algorithm's own.
        width: of the states.
        layers: of a t5 in the encoder, and as many in the decoder.
        heads: of attention.
        longest: tokens of a text that it can read.
        keep: whether the model is left in the run's `files/<step>` too.
    """

    alone: ClassVar[bool] = True

    text: str
    family: Literal["bert", "gpt2", "llama", "t5"] = "bert"
    algorithm: str | None = None
    size: int = Field(default=4000, ge=2)
    settings: dict[str, Any] = Field(default={})
    width: int = Field(default=64, ge=2)
    layers: int = Field(default=2, ge=1)
    heads: int = Field(default=2, ge=1)
    longest: int = Field(default=128, ge=4)
    keep: bool = False

    @field_validator("algorithm")
    @classmethod
    def _known(cls, name: str | None) -> str | None:
        return None if name is None else full_name("tokenizer", name)

    def needs(self) -> dict[str, str]:
        """The text."""
        return {"text": self.text}

    def run(self, place: Workplace) -> None:
        """Learn, draw, save."""
        from isogloss.train.fresh import FAMILIES, fresh_model, learn_for, save_fresh
        from isogloss.vocabulary.special import PRESETS

        texts = learning_text(place.texts[self.text], place, {})
        folder = place.folder / "model"
        folder.mkdir()
        advance = place.start(f"{self.name}: learn the tokenizer", 1)
        tokenizer = learn_for(
            self.family, texts, algorithm=self.algorithm, size=self.size, seed=place.seed,
            **self.settings,
        )  # fmt: skip
        advance(1)
        save_tokenizer(tokenizer, folder, PRESETS[FAMILIES[self.family].special].roles)
        model = fresh_model(
            self.family, tokenizer, width=self.width, layers=self.layers, heads=self.heads,
            longest=self.longest, seed=place.seed,
        )  # fmt: skip
        save_fresh(model, self.longest, folder)
        if self.keep:
            place.keep_model()
        weights, size = model.num_parameters(), tokenizer.get_vocab_size()
        place.notes.append(
            f"{self.name}: a {self.family} of {weights:,} random weights and {size:,} tokens; what "
            "it shows is of plumbing scale"
        )
        about = {"system": self.name, "seed": place.seed, "dataset": place.texts[self.text].name}
        rows = [Score(measure=name, value=value, n=1)
                for name, value in (("weights", weights), ("vocabulary_size", size))]  # fmt: skip
        place.write(Scores(rows).having(**about))

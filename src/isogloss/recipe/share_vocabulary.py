"""A step that gives tokens an id of each language where that tells languages apart (LAVS)."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from isogloss.files import write_json
from isogloss.recipe.learn_tokenizer import learning_text
from isogloss.recipe.learning import FILES as TOKENIZER
from isogloss.recipe.learning import save_tokenizer
from isogloss.recipe.step import FILES, Step, Workplace
from isogloss.registry import register
from isogloss.score import Score, Scores


@register("step", "share_vocabulary.v1")
class ShareVocabulary(Step):
    """Give a learned tokenizer ids of single languages, and measure how far apart that puts them.

    Beside it stands the same number of ids for the tokens that are most frequent in all languages
    together. A tokenizer of each language lies in `files/<step>/<language>`, all in one space of
    ids; `files/<step>/ids.json` says which of the shared tokens each new id stands for.

    Attributes:
        tokenizer: the step that learned it.
        text: token shares are counted on it.
        held_out: divergences are measured on it.
        extra: new ids.
    """

    tokenizer: str
    text: str
    held_out: str
    extra: int = Field(ge=1)

    def needs(self) -> dict[str, str]:
        """The tokenizer and the texts."""
        return {"tokenizer": self.tokenizer, "text": self.text, "held_out": self.held_out}

    def run(self, place: Workplace) -> None:
        """Choose, save, measure every two languages."""
        from tokenizers import Tokenizer

        from isogloss.vocabulary.sharing import divergence, frequencies, share_language_aware

        file = place.done[self.tokenizer] / FILES / TOKENIZER[0]
        tokenizer = Tokenizer.from_file(str(file))
        texts = learning_text(place.texts[self.text], place, {})
        made = share_language_aware(tokenizer, texts, extra=self.extra)
        for tag in texts:
            save_tokenizer(made.of(tag), place.folder / FILES / tag)
        size = made.ids.shape[1]
        stands = {str(i): int(t) for i, t in enumerate(made.tokens) if i >= size}
        write_json(place.folder / FILES / "ids.json", stands)
        held_out = place.texts[self.held_out]
        p = frequencies(tokenizer, learning_text(held_out, place, {}))
        given = {
            "shared": ("before", None),
            "most frequent": (None, most_frequent(frequencies(tokenizer, texts), len(made) - size)),
            "language-aware": ("after", made.ids),
        }
        rows = []
        for name, (stage, ids) in given.items():
            for at, tag in enumerate(place.languages, 1):
                two = None if ids is None else ids[[0, at]]
                rows.append(
                    Score(
                        measure="token_divergence", value=divergence(p[[0, at]], two),
                        n=len(held_out), language=tag, pivot=place.pivot, stage=stage,
                        settings={"ids": name},
                    )
                )  # fmt: skip
        place.notes += [
            f"{self.name}: mean divergence of every two languages with ids {name}: "
            f"{divergence(p, ids):.3f}"
            for name, (_, ids) in given.items()
        ]
        about = {"system": self.name, "dataset": held_out.name, "seed": place.seed}
        place.write(Scores(rows).having(**about))


def most_frequent(p: np.ndarray, extra: int) -> np.ndarray:
    """`[L, V]` ids, `extra` of them new, for the most frequent tokens, each language in turn."""
    languages, size = p.shape
    ids = np.tile(np.arange(size), (languages, 1))
    given = 0
    for token in np.argsort(-p.sum(0), kind="stable"):
        for language in range(1, languages):
            if given < extra:
                ids[language, token] = size + given
                given += 1
    return ids

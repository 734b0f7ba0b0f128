"""A step that gives each language a vocabulary of the size that makes its premium 1."""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import Field

from isogloss.corpus.records import Corpus
from isogloss.errors import UsageError
from isogloss.recipe.learn_tokenizer import FromText, premium, there, token_counts
from isogloss.recipe.learning import save_tokenizer
from isogloss.recipe.step import FILES, Workplace
from isogloss.registry import register
from isogloss.score import Score, Scores


@register("step", "premium_sizes.v1")
class PremiumSizes(FromText):
    """A tokenizer a language, of the size at which it needs as many tokens as the pivot.

    Sizes are found on `fit_rows` rows of the text, drawn at random, which nothing is learned from,
    and premiums measured on the held-out text, beside those of tokenizers of one size. The
    tokenizers lie in `files/<step>/<language>`.

    Attributes:
        text: learned from, and some of its rows fitted on.
        held_out: measured.
        size: of the pivot's vocabulary, and of all where they are alike.
        sizes: those that each language's curve is fitted on, 3 at least.
        largest: that a vocabulary may have.
        algorithm: of all of them.
        fit_rows: rows for the curves; a tenth by default.
    """

    size: int = Field(ge=2)
    sizes: tuple[int, ...] = Field(min_length=3)
    largest: int = Field(ge=2)
    algorithm: str = "byte_bpe.v1"
    fit_rows: int | None = Field(default=None, ge=2)

    def run(self, place: Workplace) -> None:
        """Learn at several sizes, fit, learn at the size that is wanted, measure."""
        from isogloss.vocabulary.premium import count_tokens, learn_for_tokens
        from isogloss.vocabulary.sizes import at_sizes

        tags = [place.pivot, *place.languages]
        corpus = place.texts[self.text].keep(tags)
        train, fitting = self._parted(corpus, place.seed)
        columns = zip(*(fitting.texts(tag) for tag in tags), strict=True)
        rows_of_all = [each for each in columns if None not in each]
        if not rows_of_all:
            raise UsageError(f"none of {len(fitting)} rows has all of {', '.join(tags)}")
        parallel = dict(zip(tags, map(list, zip(*rows_of_all, strict=True)), strict=True))
        texts = {tag: there(train, tag) for tag in tags}
        learning = {"algorithm": self.algorithm, "seed": place.seed}
        advance = place.start(f"{self.name}: learn vocabularies", len(tags))
        alike = {}
        for tag in tags:
            [alike[tag]] = at_sizes(texts[tag], [self.size], **learning).values()
            advance(1)
        wanted = count_tokens(alike[place.pivot], parallel[place.pivot])
        own = learn_for_tokens(
            {tag: texts[tag] for tag in place.languages}, parallel, tokens=wanted,
            sizes=self.sizes, largest=self.largest, **learning,
        )  # fmt: skip
        held_out = place.texts[self.held_out]
        pivot = token_counts(alike[place.pivot], held_out, place.pivot)
        save_tokenizer(alike[place.pivot], place.folder / FILES / place.pivot)
        rows: list[Score] = []
        for tag, made in own.items():
            save_tokenizer(made.tokenizer, place.folder / FILES / tag)
            if not made.reached:
                place.notes.append(
                    f"{self.name}: {tag} does not get to {wanted} tokens with {made.size} pieces; "
                    f"{made.expected:.0f} are expected"
                )
            about: dict[str, Any] = {"language": tag, "pivot": place.pivot}
            for name, tokenizer in (("alike", alike[tag]), ("own", made.tokenizer)):
                counts = token_counts(tokenizer, held_out, tag)
                settings = {"sizes": name}
                size = tokenizer.get_vocab_size()
                rows += [
                    premium(counts, pivot, place.seed, missing=0, settings=settings, **about),
                    Score(measure="vocabulary_size", value=size, n=1, settings=settings, **about),
                ]
            error = made.law.error if made.law.held_out is None else made.law.held_out
            rows.append(
                Score(
                    measure="size_curve_error", value=error, n=len(rows_of_all),
                    settings={"of": "fit" if made.law.held_out is None else "sizes left out"},
                    **about,
                )
            )  # fmt: skip
        for name in ("alike", "own"):
            of_name = Scores(rows).where(measure="premium", settings={"sizes": name})
            each = [float(one.value or 0) for one in of_name]
            place.notes.append(
                f"{self.name}: premiums from {min(each):.2f} to {max(each):.2f} with vocabularies "
                + (f"of {self.size}" if name == "alike" else "of sizes of their own")
            )
        about = {"system": self.name, "dataset": held_out.name, "seed": place.seed}
        place.write(Scores(rows).having(**about))

    def _parted(self, corpus: Corpus, seed: int) -> tuple[Corpus, Corpus]:
        """The rows to learn from, and those to fit sizes on."""
        count = self.fit_rows or max(2, len(corpus) // 10)
        if count > len(corpus) - 2:
            raise UsageError(
                f"fit_rows: {count} of {len(corpus)} rows leave nothing to learn from",
                remedy="ask for fewer",
            )
        order = np.random.default_rng(seed).permutation(len(corpus))
        fitted, learned = np.sort(order[:count]), np.sort(order[count:])
        return corpus.take(learned.tolist()), corpus.take(fitted.tolist())

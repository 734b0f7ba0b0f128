"""A step that learns a tokenizer and measures it on held-out text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field, field_validator

from isogloss.corpus.records import Corpus
from isogloss.errors import UsageError
from isogloss.measure.measured import Measured, item_key
from isogloss.recipe.learning import save_tokenizer, scripts
from isogloss.recipe.step import FILES, Step, Workplace, full_name
from isogloss.registry import register
from isogloss.score import Interval, Score, Scores, bootstrap_mean, bootstrap_ratio

if TYPE_CHECKING:
    from tokenizers import Tokenizer


class FromText(Step):
    """What steps are told that learn on one text and measure on another."""

    text: str
    held_out: str
    algorithm: str = "unigram.v1"

    @field_validator("algorithm")
    @classmethod
    def _known(cls, name: str) -> str:
        return full_name("tokenizer", name)

    def needs(self) -> dict[str, str]:
        """The two texts."""
        return {"text": self.text, "held_out": self.held_out}


@register("step", "learn_tokenizer.v1")
class LearnTokenizer(FromText):
    """Learn a tokenizer on one text and measure it on another, language by language.

    It lies in the run's `files/<step>`, ready for `AutoTokenizer`.

    Attributes:
        text: learned from, the pivot among its languages.
        held_out: measured.
        algorithm: a registered tokenizer.
        size: wanted number of tokens.
        romanise: whether to spell other scripts in Latin letters.
        settings: the algorithm's own.
        lines: how many of a language's lines are learned from, the first ones; all by default.
        stage: written beside each score: before, after, or nothing.
    """

    size: int = Field(default=32_000, ge=2)
    romanise: bool = False
    settings: dict[str, Any] = Field(default={})
    lines: dict[str, int] = Field(default={})
    stage: Literal["before", "after"] | None = None

    def run(self, place: Workplace) -> None:
        """Learn, save, measure."""
        from isogloss.vocabulary.learn import learn, token_ids

        texts = learning_text(place.texts[self.text], place, self.lines)
        settings = dict(self.settings)
        if self.romanise:
            settings["scripts"] = scripts(texts)
        advance = place.start(f"{self.name}: learn {self.algorithm}", 1)
        tokenizer = learn(self.algorithm, texts, size=self.size, seed=place.seed, **settings)
        advance(1)
        save_tokenizer(tokenizer, place.folder / FILES)
        held_out = place.texts[self.held_out]
        made = lengths(tokenizer, held_out, place)
        size = tokenizer.get_vocab_size()
        rows = [*made.scores, Score(measure="vocabulary_size", value=size, n=1)]
        for tag, lines in texts.items():
            used = len({number for ids in token_ids(tokenizer, lines) for number in ids.tolist()})
            rows.append(Score(measure="vocabulary_used", value=used, n=len(lines), language=tag))
        place.notes.append(
            f"{self.name}: {size} tokens learned by {self.algorithm} from "
            + ", ".join(f"{len(lines)} lines of {tag}" for tag, lines in texts.items())
        )
        about = {"system": self.name, "stage": self.stage, "seed": place.seed}
        place.write(Scores(rows).having(dataset=held_out.name, **about), made.items)


def learning_text(corpus: Corpus, place: Workplace, most: dict[str, int]) -> dict[str, list[str]]:
    """The lines of the pivot and the languages, of some no more than so many.

    Raises:
        UnknownLanguage: a language in `most` that the corpus does not have.
        UsageError: fewer than one line.
    """
    if least := [tag for tag, count in most.items() if count < 1]:
        raise UsageError(f"lines: {least[0]} needs one line at least")
    limits = {str(corpus.resolve([tag])[0]): count for tag, count in most.items()}
    texts = {tag: there(corpus, tag) for tag in (place.pivot, *place.languages)}
    return {tag: lines[: limits.get(tag)] for tag, lines in texts.items()}


def there(corpus: Corpus, language: str) -> list[str]:
    """A language's texts without the missing ones."""
    return [text for text in corpus.texts(language) if text is not None]


def lengths(tokenizer: Tokenizer, corpus: Corpus, place: Workplace) -> Measured:
    """Tokens a sentence, premium over the pivot, and average log probability of every language."""
    from isogloss.vocabulary.capacity import log_probabilities

    rows, items = [], {}
    counts = {tag: token_counts(tokenizer, corpus, tag) for tag in (place.pivot, *place.languages)}
    for tag, tokens in counts.items():
        texts = there(corpus, tag)
        about = {"language": tag, "pivot": place.pivot, "missing": len(corpus) - len(texts)}
        outcomes = {
            "tokens_per_sentence": tokens[~np.isnan(tokens)],
            "average_log_probability": log_probabilities(tokenizer, texts),
        }
        for measure, each in outcomes.items():
            [found] = bootstrap_mean(each, seed=place.seed)
            rows.append(row(measure, found, len(each), **about))
            items[item_key(rows[-1])] = each
        if tag != place.pivot:
            rows.append(premium(tokens, counts[place.pivot], place.seed, **about))
    return Measured(Scores(rows), items)


def token_counts(tokenizer: Tokenizer, corpus: Corpus, language: str) -> np.ndarray:
    """`[rows]` tokens of each text, special tokens aside; NaN where it is missing."""
    from isogloss.vocabulary.learn import token_ids

    texts = corpus.texts(language)
    read = token_ids(tokenizer, [text or "" for text in texts])
    return np.array([np.nan if t is None else len(ids) for t, ids in zip(texts, read, strict=True)])


def premium(over: np.ndarray, under: np.ndarray, seed: int, *, missing: int, **about: Any) -> Score:
    """Tokens over the pivot's for the sentences that both have."""
    both = ~np.isnan(over) & ~np.isnan(under)
    found = bootstrap_ratio(over[both], under[both], seed=seed)
    return row("premium", found, int(both.sum()), missing=len(both) - int(both.sum()), **about)


def row(measure: str, found: Interval, n: int, *, missing: int, **about: Any) -> Score:
    """One score with its interval."""
    return Score(
        measure=measure, value=found.value, low=found.low, high=found.high, n=n,
        interval="bootstrap over sentences", dropped={"missing": missing} if missing else {},
        **about,
    )  # fmt: skip

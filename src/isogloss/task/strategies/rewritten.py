"""The target's text rewritten word by word, each as its class says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Literal

from isogloss.corpus.lexicon import read_lexicon
from isogloss.errors import UsageError
from isogloss.registry import register
from isogloss.task.contracts import Guess
from isogloss.task.examples import Examples
from isogloss.task.fitting import need_fit
from isogloss.task.job import Job
from isogloss.task.ledger import Ledger, timed
from isogloss.task.needs import needs
from isogloss.task.projection.acts import dictionary, parse_act, read_acts
from isogloss.task.projection.conditional import Decide, by_lexicon, conditional
from isogloss.task.word_classes import WordClasses, learn_classes


@register("strategy", "rewritten.v1")
@needs("acts")
def rewritten(
    job: Job,
    target: str,
    *,
    only: list[str] | None = None,
    every: str = "",
    decide: Literal["learned", "listed"] = "learned",
    labels: Literal["source", "target"] = "source",
) -> Sequence[Guess | None]:
    """Ask a language that took its words from several others as those would spell them.

    Each word of the target's text gets a class, such as where it came from, and of each class words
    are transliterated, translated by a dictionary or a translator, or left. Labels stay as they
    are, a word for a word. With `every` the classes are not asked: that is transliteration of all
    words, which the paper compares with; `zero_shot` and `target_labels` rewrite nothing. Prefer it
    where the model knows languages that the target is made of, in other letters.

    Source: Micallef, Habash, Borg, Eryani and Bouamor (2024), Cross-Lingual Transfer from Related
    Languages: Treating Low-Resource Maltese as Multilingual Code-Switching; they learn from the
    target's labels (`labels=target`).

    Args:
        job: what there is; `means.acts` says what is done with each class, `means.word_classes`
            which class words are of. Without the latter a word is of the class whose dictionary has
            it, the first one of several.
        target: canonical tag.
        only: classes whose words are rewritten; all that have an act by default.
        every: a class that all words are taken to be of.
        decide: of words that the list does not have, learn the class from those that it has, or
            leave them as they are.
        labels: learn from those of the source, whose text stays, or of the target, rewritten.

    Raises:
        UsageError: acts that there are none of, or without a file; classes that no word has; not
            one word is rewritten; labels that are places in a text.
        CorpusError: a file that is not a table.
    """
    need_fit("rewritten.v1", job.task.shape)
    acts: Mapping[str, str] = job.means.need("acts")
    check_classes(acts, job.means.word_classes, only, every)
    kinds = _decided(job, acts, every, decide)
    acts = {kind: text for kind, text in acts.items() if only is None or kind in only}
    if labels == "target":
        train = [_made(job, target, job.labelled(target), acts, kinds)]
    else:
        train = job.sources()
    asked = _made(job, target, job.test(target), acts, kinds)
    return job.tell(job.train(train), asked)


def check_classes(
    acts: Mapping[str, str], listed: Path | None, only: Sequence[str] | None, every: str
) -> None:
    """Refuse acts on classes that no word can be of.

    Args:
        acts: what is done with the words of each class.
        listed: the file of words with their classes.
        only: classes whose words are rewritten.
        every: the class that all words are taken to be of.

    Raises:
        UsageError: there is such a class.
        CorpusError: a file that is no list.
    """
    parted = {kind: parse_act(text) for kind, text in acts.items()}
    if every and only is not None:
        raise UsageError(
            f"only={only} and every={every}: all words are of one class, or some are rewritten",
            remedy="give one of the two",
        )
    if unsaid := [kind for kind in (every, *(only or ())) if kind and kind not in acts]:
        raise UsageError(
            f"nothing is said of words that are {unsaid[0]!r}",
            remedy=f"name one of {', '.join(acts)}, or give --act {unsaid[0]}=...",
        )
    if every:
        return
    if listed is None:
        if lacking := [kind for kind, (name, _) in parted.items() if name != "lexicon"]:
            raise UsageError(
                f"there is nothing by which a word is {lacking[0]}",
                remedy="give words with their classes: --word-classes FILE, or every="
                f"{lacking[0]} for all words",
            )
        return
    there = sorted({kind for _, kind in _entries(listed)})
    if unseen := [kind for kind in acts if kind not in there]:
        raise UsageError(
            f"no word of {listed} is {unseen[0]}, for which --act {unseen[0]}={acts[unseen[0]]} "
            "is given", remedy=f"its classes are {', '.join(there)}",
        )  # fmt: skip


def _entries(path: Path) -> tuple[tuple[str, str], ...]:
    return tuple(read_lexicon(path, delimiter="\t").entries)


def _decided(job: Job, acts: Mapping[str, str], every: str, decide: str) -> Decide:
    """What gives the words of a sentence their classes."""
    if every:
        return lambda words: [every] * len(words)
    if job.means.word_classes is None:
        found: dict[str, str] = {}
        for kind, text in acts.items():
            for word in dictionary(parse_act(text)[1]):
                found.setdefault(word, kind)
        return by_lexicon(found)
    entries = _entries(job.means.word_classes)
    if decide == "listed":
        return by_lexicon(dict(reversed(entries)))
    learned = _learned(entries)  # the same for all seeds
    job.ledger = timed(job.ledger, train_seconds=learned.seconds)
    job.notes.append(f"classes of words by {job.means.word_classes}: {learned.told()}")
    return learned


@lru_cache(maxsize=4)
def _learned(entries: tuple[tuple[str, str], ...]) -> WordClasses:
    return learn_classes(entries)


def _made(
    job: Job, target: str, examples: Examples, acts: Mapping[str, str], kinds: Decide
) -> Examples:
    """Examples rewritten; what became of their words is in the ledger."""
    asked = examples.split == "test"

    def translate(words: Sequence[str], into: str) -> list[str]:
        return job.translate(words, target, into, in_use=asked)

    with job.spending("predict_seconds" if asked else "train_seconds"):
        made, counts = conditional(examples, kinds, read_acts(acts, translate))
    if not any(why.endswith(": rewritten") for why in counts):
        raise UsageError(
            f"not one word of {len(examples)} examples of {target} {examples.split} was rewritten: "
            + ", ".join(f"{n} {why}" for why, n in counts.items()),
            remedy="look at what --act says of each class, and at the words with their classes",
        )
    words = {f"{examples.split}, {why}": n for why, n in counts.items()}
    job.ledger += Ledger(words=words)
    return made

"""Raw text of the target, labelled by way of the source and back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from difflib import SequenceMatcher

from isogloss.errors import TrainingError, UsageError
from isogloss.registry import register
from isogloss.settings import Fraction
from isogloss.task.contracts import Guess
from isogloss.task.examples import Examples
from isogloss.task.fitting import need_fit
from isogloss.task.job import Job
from isogloss.task.needs import needs
from isogloss.task.projection.contract import Labelled
from isogloss.task.projection.markers import STYLES, markers
from isogloss.task.retext import translated_words
from isogloss.task.spans import Span, scheme_of, spans, tags_of
from isogloss.task.strategies.projected import unit_of

_FAULTS = ("translations not used", "sentences whose own text has such marks")


@register("strategy", "crop.v1")
@needs("translator")
def crop(
    job: Job, target: str, *, style: str = "xml", least: Fraction = 0.8
) -> Sequence[Guess | None]:
    """Label raw text of the target through the source, and train on both.

    A sentence of the target is translated into the source and tagged there; its spans, between
    marks, are translated back, and each is looked for in the sentence as it was. So the text that
    is learned from is the target's own, and the labels those of the stronger model. It costs two
    translations a sentence, reads the target's `train` without labels, and leaves out sentences of
    which a span does not come back. Prefer `projected.v1` through a translation where the target
    has no raw text of the kind that is asked for.

    Source: Yang et al. (2022), CROP: Zero-shot Cross-lingual Named Entity Recognition with
    Multilingual Labeled Sequence Translation, section 3. There the marks are slots of a translator
    that was trained with them, here those of any translator.

    Args:
        job: what there is; its translator works both ways.
        target: canonical tag.
        style: of marks, see `markers.v1`.
        least: how alike, from 0 to 1, letter by letter, a span must be to what is taken for it.

    Raises:
        UsageError: labels that are no spans of words, marks that are none, a share that is none,
            no translator, or no text of the target.
        TranslatorError: no sentence was translated.
        TrainingError: none could be labelled.
    """
    need_fit("crop.v1", job.task.shape)
    if style not in STYLES:
        raise UsageError(f"no marks are called {style!r}", remedy=f"there are {', '.join(STYLES)}")
    if not 0 < least <= 1:
        raise UsageError(f"least is {least}", remedy="give a number over 0, up to 1")
    source = job.sources()
    if unit_of(source) != "spans":
        raise UsageError(
            "marks stand around spans, and these are tags of each word",
            remedy="take projected.v1 with carry = links",
        )
    job.means.need("translator")
    made = labelled(job, source, job.unlabelled(target), style, least)
    return job.tell(job.train([*source, made]), job.test(target))


def labelled(
    job: Job, source: Sequence[Examples], raw: Examples, style: str, least: float
) -> Examples:
    """Sentences of the target with tags that went through the source and back.

    Raises:
        TrainingError: none is left.
    """
    own, target = job.source[0], raw.language
    words = raw.column("words")
    read, there = translated_words(raw, job.translate, own)
    guesses = job.tell(job.train(source), read)
    tagged = {
        row: Labelled(one, spans(guess.value))
        for row, one, guess in zip(there, read.column("words"), guesses, strict=True) if guess
    }  # fmt: skip
    spanned = [row for row, one in tagged.items() if one.spans]
    carried: dict[int, list[Span] | None] = {row: [] for row in tagged}
    with job.aligning():
        back = markers([tagged[row] for row in spanned], translate=job.translate,
                       languages=(own, target), style=style)  # fmt: skip
        for row, one in zip(spanned, back.sentences, strict=True):
            carried[row] = None if one is None else located(one, words[row], least)
    faults = Counter({why: n for why, n in back.counts.items() if why.startswith(_FAULTS)})
    faults["a span was not found in the sentence"] = sum(
        one is not None and carried[row] is None
        for row, one in zip(spanned, back.sentences, strict=True)
    )
    faults["no translation, or no guess of it"] = len(raw) - len(tagged)
    job.dropped += Counter({f"raw text of {target}: {why}": n for why, n in faults.items() if n})
    kept = [row for row in range(len(raw)) if carried.get(row) is not None]
    if not kept:
        raise TrainingError(
            f"no sentence of {target} could be labelled: {dict(faults)}",
            remedy="try other marks, such as style = brackets, or a translator that keeps them",
        )
    scheme = scheme_of([tags for one in source for tags in one.column("tags")]) or "bio"
    tags = {row: tags_of(carried[row] or [], len(words[row]), scheme) for row in kept}
    return raw.having({"tags": [tags.get(row) for row in range(len(raw))]}).take(kept)


def located(marked: Labelled, words: Sequence[str], least: float) -> list[Span] | None:
    """The spans of a translation in a sentence that says the same; None where one is not found.

    Of stretches with as many words, or one more or less, the likest is taken, the leftmost of
    equals; what is taken is not taken twice.

    Args:
        marked: words of the translation, and its spans.
        words: of the sentence.
        least: how alike they must be.
    """
    free, found = [True] * len(words), []
    for span in marked.spans:
        asked = " ".join(marked.words[span.first : span.stop]).lower()
        best: tuple[float, int, int] | None = None
        size = span.stop - span.first
        for length in (size, size + 1, size - 1):
            for first in range(len(words) - length + 1 if length else 0):
                if all(free[first : first + length]):
                    here = " ".join(words[first : first + length]).lower()
                    like = SequenceMatcher(None, asked, here, autojunk=False).ratio()
                    if like >= least and (best is None or like > best[0]):
                        best = like, first, first + length
        if best is None:
            return None
        free[best[1] : best[2]] = [False] * (best[2] - best[1])
        found.append(Span(best[1], best[2], span.kind))
    return sorted(found)

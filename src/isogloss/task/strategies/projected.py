"""Labels of words carried onto text of the target."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, Field

from isogloss import registry
from isogloss.errors import CorpusError, SettingsError, UsageError
from isogloss.language import read_language
from isogloss.language.segment import tokens
from isogloss.match.statistical import MODELS
from isogloss.registry import register
from isogloss.settings import Count, Share, read_settings
from isogloss.task.contracts import Guess
from isogloss.task.examples import TREES, Examples, make_examples
from isogloss.task.fitting import need_fit
from isogloss.task.job import Job
from isogloss.task.ledger import Ledger
from isogloss.task.needs import needs
from isogloss.task.projection.aligned import Rules
from isogloss.task.projection.candidates import ABSENT, UNPROPOSED, by_translation
from isogloss.task.projection.contract import join
from isogloss.task.projection.linking import link_words
from isogloss.task.projection.project import Unit, project
from isogloss.task.projection.seq2seq import decoder_of, probability_of
from isogloss.task.solver import Tuning
from isogloss.task.spans import are_spans

if TYPE_CHECKING:
    from isogloss.task.projection.proposing import Proposer

_LOST = ("examples left out: no label", "examples left out: no translation", "sentences left out",
         "spans lost", ABSENT, UNPROPOSED, "translations not used", "words without a tag",
         "words hung on a neighbour", "searches that were cut short")  # fmt: skip


def _known(teaching: dict[str, Any]) -> dict[str, Any]:
    """Settings of `Tuning`; pydantic wants a ValueError to say which one is wrong."""
    try:
        read_settings(Tuning, teaching)
    except SettingsError as error:
        raise ValueError("; ".join(error.problems)) from None
    return teaching


Teaching = Annotated[dict[str, Any], AfterValidator(_known)]
DENSE = 0.8  # of trees: least share of words with a link


@register("strategy", "projected.v1")
@needs(through={"parallel": "parallel", "translation": "translator"}, propose={True: "proposer"})
def projected(
    job: Job,
    target: str,
    *,
    through: Literal["parallel", "translation"] = "parallel",
    carry: Literal["links", "marks", "codec", "candidates"] = "links",
    links: str = "itermax",
    layer: Annotated[int, Field(ge=0)] | None = None,
    coverage: Share | None = None,
    gap: Annotated[int, Field(ge=0)] | None = None,
    lost: Literal["example", "span"] = "example",
    propose: bool = False,
    beams: Count = 20,
    within: bool = False,
    unproposed: Literal["lost", "all"] = "lost",
    teaching: Teaching | None = None,
    calls: Count | None = None,
    hmm: bool = False,
    beside: bool = True,
) -> Sequence[Guess | None]:
    """Train on the source's labels, and on text of the target that labels were projected onto.

    Through `parallel` text the source's own model tags one side, and its tags are carried to the
    other: true sentences of the target, with errors of the model and of the links. Through a
    `translation` of the source's examples the labels are people's, and the sentences a machine's.
    It says more of the target than zero-shot transfer where the model reads it badly, and adds the
    errors of the links where it reads it well. What is not projected is counted by reason. Intents
    go with their sentence. Trees are sound only where nearly every word has a link, so sentences
    with fewer are left out.

    Source: Yarowsky and Ngai (2001), Inducing Multilingual POS Taggers and NP Bracketers, section 3
    (`parallel`); Jain et al. (2019), Entity Projection via Machine Translation for Cross-Lingual
    NER, section 3 (`translation`); Chen et al. (2023), EasyProject, section 3 (`marks`); Le et al.
    (2024), Constrained Decoding for Cross-lingual Label Projection, section 3 (`codec`);
    García-Ferrero et al. (2023), T-Projection, section 3 (`candidates` with `propose`); Chopra
    (2024), Zero Resource Cross-Lingual Part Of Speech Tagging (`hmm`); Rasooli and Collins (2015),
    Density-Driven Cross-Lingual Transfer of Dependency Parsers (trees that are nearly whole).

    Args:
        job: what there is.
        target: canonical tag.
        through: what carries the labels into the target.
        carry: along links between words; between marks that a translator keeps, or that it puts
            into its finished translation (`codec`); or to the stretches of it that it thinks most
            like each span (`candidates`). The last two ask a translator of a local folder.
        links: an extraction such as `itermax`, of the encoder's vectors; or a statistical model
            such as `eflomal`, of the words alone.
        layer: of the encoder; two thirds up by default.
        coverage: least share of words that must have a link, on the side where it is smaller; 0.8
            for trees, 0 for others by default.
        gap: most words without a link inside a span; any number by default.
        lost: where a span is lost, the `example` is left out or that `span` alone.
        propose: of `candidates`, judge what a model that learned to name spans proposes, in place
            of all stretches. It is the job's proposer; one that is no proposer yet is taught to be
            one by the source's labels.
        beams: of its search, each of which proposes.
        within: whether it can write only tokens that follow each other in the translation.
        unproposed: of `candidates`, a span that it proposes nothing for is `lost`, or sought in
            `all` stretches.
        teaching: of a proposer, where it is not as the model is taught: `epochs`, `learning_rate`.
        calls: of the translator's model, at most, for a span's search by `codec`; then the best
            that was found so far is taken, and such searches are counted. Any number by default.
        hmm: make projected tags whole by a hidden Markov model, as for parts of speech.
        beside: whether the source's own examples are read too.

    Raises:
        UsageError: labels of anything but words, marks without a translation or for tags that are
            no spans, `hmm` for what is no tags of words, a setting of another way to carry; or what
            carries the labels was not given, or cannot be asked.
        UnknownName: links that are none.
        CorpusError: no row of the parallel text that both languages have, or nothing could be
            projected.
    """
    need_fit("projected.v1", job.task.shape)
    _check_shares(coverage, gap)
    how: dict[str, Any] = {"links": links_by(job, links, layer)} if carry == "links" else {}
    source = job.sources()
    unit = unit_of(source)
    _check(through, carry, unit, hmm=hmm)
    _check_read(carry, unit, gap=gap, coverage=coverage, lost=lost, calls=calls)
    _check_proposing(carry, propose, within or unproposed != "lost" or bool(teaching))
    if unit == "spans" and carry == "links":
        how["rules"] = Rules(gap=gap, lost=lost, coverage=coverage or 0.0)
    elif unit != "spans":
        how["coverage"] = (DENSE if unit == "trees" else 0.0) if coverage is None else coverage
        how |= {"hmm": hmm} if unit == "words" else {}
    if through == "parallel":
        made = [of_parallel(job, source, target, unit, how)]
    elif carry == "links":
        made = [_of_translation(job, one, target, unit, how) for one in source]
    elif carry != "marks":
        limit = {"calls": calls} if carry == "codec" else {}
        if carry == "candidates":
            how["unproposed"] = unproposed
        proposer = _proposer(job, source, beams, within, teaching) if propose else None
        if proposer:
            how["propose"] = partial(proposer.propose, language=target)
        made = [
            _of_translation(job, one, target, unit,
                            how | limit | asked_of(job, carry, one.language, target, lost))
            for one in source
        ]  # fmt: skip
        if proposer:
            job.note(proposer.notes)
    else:
        with job.aligning():
            told = [project(one, None, "markers", language=target, translate=job.translate)
                    for one in source]  # fmt: skip
        made = [_counted(job, *one) for one in told]
    return job.tell(job.train([*source, *made] if beside else made), job.test(target))


def parallel_examples(job: Job, target: str) -> tuple[Examples, list[list[str]]]:
    """Words of the source side of n-way text without labels, and of the target side.

    Rows that lack one side are counted.

    Raises:
        UsageError: there is no parallel text, or not of both languages.
        CorpusError: no row has both sides.
    """
    corpus, own = job.means.need("parallel"), job.source[0]
    there = set(map(str, corpus.languages))
    if lacking := [tag for tag in (own, target) if tag not in there]:
        raise UsageError(
            f"{corpus.name}, the parallel text, has no {' and no '.join(lacking)}",
            remedy="give parallel text of the source and of every target with --parallel",
        )
    rows = list(zip(corpus.ids, corpus.texts(own), corpus.texts(target), strict=True))
    both = [row for row in rows if row[1] and row[2]]
    if not both:
        raise CorpusError(
            f"no row has both {own} and {target}", file=corpus.source or None,
            remedy="give parallel text of these two with --parallel",
        )  # fmt: skip
    job.dropped += Counter({f"rows of {corpus.name} without both languages": len(rows) - len(both)})
    job.ledger += Ledger(parallel={(own, target): len(both)})
    scripts = [read_language(tag).script for tag in (own, target)]
    words = [tokens(text, scripts[0]) for _, text, _ in both]
    columns = {"id": [name for name, _, _ in both], "words": words}
    return make_examples(corpus.name, own, job.task.shape, columns), [
        tokens(text, scripts[1]) for _, _, text in both
    ]


def of_parallel(
    job: Job, source: Sequence[Examples], target: str, unit: Any, how: Mapping[str, Any]
) -> Examples:
    """The target side of n-way text with tags of the source's model; `how` is of `project`."""
    own, translations = parallel_examples(job, target)
    guesses = job.tell(job.train(source), own)
    tagged = own.told([None if one is None else one.value for one in guesses])
    with job.aligning():
        told = project(tagged, translations, language=target, unit=unit, **how)
    return _counted(job, *told)


def _of_translation(
    job: Job, source: Examples, target: str, unit: Any, how: Mapping[str, Any]
) -> Examples:
    script = read_language(source.language).script
    texts = [join(words, script) for words in source.column("words")]
    there = [row for row, text in enumerate(texts) if text.strip()]
    done = job.translate([texts[row] for row in there], source.language, target)
    made: list[str | None] = [None] * len(texts)
    for row, text in zip(there, done, strict=True):
        made[row] = text
    with job.aligning():
        told = project(source, made, language=target, unit=unit, **how)
    return _counted(job, *told)


def asked_of(job: Job, carry: str, own: str, target: str, lost: str) -> dict[str, Any]:
    """A projection that asks the translator's model, and what it needs.

    Raises:
        UsageError: there is no translator, or none that can be asked.
    """
    translator = job.means.need("translator")
    inner = getattr(translator, "inner", translator)  # behind a cache of translations
    if carry == "candidates" and hasattr(inner, "probability"):
        score = by_translation(inner.probability, (own, target))
        return {"method": carry, "lost": lost, "score": score}
    if not hasattr(inner, "asked"):
        raise UsageError(
            f"{carry} asks a translator token by token, which {inner.name} cannot be",
            remedy="name one of a folder: --translator local:FOLDER",
        )
    if carry == "codec":
        script = read_language(own).script
        more = {"decoder": decoder_of(inner, (own, target)), "script": script}
    else:
        more = {"score": by_translation(probability_of(inner), (own, target))}
    return {"method": carry, "lost": lost, **more}


def _proposer(
    job: Job, source: Sequence[Examples], beams: int, within: bool,
    teaching: Mapping[str, Any] | None,
) -> Proposer:  # fmt: skip
    """The job's proposer; taught by the source's labels, if it is none yet.

    Raises:
        UsageError: there is no such model; or it is taught already, and was to be taught so.
    """
    from isogloss.task.projection.proposing import ProposeTask, is_proposer, open_proposer

    folder = job.means.need("proposer")
    if not is_proposer(folder.path):
        made: Any = job.train(source, task=ProposeTask(), after=folder.path, **(teaching or {}))
    elif teaching:
        raise UsageError(f"{folder.path} is a proposer already", remedy="leave out teaching")
    else:
        made = open_proposer(folder)
    return replace(made, beams=beams, within=within, notes=[*made.notes])  # of this target alone


def _counted(job: Job, made: Examples, counts: Mapping[str, int]) -> Examples:
    """The projected examples, once what was lost on the way is written down."""
    lost = {why: n for why, n in counts.items() if why.startswith(_LOST) and n}
    job.dropped += Counter({f"projected to {made.language}: {why}": n for why, n in lost.items()})
    return made


def links_by(job: Job, by: str, layer: int | None) -> Callable[..., list]:
    """What links words of both sides, see `link_words`; asked for before anything is trained.

    Raises:
        UsageError: no encoder where it reads vectors, or a layer that is not there.
        UnknownName: neither an extraction nor a statistical model.
    """
    made = partial(link_words, by=by, encoder=job.means.encoder, layer=layer, seed=job.seed)
    if by in MODELS:
        if layer is not None:
            raise UsageError(f"{by} reads words and has no layer {layer}", remedy="leave it out")
        return made
    registry.get("extraction", by)
    if (encoder := job.means.encoder) is None:
        raise UsageError(
            "the strategy needs an encoder for the links", remedy="give one, or set links = eflomal"
        )
    if layer is not None and layer not in encoder.layers:
        raise UsageError(
            f"{encoder.name} has no layer {layer}",
            remedy=f"it has {', '.join(map(str, encoder.layers))}; without one, two thirds up",
        )
    return made


def unit_of(source: Sequence[Examples]) -> Unit:
    """What the labels of training data are: tags of spans, as BIO, or of each word, or trees."""
    if source[0].shape == TREES:
        return "trees"
    tags = [one for examples in source for one in examples.column("tags") if one is not None]
    return "spans" if are_spans(tags) else "words"


def _check_shares(coverage: float | None, gap: int | None) -> None:
    if not 0 <= (coverage or 0) <= 1 or (gap is not None and gap < 0):
        raise UsageError(
            f"gap is {gap} and coverage {coverage}",
            remedy="gap is a number of words from 0 on, coverage a share from 0 to 1",
        )


def _check_read(
    carry: str, unit: str, *, gap: int | None, coverage: float | None, lost: str, calls: int | None
) -> None:
    """Refuse settings that this way to carry does not read."""
    unread = {
        "gap": gap is not None and (carry, unit) != ("links", "spans"),
        "coverage": coverage is not None and carry != "links",
        "lost": lost != "example" and (carry == "marks" or unit != "spans"),
        "calls": calls is not None and carry != "codec",
    }
    if wrong := [name for name, there in unread.items() if there]:
        raise UsageError(f"{wrong[0]} is not for {unit} that are carried by {carry}",
                         remedy="leave it out")  # fmt: skip


def _check_proposing(carry: str, propose: bool, set_up: bool) -> None:
    if (propose or set_up) and carry != "candidates":
        raise UsageError(f"nothing is proposed for {carry}", remedy="set carry = candidates")
    if set_up and not propose:
        raise UsageError("within, unproposed and teaching are of a proposer",
                         remedy="set propose = true")  # fmt: skip


def _check(through: str, carry: str, unit: str, *, hmm: bool) -> None:
    told = {"words": "tags of each word"}.get(unit, unit)
    if carry != "links" and through != "translation":
        raise UsageError(
            "only a translator carries marks" if carry == "marks"
            else f"{carry} asks a translator", remedy="set through = translation",
        )  # fmt: skip
    if carry != "links" and unit != "spans":
        raise UsageError(f"marks stand around spans, and these are {told}",
                         remedy="set carry = links")  # fmt: skip
    if hmm and unit != "words":
        raise UsageError(f"hmm is for tags such as parts of speech, and these are {told}",
                         remedy="leave hmm out")  # fmt: skip

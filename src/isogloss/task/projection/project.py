"""Labelled examples of one language to those of another, by any of the projections."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from isogloss import registry
from isogloss.errors import CorpusError, UsageError
from isogloss.language import read_language
from isogloss.language.segment import tokens
from isogloss.task.examples import TREES, Examples, make_examples
from isogloss.task.projection.aligned import (
    UNKNOWN,
    Links,
    aligned_tags,
    aligned_tree,
    checked_links,
)
from isogloss.task.projection.contract import Labelled, Projected
from isogloss.task.projection.hmm import fit_hmm, tag
from isogloss.task.projection.markers import Segment
from isogloss.task.spans import BEGIN, are_spans, scheme_of, spans, tags_of

Unit = Literal["spans", "words", "trees"]
Method = str | Callable[..., Projected]
NO_LABEL, NO_TRANSLATION = "no label", "no translation"


def project(
    examples: Examples,
    translations: Sequence[str | Sequence[str] | None] | None,
    method: Method = "aligned",
    *,
    language: str,
    segment: Segment = tokens,
    unit: Unit | None = None,
    **how: Any,
) -> tuple[Examples, dict[str, int]]:
    """The examples in another language, with their labels on the words of the translation.

    Args:
        examples: words with tags; those of `INTENTS` keep their intent, and those of `TREES` have
            their tags, features and heads projected.
        translations: one an example, as text or as words; None where there is none. None in all for
            a method that translates: `markers`.
        method: a registered projection or one like it: `aligned`, `markers`, `codec`,
            `candidates`; tags that are no spans, and trees, are projected by links whatever it is.
        language: of the translations, any spelling of its tag.
        segment: translations that are texts to words.
        unit: what tags are: `spans` where all of them are BIO or the like, `words` otherwise, and
            `trees` for `TREES`.
        how: what the method needs, such as `links` of every example; see `aligned`, `markers`,
            `codec`, `candidates`, `project_tags` and `project_trees`.

    Returns:
        The examples that could be projected, and counts of what became of all of them.

    Raises:
        CorpusError: another number of translations than of examples, links outside a sentence, or
            nothing that could be projected.
        UsageError: examples without words, or something that the method needs is not given.
    """
    if "words" not in examples.shape.columns:
        raise UsageError(
            f"{examples.shape.name}: there are no words whose labels could be projected",
            remedy="give words with tags, slots or trees",
        )
    target = read_language(language)
    if translations is not None and len(translations) != len(examples):
        left_out = sum(examples.dropped.values())
        raise CorpusError(
            f"{len(translations)} translations of {len(examples)} examples",
            remedy="give one an example, in the same order, and an empty one where there is none"
            + (f"; {left_out} examples were left out when they were read" if left_out else ""),
        )
    words = _words(translations, segment, target.script)
    kept, dropped = _usable(examples, words)
    if not kept:
        raise CorpusError(f"nothing to project: {dict(dropped)}", file=examples.source or None)
    own = examples.take(kept)
    given = None if words is None else [words[row] for row in kept]
    if (links := how.get("links")) is not None and not callable(links):
        _check_links(links, examples, words or ())
        how = {**how, "links": [links[row] for row in kept]}
    unit = unit or _unit(own)
    if unit == "spans":
        columns, counts = _spans(own, given, method, str(target), segment, how)
    else:
        if given is None:
            raise UsageError(
                f"{unit} are projected by links, and there are no translations",
                remedy="give translations, and links between their words and those of the examples",
            )
        columns, counts = (project_trees if unit == "trees" else project_tags)(own, given, **how)
    left = [row for row, value in enumerate(columns["words"]) if value is not None]
    if lost := len(own) - len(left):
        dropped["not projected"] += lost
    counts = {
        "examples": len(examples), "examples projected": len(left),
        **{f"examples left out: {why}": n for why, n in dropped.items()}, **counts,
    }  # fmt: skip
    if not left:
        raise CorpusError(
            f"no example could be projected: {counts}", file=examples.source or None,
            remedy="look at the reasons; other links, another method or laxer rules may do",
        )  # fmt: skip
    name = method if isinstance(method, str) else getattr(method, "__name__", "a projection")
    intents = {"label": own.column("label")} if "label" in own.shape.columns else {}
    made = make_examples(
        examples.name, str(target), examples.shape,
        {key: [values[row] for row in left]
         for key, values in {"id": own.ids, **columns, **intents}.items()},
        split=examples.split, source=examples.source, licence=examples.licence,
        notes=(*examples.notes, f"labels projected from {examples.language} by {name}"),
        dropped=Counter(examples.dropped) + dropped,
    )  # fmt: skip
    return made, counts


def project_tags(
    examples: Examples,
    target: Sequence[Sequence[str]],
    *,
    links: Links,
    coverage: float = 0.0,
    hmm: bool | Mapping[str, Any] = False,
) -> tuple[dict[str, list], dict[str, int]]:
    """Tags of words by links; with `hmm` made whole by a hidden Markov model of them.

    Args:
        examples: with tags.
        target: words of their translations.
        links: between words.
        coverage: see `aligned_tags`.
        hmm: whether to fit one on the projected tags and take what it says instead of them; or
            settings of `fit_hmm`.

    Returns:
        The columns, None in rows that are left out, and counts.
    """
    tags, counts = aligned_tags(
        examples.column("words"), examples.column("tags"), target, links=links, coverage=coverage
    )
    if hmm:
        rows = [row for row, one in enumerate(tags) if one is not None]
        sentences, projected = [target[row] for row in rows], [tags[row] or [] for row in rows]
        model, _ = fit_hmm(sentences, projected, **({} if hmm is True else dict(hmm)))
        for row, new in zip(rows, tag(model, sentences), strict=True):
            old = tags[row] or []
            pairs = [(a, b) for a, b in zip(old, new, strict=True) if a != b]
            counts["words tagged by the hidden Markov model alone"] = counts.get(
                "words tagged by the hidden Markov model alone", 0
            ) + sum(a == UNKNOWN for a, _ in pairs)
            counts["words whose projected tag it changed"] = counts.get(
                "words whose projected tag it changed", 0
            ) + sum(a != UNKNOWN for a, _ in pairs)
            tags[row] = new
    words = [None if one is None else list(own) for one, own in zip(tags, target, strict=True)]
    return {"words": words, "tags": tags}, counts


def project_trees(
    examples: Examples,
    target: Sequence[Sequence[str]],
    *,
    links: Links,
    coverage: float = 0.0,
) -> tuple[dict[str, list], dict[str, int]]:
    """Dependency trees by links; words without one hang on the nearest linked word before them.

    Such a word has the tag `X` and the relation `dep`; the first linked word takes those before it.
    Many of them make a poor tree: choose sentences by `coverage`.

    Args:
        examples: with heads and relations.
        target: words of their translations.
        links: between words.
        coverage: least share of words with a link, on the side where it is smaller.

    Returns:
        The columns, None in rows that are left out, and counts.
    """
    made: Any = links(examples.column("words"), target) if callable(links) else links
    tags, counts = aligned_tags(
        examples.column("words"), examples.column("tags"), target, links=made, coverage=coverage
    )
    columns: dict[str, list] = {
        name: [] for name in ("words", "tags", "features", "heads", "relations")
    }
    gold = zip(*(examples.column(name) for name in ("features", "heads", "relations")), strict=True)
    tally = Counter(counts)
    for labels, words, pairs, (features, heads, relations) in zip(
        tags, target, made, gold, strict=True
    ):
        if labels is None or heads is None or all(label == UNKNOWN for label in labels):
            if labels is not None:
                tally["sentences left out: no tree, or no word of it has a link"] += 1
            for values in columns.values():
                values.append(None)
            continue
        tree = aligned_tree(heads, relations or ["dep"] * len(heads), len(words), pairs)
        known = [at for at, head in enumerate(tree.heads) if head is not None]
        tally["words hung on a neighbour"] += len(words) - len(known)
        near = [max((k for k in known if k < at), default=known[0]) + 1 for at in range(len(words))]
        columns["words"].append(list(words))
        columns["tags"].append(["X" if label == UNKNOWN else label for label in labels])
        columns["heads"].append([near[at] if head is None else head
                                 for at, head in enumerate(tree.heads)])  # fmt: skip
        columns["relations"].append([one or "dep" for one in tree.relations])
        columns["features"].append(["_" if at is None or features is None else features[at]
                                    for at in tree.carriers])  # fmt: skip
    return columns, dict(tally)


def _spans(
    own: Examples,
    given: list[list[str]] | None,
    method: Method,
    language: str,
    segment: Segment,
    how: Mapping[str, Any],
) -> tuple[dict[str, list], dict[str, int]]:
    call = registry.get("projection", method) if isinstance(method, str) else method
    tags = own.column("tags")
    source = [
        Labelled(words, spans(told)) for words, told in zip(own.column("words"), tags, strict=True)
    ]
    name = registry.name_of("projection", call)
    if name == "markers.v1":
        how = {"languages": (own.language, language), "segment": segment, **how}
    elif given is None:
        raise UsageError(
            f"{name} needs translations", remedy="give one an example, or choose markers"
        )
    try:
        made = call(source, given, **how)
    except TypeError as error:
        if "keyword" not in str(error):
            raise
        raise UsageError(f"{name}: {error}", remedy="see what the method needs") from None
    scheme = scheme_of(tags) or "bio"
    columns: dict[str, list] = {
        "words": [None if one is None else list(one.words) for one in made.sentences],
        "tags": [None if one is None else tags_of(one.spans, len(one.words), scheme)
                 for one in made.sentences],
    }  # fmt: skip
    begun = sum(
        told[one.first][0] not in BEGIN
        for told, sentence in zip(tags, source, strict=True) for one in sentence.spans
    )  # fmt: skip
    without = {"spans of the source without a beginning tag": begun} if begun else {}
    return columns, {**made.counts, **without}


def _words(
    translations: Sequence[str | Sequence[str] | None] | None, segment: Segment, script: str
) -> list[list[str]] | None:
    if translations is None:
        return None
    return [segment(one, script) if isinstance(one, str) else list(one or ())
            for one in translations]  # fmt: skip


def _check_links(links: Sequence, examples: Examples, words: Sequence[Sequence[str]]) -> None:
    """Refuse links that do not fit, with the number that the sentence has in the user's files."""
    if len(links) != len(examples):
        raise CorpusError(
            f"links of {len(links)} sentences for {len(examples)} examples",
            remedy="give the links of every example, in the same order; none where there are none",
        )
    both = zip(examples.ids, links, examples.column("words"), words, strict=False)
    for number, (name, pairs, own, other) in enumerate(both, 1):
        if own and other:
            checked_links(pairs, len(own), len(other), f"sentence {number} ({name!r})")


def _usable(examples: Examples, words: Sequence | None) -> tuple[list[int], Counter[str]]:
    dropped: Counter[str] = Counter()
    kept = []
    for row, tags in enumerate(examples.column("tags")):
        if tags is None:
            dropped[NO_LABEL] += 1
        elif words is not None and not words[row]:
            dropped[NO_TRANSLATION] += 1
        else:
            kept.append(row)
    return kept, dropped


def _unit(examples: Examples) -> Unit:
    if examples.shape == TREES:
        return "trees"
    return "spans" if are_spans(examples.column("tags")) else "words"

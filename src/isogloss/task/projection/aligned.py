"""Labels of words carried to a translation along links between words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, NamedTuple

from isogloss.errors import CorpusError, UsageError
from isogloss.registry import register
from isogloss.task.projection.contract import Labelled, Projected, check_lengths
from isogloss.task.spans import Span

Pairs = Iterable[Sequence[int]]
"""Links of one sentence: (source word, target word), from 0; an array `[k, 2]` will do."""
Links = Sequence[Pairs] | Callable[[Sequence[Sequence[str]], Sequence[Sequence[str]]], list[Pairs]]
"""Of every sentence; or what makes them of the words of both sides."""
UNKNOWN = "_"  # the tag of a word that nothing is known of


class Rules(NamedTuple):
    """What to do where links do not say it.

    Attributes:
        gap: most words without a link inside a span; one with a larger gap is cut there, and the
            part with most linked words is kept. None for any number.
        meeting: of spans that have a word in common, `larger` keeps the one with more linked words
            (the first of equals), `first` the first in the source, and `neither` none.
        lost: where a span is lost, leave out the `example`, or that `span` alone, whose words then
            look as if they were no span.
        coverage: least share of words that must have a link, on the side where it is smaller.
    """

    gap: int | None = None
    meeting: Literal["larger", "first", "neither"] = "larger"
    lost: Literal["example", "span"] = "example"
    coverage: float = 0.0


USUAL = Rules()


@register("projection", "aligned.v1")
def aligned(
    source: Sequence[Labelled],
    target: Sequence[Sequence[str]],
    *,
    links: Links,
    rules: Rules = USUAL,
) -> Projected:
    """Spans carried to the words that theirs are linked to, and what stands between these.

    A span becomes the hull of the target words that are linked to one of its own. Prefer it where
    good links are at hand: it needs no translator of one's own and any translation will do. A
    single stray link makes a hull too long; `rules.gap` is for that.

    Args:
        source: n sentences with their spans.
        target: words of the n translations.
        links: between their words.
        rules: what to do where links do not say it.

    Raises:
        CorpusError: other numbers of sentences or of links, or a link outside its sentence.
        UsageError: rules that mean nothing.

    Source: Yarowsky, Ngai and Wicentowski (2001), Inducing Multilingual Text Analysis Tools,
    sections 4 and 6; Ehrmann, Turchi and Steinberger (2011), Building a Multilingual Named
    Entity-Annotated Corpus Using Annotation Projection.
    """
    _check(rules)
    counts: Counter[str] = Counter()
    made = []
    for one, words, pairs in _linked([s.words for s in source], source, target, links):
        spans = None
        if _coverage(pairs, len(one.words), len(words)) < rules.coverage:
            counts["sentences left out: too few linked words"] += 1
        else:
            spans = _project(one.spans, pairs, rules, counts)
        if spans is not None and len(spans) < len(one.spans) and rules.lost == "example":
            counts["sentences left out: a span was lost"] += 1
            spans = None
        counts["spans of the source"] += len(one.spans)
        counts["spans projected"] += len(spans or ())
        made.append(None if spans is None else Labelled(words, sorted(spans)))
    return Projected(made, dict(counts))


def aligned_tags(
    words: Sequence[Sequence[str]],
    tags: Sequence[Sequence[str]],
    target: Sequence[Sequence[str]],
    *,
    links: Links,
    coverage: float = 0.0,
) -> tuple[list[list[str] | None], dict[str, int]]:
    """Tags of words, such as UPOS, carried along links one by one.

    A word takes the tag that most of the words linked to it have, the first of equals, and
    `UNKNOWN` where none is. Words with unknown tags have no vote.

    Args:
        words: of n sentences.
        tags: one a word.
        target: words of the n translations.
        links: between their words.
        coverage: as in `Rules`; sentences with less are None.

    Returns:
        Tags of every translation, and counts.

    Raises:
        CorpusError: as `aligned`.

    Source: Yarowsky and Ngai (2001), Inducing Multilingual POS Taggers, section 3.
    """
    counts: Counter[str] = Counter()
    made: list[list[str] | None] = []
    for labels, one, pairs in _linked(words, tags, target, links):
        if _coverage(pairs, len(labels), len(one)) < coverage:
            counts["sentences left out: too few linked words"] += 1
            made.append(None)
            continue
        votes: list[Counter[str]] = [Counter() for _ in one]
        for i, j in sorted(pairs):
            if labels[i] != UNKNOWN:
                votes[j][labels[i]] += 1
        made.append([vote.most_common(1)[0][0] if vote else UNKNOWN for vote in votes])
        known = sum(map(bool, votes))
        counts["words tagged"] += known
        counts["words without a tag: no link"] += len(one) - known
        counts["words whose links disagreed"] += sum(len(vote) > 1 for vote in votes)
    return made, dict(counts)


class Tree(NamedTuple):
    """Heads of a translation's words.

    Attributes:
        heads: the number of each word's head from 1, 0 for the root; None where nothing is known.
        relations: to the heads; None where nothing is known.
        carriers: the source word, from 0, whose place a word has; None for those that have none.
    """

    heads: list[int | None]
    relations: list[str | None]
    carriers: list[int | None]


def aligned_tree(heads: Sequence[int], relations: Sequence[str], length: int, links: Pairs) -> Tree:
    """Dependencies carried along links, in the simple form of direct correspondence.

    Of several source words that are linked to one target word, the one nearest the root counts. Of
    several target words of a source word, the first has its place and the others hang on it as
    `dep`. A source word without a link is passed over: what hangs on it hangs on the next word
    above. Of several roots that remain, the others hang on the first. The result has no cycle.

    Args:
        heads: of the source words: a word's number from 1, or 0.
        relations: to these heads.
        length: words of the translation.
        links: between the words.

    Raises:
        CorpusError: heads that are no tree, or a link outside the sentence.

    Source: Hwa, Resnik, Weinberg, Cabezas and Kolak (2005), Bootstrapping Parsers via Syntactic
    Projection across Parallel Texts, section 3.2.
    """
    pairs = checked_links(links, len(heads), length, "the sentence")
    depth = [_depth(heads, i) for i in range(len(heads))]
    carrier: list[int | None] = [None] * length
    for i, j in sorted(pairs):
        at = carrier[j]
        if at is None or depth[i] < depth[at]:
            carrier[j] = i
    place: dict[int, int] = {}  # of a source word among the target words
    for j, i in enumerate(carrier):
        if i is not None:
            place.setdefault(i, j)
    made: list[int | None] = [None] * length
    told: list[str | None] = [None] * length
    for j, i in enumerate(carrier):
        if i is None:
            continue
        if place[i] != j:
            made[j], told[j] = place[i] + 1, "dep"
            continue
        above = heads[i]
        while above and above - 1 not in place:
            above = heads[above - 1]
        made[j], told[j] = (place[above - 1] + 1 if above else 0), relations[i]
    roots = sorted((depth[carrier[j] or 0], j) for j, head in enumerate(made) if head == 0)
    for _, j in roots[1:]:
        made[j] = roots[0][1] + 1
    if roots:
        told[roots[0][1]] = "root"
    return Tree(made, told, carrier)


def _project(
    spans: Sequence[Span], pairs: set[tuple[int, int]], rules: Rules, counts: Counter[str]
) -> list[Span]:
    found: list[tuple[Span, int]] = []  # with the number of its linked words
    for span in spans:
        linked = sorted({j for i, j in pairs if span.first <= i < span.stop})
        if not linked:
            counts["spans lost: no word has a link"] += 1
            continue
        parts = _parts(linked, rules.gap)
        if len(parts) > 1:
            counts["spans cut at a gap"] += 1
        best = max(parts, key=len)
        found.append((Span(best[0], best[-1] + 1, span.kind), len(best)))
    kept: list[Span] = []
    if rules.meeting == "neither":
        kept = [a for n, (a, _) in enumerate(found)
                if not any(_meet(a, b) for m, (b, _) in enumerate(found) if m != n)]  # fmt: skip
    else:
        order = found if rules.meeting == "first" else sorted(found, key=lambda one: -one[1])
        for span, _ in order:
            if not any(_meet(span, other) for other in kept):
                kept.append(span)
    if lost := len(found) - len(kept):
        counts["spans lost: met another"] += lost
    return kept


def _parts(linked: Sequence[int], gap: int | None) -> list[list[int]]:
    parts = [[linked[0]]]
    for j in linked[1:]:
        if gap is not None and j - parts[-1][-1] - 1 > gap:
            parts.append([])
        parts[-1].append(j)
    return parts


def _meet(a: Span, b: Span) -> bool:
    return a.first < b.stop and b.first < a.stop


def _linked(words: Sequence[Sequence[str]], labels: Sequence, target: Sequence, links: Links):
    """Labels, target words and checked links of every sentence."""
    check_lengths(words, target)
    check_lengths(words, labels)
    made: Any = links(words, target) if callable(links) else links
    if len(made) != len(words):
        raise CorpusError(
            f"links of {len(made)} sentences for {len(words)}",
            remedy="give the links of every sentence, in the same order",
        )
    for n, (own, label, one, pairs) in enumerate(zip(words, labels, target, made, strict=True), 1):
        yield label, one, checked_links(pairs, len(own), len(one), f"sentence {n}")


def checked_links(pairs: Pairs, source: int, target: int, where: str) -> set[tuple[int, int]]:
    """Links as pairs of numbers, none of which lies outside its sentence."""
    found = {(int(i), int(j)) for i, j in pairs}
    for i, j in found:
        if not (0 <= i < source and 0 <= j < target):
            raise CorpusError(
                f"{where}: the link {i}-{j} lies outside {source} and {target} words",
                remedy="links count words from 0; check that they are of these very words",
            )
    return found


def _coverage(pairs: set[tuple[int, int]], source: int, target: int) -> float:
    shares = [len({pair[at] for pair in pairs}) / n for at, n in enumerate((source, target)) if n]
    return min(shares) if len(shares) == 2 else 0.0


def _depth(heads: Sequence[int], at: int) -> int:
    steps, above = 0, at + 1
    while above:
        if not 0 < above <= len(heads) or steps > len(heads):
            raise CorpusError(
                f"heads {list(heads)} are no tree", remedy="each head is a word's number, or 0"
            )
        steps, above = steps + 1, heads[above - 1]
    return steps


def _check(rules: Rules) -> None:
    for name, known in (("meeting", ("larger", "first", "neither")), ("lost", ("example", "span"))):
        if getattr(rules, name) not in known:
            raise UsageError(
                f"{name} is {getattr(rules, name)!r}", remedy=f"one of {', '.join(known)}"
            )
    if (rules.gap is not None and rules.gap < 0) or not 0 <= rules.coverage <= 1:
        raise UsageError(
            f"gap is {rules.gap} and coverage {rules.coverage}",
            remedy="gap is None or a number of words, coverage a share from 0 to 1",
        )

"""Share a vocabulary's places among languages by what each gains from them (VoCap)."""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from isogloss.errors import UsageError
from isogloss.registry import full_name, register
from isogloss.vocabulary.learn import NoRoom, token_ids, with_scores
from isogloss.vocabulary.merges import POINTS
from isogloss.vocabulary.sampling import Texts, shares
from isogloss.vocabulary.sizes import at_sizes
from isogloss.vocabulary.special import Special, special_tokens

if TYPE_CHECKING:
    from tokenizers import Tokenizer


def average_log_probability(tokenizer: Tokenizer, lines: Sequence[str]) -> float:
    """ALP = 1/|D| sum_s sum_k log p(s_k), p the share of a token among all of the text's tokens.

    Natural logarithm; s_k is the k-th token of line s, special tokens aside. It grows with the
    vocabulary: fewer tokens a line outweigh that each is rarer.

    Raises:
        UsageError: a text without tokens.

    Source: Zheng et al. (2021), Allocating Large Vocabulary Capacity for Cross-lingual Language
    Model Pre-training, section 2, equation 1.
    """
    return float(log_probabilities(tokenizer, lines).mean())


def log_probabilities(tokenizer: Tokenizer, lines: Sequence[str]) -> np.ndarray:
    """`[n]` sum_k log p(s_k) of each line; raises what `average_log_probability` raises."""
    ids = list(token_ids(tokenizer, lines))
    together = np.concatenate([*ids, np.empty(0, np.int32)])  # [tokens]
    if not len(together):
        raise UsageError("a text without tokens has no average log probability")
    counts = np.bincount(together)
    log_p = np.log(np.maximum(counts, 1) / len(together))  # [V]
    return np.array([log_p[one].sum() for one in ids])


class Language(NamedTuple):
    """What one language makes of vocabularies of rising sizes.

    Attributes:
        alp: its average log probability with each.
        pieces: the pieces of each.
    """

    alp: Sequence[float]
    pieces: Sequence[frozenset[str]]


class Allocation(NamedTuple):
    """Which vocabulary each language gets.

    Attributes:
        steps: per language the index of its vocabulary.
        pieces: how many different pieces all have together.
    """

    steps: Mapping[str, int]
    pieces: int


def allocate(
    languages: Mapping[str, Language], q: Mapping[str, float], *, size: int, beta: float = 0.7
) -> Allocation:
    """Vocabularies of the largest sum_l q_l^beta ALP_l(V_l), in union at most `size` pieces.

    Greedy: all begin with their smallest vocabulary; the language whose next one adds most to the
    sum takes it, until no next one fits. A piece that several languages have takes one place.

    Args:
        languages: by tag.
        q: the languages' shares of the text that a model will read.
        size: places there are.
        beta: 1 counts a language by its share, 0 all alike.

    Raises:
        UsageError: tags that are not the same.
        NoRoom: the smallest vocabularies do not fit.

    Source: Zheng et al. (2021), section 2, equation 2. There the last step may pass the limit by
    less than one step; here none does.
    """
    if not languages or set(languages) != set(q):
        raise UsageError("each language needs vocabularies and a share, and none other")
    steps = dict.fromkeys(languages, 0)
    held = Counter(piece for one in languages.values() for piece in one.pieces[0])
    if len(held) > size:
        raise NoRoom(size, f"the smallest vocabularies of all languages, {len(held)} pieces")
    growing = {tag for tag, one in languages.items() if len(one.alp) > 1}
    while growing:
        best = min(growing, key=lambda tag: (-_gain(languages[tag], steps[tag], q[tag], beta), tag))
        old, new = languages[best].pieces[steps[best] : steps[best] + 2]
        come, go = new - old, old - new
        if len(held) + sum(p not in held for p in come) - sum(held[p] == 1 for p in go) > size:
            growing.remove(best)
            continue
        held.update(come)
        for piece in go:
            held[piece] -= 1
            if not held[piece]:
                del held[piece]
        steps[best] += 1
        if steps[best] + 1 == len(languages[best].alp):
            growing.remove(best)
    return Allocation(steps, len(held))


def _gain(language: Language, step: int, share: float, beta: float) -> float:
    return share**beta * (language.alp[step + 1] - language.alp[step])


@register("tokenizer", "vocap.v1")
def learn_vocap(
    texts: Texts,
    *,
    size: int = 500_000,
    step: int = 1_000,
    largest: int = 50_000,
    temperature: float = 0.7,
    beta: float = 0.7,
    base: str = "unigram",
    seed: int = 0,
    scripts: Iterable[str] = (),
    special: str | Special | None = None,
) -> Tokenizer:
    """One vocabulary of what each language gets by `allocate`, learned from its own text.

    Prefer it to one learned on all text together where many languages share a script, which joint
    learning gives most places to.

    Args:
        texts: lines per language.
        size: places there are; the result has at most so many, within a step.
        step: by how much the vocabularies of a language differ in size.
        largest: size of the largest that a language may get.
        temperature: q_l ~ n_l^temperature, n_l the lines of language l.
        beta: how much the shares count, see `allocate`.
        base: the algorithm: `unigram`, learned anew for each size, or one of merges, once for all.
        seed: of what is random in it.
        scripts: those to spell in Latin letters.
        special: special tokens; the algorithm's own by default.

    Raises:
        UsageError: no text, a step that is not positive, or an algorithm whose vocabularies have no
            union.
        NoRoom: `size` has no room for the smallest vocabularies, or `largest` for an alphabet.

    Source: Zheng et al. (2021), section 2, with alpha (`temperature`) and beta 0.7, steps of 1,000
    up to 50,000. They learn the scores of the union anew on a sample of all languages; here a
    score is the logarithm of sum_l q_l^beta p_l(piece).
    """
    name = full_name("tokenizer", base)
    if name not in ("unigram.v1", *POINTS):
        raise UsageError(
            f"no union is known of vocabularies of {base}",
            remedy=f"use {', '.join(('unigram.v1', *POINTS))}",
        )
    if step < 1:
        raise UsageError(f"steps of {step} pieces lead nowhere")
    there = {tag: lines for tag, lines in texts.items() if any(map(str.strip, lines))}
    q = shares({tag: len(lines) for tag, lines in there.items()}, temperature)
    settings: dict[str, Any] = {"algorithm": name, "seed": seed, "scripts": list(scripts)}
    if special is not None:
        settings["special"] = special
    top = min(size, largest)
    sizes = sorted({*range(step, top + 1, step), top})
    grown = {tag: list(at_sizes(lines, sizes, **settings).values()) for tag, lines in there.items()}
    found = allocate(
        {tag: growth(each, there[tag]) for tag, each in grown.items()}, q, size=size, beta=beta
    )
    chosen = {tag: grown[tag][i] for tag, i in found.steps.items()}
    if name in POINTS:
        return merged(list(chosen.values()))
    preset = special_tokens(special or "none", unknown=True)
    return mixed(chosen, {tag: share**beta for tag, share in q.items()}, preset)


def growth(tokenizers: Iterable[Tokenizer], lines: Sequence[str]) -> Language:
    """What tokenizers of rising sizes make of a language's text."""
    each = list(tokenizers)
    return Language(
        [average_log_probability(one, lines) for one in each],
        [frozenset(one.get_vocab()) for one in each],
    )


def mixed(
    tokenizers: Mapping[str, Tokenizer], weights: Mapping[str, float], special: Special
) -> Tokenizer:
    """The Unigram tokenizer with p(piece) = sum_l w_l p_l(piece) / sum_l w_l.

    Args:
        tokenizers: one a language, with the same settings.
        weights: of the languages.
        special: the special tokens that all have.
    """
    total = sum(weights.values())
    p: dict[str, float] = defaultdict(float)
    for tag, one in tokenizers.items():
        for piece, score in json.loads(one.to_str())["model"]["vocab"]:
            p[piece] += weights[tag] / total * math.exp(score)
    scores = {piece: round(math.log(each), 4) for piece, each in p.items()}
    for token in special.tokens:
        del scores[token]
    return with_scores(next(iter(tokenizers.values())), scores, special)


def merged(tokenizers: Sequence[Tokenizer]) -> Tokenizer:
    """The tokenizer with the pieces and merges of several that have the same settings.

    Pieces and merges come in the order of their best place in any; so what a merge joins is there
    before it.
    """
    from tokenizers import Tokenizer

    states = [json.loads(one.to_str()) for one in tokenizers]
    models = [state["model"] for state in states]
    pieces = _interleaved(sorted(m["vocab"], key=m["vocab"].__getitem__) for m in models)
    states[0]["model"]["vocab"] = {piece: i for i, piece in enumerate(pieces)}
    if models[0]["type"] == "BPE":
        joined = _interleaved([tuple(pair) for pair in m["merges"]] for m in models)
        states[0]["model"]["merges"] = [list(pair) for pair in joined]
    return Tokenizer.from_str(json.dumps(states[0]))


def _interleaved(orders: Iterable[Sequence[Any]]) -> list[Any]:
    best: dict[Any, int] = {}
    for order in orders:
        for place, each in enumerate(order):
            best[each] = min(place, best.get(each, place))
    return sorted(best, key=lambda each: (best[each], each))

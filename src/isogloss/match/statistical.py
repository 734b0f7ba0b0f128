"""Word alignment by statistics alone: models trained on the sentence pairs themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from isogloss.errors import CorpusError, MissingExtra, UsageError
from isogloss.match.word_alignment import Links

MODELS = {
    "ibm1": ("Ibm1",),
    "ibm2": ("Ibm1", "Ibm2"),
    "hmm": ("Ibm1", "Hmm"),
    "ibm4": ("Ibm1", "Hmm", "Ibm4"),
    "fast_align": ("FastAlign",),
    "eflomal": ("Eflomal",),
}
"""Each model and those it is started from, in the order they are trained."""
ROUNDS = 5  # of expectation maximisation, every model of a chain; eflomal plans its own
SYMMETRISATIONS = (
    "intersection", "union", "grow", "grow_diag", "grow_diag_final", "grow_diag_final_and", "och",
)  # fmt: skip


def statistical_links(
    source: Sequence[Sequence[str]],
    target: Sequence[Sequence[str]],
    *,
    model: str = "eflomal",
    symmetrisations: Sequence[str] = ("grow_diag_final_and",),
    extra: tuple[Sequence[Sequence[str]], Sequence[Sequence[str]]] = ((), ()),
    seed: int = 0,
) -> dict[str, list[Links]]:
    """Links by a model of each direction, trained on these pairs once, joined in several ways.

    Needs no encoder and knows nothing but the pairs: the more of them, the better. Prefer it from
    some hundreds of pairs on, and for languages that the encoder reads badly or not at all.

    Args:
        source: words of n sentences.
        target: words of their translations.
        model: one of `MODELS`; eflomal is the most accurate for its time, hmm needs no sampling.
        symmetrisations: some of `SYMMETRISATIONS`.
        extra: more sentence pairs to train on, whose links are not asked for.
        seed: of the sampling of eflomal.

    Returns:
        By symmetrisation the links of each pair; a score is the smaller of t(e|f) and t(f|e).

    Raises:
        UsageError: an unknown model or symmetrisation.
        CorpusError: unequal numbers of sentences, or one longer than the library reads.
        MissingExtra: sil-thot is not installed.

    Source: Östling and Tiedemann (2016), Efficient Word Alignment with Markov Chain Monte Carlo
    (eflomal); Vogel, Ney and Tillmann (1996) (HMM); Brown et al. (1993) (IBM); symmetrisation:
    Koehn, Och and Marcu (2003), Statistical Phrase-Based Translation, section 3. The models are
    those of the library Thot.
    """
    asked = [(name, SYMMETRISATIONS, "symmetrisation") for name in symmetrisations]
    for name, known, what in ((model, MODELS, "model"), *asked):
        if name not in known:
            raise UsageError(f"there is no {what} {name!r}", remedy=f"one of {', '.join(known)}")
    if len(source) != len(target) or len(extra[0]) != len(extra[1]):
        raise CorpusError(f"{len(source)} source and {len(target)} target sentences")
    try:
        from thot import alignment as thot
    except ImportError:
        raise MissingExtra("sil-thot", "align-stat", f"the statistical aligner {model}") from None
    sides = [list(source) + list(extra[0]), list(target) + list(extra[1])]
    direct = _train(thot, MODELS[model], sides[0], sides[1], seed)
    inverse = _train(thot, MODELS[model], sides[1], sides[0], seed)
    joined = thot.SymmetrizedAligner(direct, inverse)
    found = {}
    for name in symmetrisations:
        joined.heuristic = getattr(thot.SymmetrizationHeuristic, name.upper())
        best = joined.get_best_alignments(list(map(list, source)), list(map(list, target)))
        found[name] = [
            _links(matrix.to_numpy(), f, e, direct, inverse)
            for (_, matrix), f, e in zip(best, source, target, strict=True)
        ]
    return found


def align_statistically(
    source: Sequence[Sequence[str]],
    target: Sequence[Sequence[str]],
    *,
    symmetrisation: str = "grow_diag_final_and",
    **how: Any,
) -> list[Links]:
    """The links of `statistical_links` joined in one way."""
    return statistical_links(source, target, symmetrisations=[symmetrisation], **how)[
        symmetrisation
    ]


def _train(
    thot: Any,
    chain: Sequence[str],
    source: Sequence[Sequence[str]],
    target: Sequence[Sequence[str]],
    seed: int,
) -> Any:
    model = None
    for name in chain:
        kind = getattr(thot, f"{name}Model" if name == "FastAlign" else f"{name}AlignmentModel")
        model = kind() if model is None else kind(model)
        if hasattr(model, "deterministic"):
            model.deterministic, model.seed = True, seed + 1
        if not model.num_sentence_pairs:  # a model started from another has its pairs
            _add_pairs(model, source, target)
        model.start_training()
        for _ in range(getattr(model, "scheduled_iterations", ROUNDS)):
            model.train()
        model.end_training()
    return model


def _add_pairs(
    model: Any, source: Sequence[Sequence[str]], target: Sequence[Sequence[str]]
) -> None:
    for number, (f, e) in enumerate(zip(source, target, strict=True), 1):
        if max(len(f), len(e)) > model.max_sentence_length:
            raise CorpusError(
                f"sentence pair {number} has {len(f)} and {len(e)} words; the library reads "
                f"{model.max_sentence_length} at most",
                remedy="split it; aligning by vectors has no such limit",
            )
        if f and e:
            model.add_sentence_pair(list(f), list(e))


def _links(matrix: Any, f: Sequence[str], e: Sequence[str], direct: Any, inverse: Any) -> Links:
    cells = np.zeros((len(f), len(e)), bool) if not f or not e else np.asarray(matrix, bool)
    i, j = cells.nonzero()
    scores = [
        min(_probability(direct, f[a], e[b]), _probability(inverse, e[b], f[a]))
        for a, b in zip(i.tolist(), j.tolist(), strict=True)
    ]
    return Links(i, j, np.array(scores, np.float32), (len(f), len(e)))


def _probability(model: Any, made_by: str, word: str) -> float:
    known = model.get_src_word_index(made_by), model.get_trg_word_index(word)
    return float(min(1.0, model.translation_prob(*known)))

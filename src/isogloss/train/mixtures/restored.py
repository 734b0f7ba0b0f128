"""The mixture of restoring: a text as a transform left it, and as it was."""

from __future__ import annotations

from isogloss.errors import UsageError
from isogloss.registry import register
from isogloss.settings import Count, NotNegative
from isogloss.train.material import Material
from isogloss.train.mixtures.paired import PairedText, ends_of
from isogloss.train.mixtures.shares import AS_THERE_IS, Sampling, planned


@register("mixture", "restored.v1")
def restored(
    material: Material,
    *,
    text: str,
    batch: Count = 32,
    alpha: NotNegative = 0.3,
    longest: Count | None = None,
    sampling: Sampling = AS_THERE_IS,
) -> PairedText:
    """Source: a text after the mixture's `transform`; target: the same row as it was.

    With words switched by dictionary it is code-switch restore, a stage between pretraining and a
    task that brings languages nearer without parallel text.
    Source: Zan et al. (2022), Bridging Cross-Lingual Gaps During Leveraging the Multilingual
    Sequence-to-Sequence Pretraining for Text Generation and Understanding (CSR4mBART).

    Args:
        material: of the run.
        text: the corpus; languages that its transforms leave out are not restored.
        batch: rows in a batch.
        alpha: of p_l ~ n_l^alpha, by which a row's language is drawn.
        longest: rows of more tokens on either side are left out, the model's window by default.
        sampling: shares of languages that are not, or not always, by `alpha`.

    Raises:
        UsageError: the mixture has no transform.
    """
    if text not in material.originals:
        raise UsageError(
            f"{text} is not changed, so there is nothing to restore",
            remedy='give the mixture a transform, such as [{ use = "switch_words", ... }]',
        )
    limit = min(longest or material.longest, material.longest)
    after, ends, found = material.corpus(text), ends_of(material), {}
    for tag in map(str, after.languages):
        before = material.originals[text].texts(tag)
        rows = list(zip(after.texts(tag), before, strict=True))
        there = [row for row in rows if all(row)]
        ids = zip(*(material.ids([row[side] for row in there]) for side in (0, 1)), strict=True)
        pairs = [(a, ends.around(b)) for a, b in ids if a is not None and b is not None]
        found[tag] = [p for p in pairs if len(p[0]) <= limit and len(p[1]) <= limit]
        if long := len(pairs) - len(found[tag]):
            material.note(f"{text}: {long} rows of {tag} over {limit} tokens were not trained on")
        changed = sum(a != b for a, b in there)
        material.note(f"{text}: {changed} of {len(there)} rows of {tag} are to be restored")
    kept, plan = planned(material, text, found, sampling, alpha=alpha, size=batch)
    return PairedText(kept, plan, material.numbers)

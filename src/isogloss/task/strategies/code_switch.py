"""Words of the source's examples exchanged for translations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from isogloss.corpus.lexicon import read_lexicon
from isogloss.errors import UsageError
from isogloss.registry import register
from isogloss.settings import Count, Fraction
from isogloss.task.contracts import Guess
from isogloss.task.fitting import need_fit
from isogloss.task.job import Job
from isogloss.task.needs import needs
from isogloss.task.retext import code_switched


@register("strategy", "code_switch.v1")
@needs("lexicons")
def code_switch(
    job: Job,
    target: str,
    *,
    share: Fraction = 0.5,
    copies: Count = 2,
    into: Literal["target", "all"] = "target",
) -> Sequence[Guess | None]:
    """Train on the source's labels beside copies with words exchanged by dictionaries.

    Into `all` languages with a dictionary at once the target need not be known, and one model is
    for all; into the `target` alone there is one for each. It needs no parallel text. Of several
    sources the first is copied, as dictionaries are of its words.

    Source: Qin et al. (2020), CoSDA-ML; Krishnan et al. (2021), Multilingual Code-Switching for
    Zero-Shot Cross-Lingual Intent Prediction and Slot Filling, section 3 (`all`).

    Args:
        job: what there is.
        target: canonical tag.
        share: of known words that are exchanged.
        copies: of the first source's examples, each with other draws.
        into: whose words are put in.

    Raises:
        UsageError: there is no dictionary of the target, or of any; none has a word of the
            examples; copies that switch nothing; labels that are places, as of trees and answers.
    """
    need_fit("code_switch.v1", job.task.shape)
    if copies < 1 or not 0 < share <= 1:
        raise UsageError(
            f"{copies} copies with a share of {share}", remedy="1 copy or more, a share up to 1"
        )
    lexicons = job.means.need("lexicons")
    if into == "target" and target not in lexicons:
        raise UsageError(
            f"there is no dictionary of {target}", remedy="give one with --lexicon, or into=all"
        )
    chosen = [target] if into == "target" else sorted(lexicons)
    entries = {tag: read_lexicon(lexicons[tag]).entries for tag in chosen}
    source, rng = job.sources(), np.random.default_rng(job.seed)
    made = [
        code_switched(source[0], entries, rng, share=share, one=into == "target")
        for _ in range(copies)
    ]
    if not any(count for _, count in made):
        files = ", ".join(str(lexicons[tag]) for tag in chosen)
        raise UsageError(
            f"not one word of {len(source[0])} examples was exchanged by {files}",
            remedy=f"give dictionaries whose first column is of {job.source[0]}, or a larger share",
        )
    return job.tell(job.train([*source, *(one for one, _ in made)]), job.test(target))

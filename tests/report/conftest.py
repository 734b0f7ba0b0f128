"""Results that look like those of a run, made of nothing but numbers."""

import pytest

from isogloss.score import Score, Scores

TAGS = ["mri_Latn", "bam_Latn", "hne_Deva", "kas_Arab", "tzm_Tfng"]


def score(measure, language, value, *, wide=0.03, **more):
    return Score(
        **{
            "measure": measure, "language": language, "pivot": "eng_Latn", "value": value,
            "low": value - wide, "high": value + wide, "n": 400, "dataset": "sib200",
            "interval": "bootstrap over sentences", **more,
        }
    )  # fmt: skip


def retrieval(language, value, *, measure="retrieval_p1", **more):
    return score(measure, language, value, **{"direction": f"{language}>eng_Latn", **more})


def extended(before=0.2, after=0.6, p=0.001, tags=TAGS):
    """Before, after and change of each language, and what the tokenizers cost."""
    rows = []
    for index, tag in enumerate(tags):
        more = 0.01 * (index % 5)
        rows += [
            retrieval(tag, before + more, stage="before", layer=6, system="teacher"),
            retrieval(tag, after + more, stage="after", layer=0, system="student"),
            retrieval(tag, after - before, stage="change", system="student",
                      settings={"test": "sign flip", "p": p, "p_holm": p}),
            score("premium", tag, 2.5 + index % 5, stage="before", system="teacher"),
            score("premium", tag, 1.1 + more, stage="after", system="student"),
        ]  # fmt: skip
    return Scores(rows)


def measured(values, layers=(6,)):
    """One plain measure run: `values` maps a tag to its P@1 at the last layer."""
    return Scores(
        retrieval(tag, value * (1 + layer) / (1 + max(layers)), layer=layer)
        for tag, value in values.items()
        for layer in layers
    )


@pytest.fixture(scope="session")
def make():
    """The makers of synthetic rows, in one place."""

    class Makers:
        tags = TAGS

    for maker in (score, retrieval, extended, measured):
        setattr(Makers, maker.__name__, staticmethod(maker))
    return Makers


@pytest.fixture(scope="session")
def provenance():
    return {
        "title": "A test",
        "command": "isogloss extend m --languages mri",
        "started": "2026-11-21T03:46:45+00:00",
        "wall_seconds": 172.6,
        "code_version": "0.1.0",
        "notes": ["a note"],
        "protocol": "Nothing was chosen on the held-out text.",
        "recipe": {"model": "m"},
        "inputs": {
            "teacher": {"kind": "model", "name": "m", "fingerprint": "f00", "licence": None},
            "text": {"kind": "text", "name": "t", "fingerprint": "ba5", "licence": "CC0",
                     "rows": 6193, "languages": ["mri_Latn", "eng_Latn"]},
        },
        "steps": [
            {"name": "before", "use": "measure.v1", "seconds": 57.4, "cached": False},
            {"name": "after", "use": "measure.v1", "seconds": 4.0, "cached": True},
        ],
    }  # fmt: skip

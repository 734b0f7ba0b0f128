"""The languages of translations, as the texts at hand tell them."""

import numpy as np

from isogloss.task.translate.check import Check, findings
from isogloss.task.translate.identify import check_by

SOUNDS = {"deu_Latn": ["sch", "ei", "tz", "ung", "ber"], "spa_Latn": ["que", "lla", "cion", "os"],
          "por_Latn": ["nha", "ao", "lho", "oes"]}  # fmt: skip


def made(tag, n, seed=0):
    rng = np.random.default_rng(seed)
    return [" ".join("".join(rng.choice(SOUNDS[tag], 3)) for _ in range(4)) for _ in range(n)]


def test_another_language_of_the_script_is_wrong():
    check = check_by({tag: made(tag, 60) for tag in SOUNDS}, Check())
    assert check.known == SOUNDS.keys()
    for tag in SOUNDS:
        for other in SOUNDS:
            found = findings(["aaaaa"] * 10, made(other, 10, seed=1), tag, check)
            wrong = sum(one["wrong language"] for one in found)
            assert wrong == 0 if tag == other else wrong > 8


def test_languages_that_are_not_told_apart_are_not_judged():
    texts = {tag: made(tag, 60) for tag in SOUNDS}
    alike = texts | {"glg_Latn": made("por_Latn", 60, seed=2)}
    check = check_by(alike, Check())
    assert check.known == {"deu_Latn", "spa_Latn"}
    assert not any(findings(["aaaaa"] * 9, made("deu_Latn", 9), "por_Latn", check))
    few = check_by(texts | {"por_Latn": ["", " ", *made("por_Latn", 19)]}, Check())
    assert few.known == {"deu_Latn", "spa_Latn"}
    assert not any(findings(["aaaaa"] * 9, made("deu_Latn", 9), "por_Latn", few))


def test_what_a_user_brings_is_kept():
    own = Check(wrong=0.5, identify=lambda texts: ["deu"] * len(texts))
    assert check_by({tag: made(tag, 60) for tag in SOUNDS}, own) is own
    words = Check(known=frozenset())  # word by word: what is not known stays
    assert check_by({tag: made(tag, 60) for tag in SOUNDS}, words) is words
    assert check_by({"deu_Latn": made("deu_Latn", 60)}, Check(wrong=0.3)) == Check(wrong=0.3)
    assert check_by({tag: made(tag, 60) for tag in SOUNDS}, Check(wrong=0.3)).wrong == 0.3

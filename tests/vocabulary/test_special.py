"""Special tokens stand where each model family has them."""

import pytest

from isogloss.errors import UsageError
from isogloss.vocabulary.learn import learn
from isogloss.vocabulary.special import PRESETS, Special, special_tokens

TEXTS = {"eng_Latn": ["a red panda", "a grey bird", "red and grey"] * 5}
AROUND = {
    "none": ([], []),
    "bert": (["[CLS]"], ["[SEP]"]),
    "gpt2": ([], []),
    "llama": (["<s>"], []),
    "t5": ([], ["</s>"]),
}


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("algorithm", ["unigram", "byte_bpe", "wordpiece"])
def test_special_tokens_come_first_and_stand_around(name, algorithm):
    if name == "gpt2" and algorithm != "byte_bpe":
        with pytest.raises(UsageError, match="no unknown token"):
            learn(algorithm, TEXTS, size=400, special=name)
        return
    made = learn(algorithm, TEXTS, size=400, special=name)
    wanted = PRESETS[name].tokens
    assert [made.id_to_token(i) for i in range(len(wanted))] == wanted
    added = made.get_added_tokens_decoder()
    assert {i: token.content for i, token in added.items()} == dict(enumerate(wanted))
    assert all(token.special for token in added.values())
    before, after = AROUND[name]
    plain = made.encode("red panda", add_special_tokens=False).tokens
    assert made.encode("red panda").tokens == [*before, *plain, *after]
    second = made.encode("red", "grey").tokens
    assert sum(token in wanted for token in second) == {"bert": 3, "llama": 2, "t5": 2}.get(name, 0)


def test_an_unknown_character_is_the_unknown_token():
    made = learn("unigram", TEXTS, size=100, special="t5")
    assert made.encode("Ж", add_special_tokens=False).ids[-1] == 2


def test_own_and_unknown_families():
    own = Special({"unk": "?", "eos": "!"}, "$A !", "$A ! $B ! ")
    assert special_tokens(own, unknown=True).tokens == ["?", "!"]
    with pytest.raises(UsageError, match="known: none, bert"):
        special_tokens("berd", unknown=True)

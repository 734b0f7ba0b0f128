"""A learned tokenizer is a folder that transformers loads and that reads as what was learned."""

import json

import pytest
from tokenizers import Tokenizer

from isogloss import registry
from isogloss.errors import OutputError, UnknownName, UsageError
from isogloss.recipe.learning import learn_from, save_tokenizer
from isogloss.vocabulary.learn import learn
from isogloss.vocabulary.special import PRESETS

LINES = {"eng": ["a red panda", "a grey bird", "red and grey"] * 8, "rus": ["красная панда"] * 5}


@pytest.fixture
def folder(tmp_path):
    for tag, lines in LINES.items():
        (tmp_path / f"{tag}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("algorithm", registry.names("tokenizer"))
def test_transformers_loads_it_and_reads_alike(algorithm, tmp_path):
    from transformers import AutoTokenizer

    texts = {"eng_Latn": LINES["eng"], "rus_Cyrl": LINES["rus"]}
    more = {"step": 20, "largest": 60} if algorithm == "vocap.v1" else {}
    made = learn(algorithm, texts, size=360, **more)
    save_tokenizer(made, tmp_path)
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    for line in ("a red panda", "красная"):
        assert loaded(line)["input_ids"] == made.encode(line).ids
        decoded = loaded.decode(made.encode(line).ids, skip_special_tokens=True)
        assert decoded.strip() == line
    roles = json.loads((tmp_path / "tokenizer_config.json").read_text())
    for role in ("pad", "eos", "unk", "cls"):
        assert getattr(loaded, f"{role}_token") == roles.get(f"{role}_token")
    named = {k.removesuffix("_token"): v for k, v in roles.items() if k.endswith("_token")}
    assert named in [dict(preset.roles) for preset in PRESETS.values()]


def test_learn_from_files_of_different_lengths(folder, tmp_path):
    files, scores, notes = learn_from(
        folder, tmp_path / "out", algorithm="bpe", size=50, special="bert", temperature=0.5
    )
    made = Tokenizer.from_file(str(files[0]))
    texts = {f"{t}_{s}": LINES[t] for t, s in (("eng", "Latn"), ("rus", "Cyrl"))}
    alone = learn("bpe", texts, size=50, special="bert", temperature=0.5)
    assert json.loads(made.to_str()) == json.loads(alone.to_str())
    row = scores.one(measure="tokens_per_sentence", language="eng_Latn")
    counts = [len(made.encode(x, add_special_tokens=False)) for x in LINES["eng"]]
    assert row.value == pytest.approx(sum(counts) / len(counts)) and row.n == 24
    assert scores.one(measure="unknown_share", language="rus_Cyrl").value == 0
    assert notes == [] and learn_from(folder, tmp_path / "out", algorithm="bpe", size=50)[2] == []
    [note] = learn_from(folder, tmp_path / "two", algorithm="bpe", size=5000)[2]
    assert "there is no more in this text" in note


def test_romanised(folder, tmp_path):
    files, _, _ = learn_from(folder, tmp_path / "out", algorithm="bpe", size=60, romanise=True)
    made = Tokenizer.from_file(str(files[0]))
    assert made.encode("панда").ids == made.encode("panda").ids


def test_refused(folder, tmp_path):
    with pytest.raises(UnknownName, match="no tokenizer called 'bqe'"):
        learn_from(folder, tmp_path / "out", algorithm="bqe")
    with pytest.raises(UsageError, match="bpe has no setting transition"):
        learn_from(folder, tmp_path / "out", algorithm="bpe", transition=0.5)
    with pytest.raises(UsageError, match="is a file"):
        learn_from(folder, folder / "eng.txt", size=60)
    with pytest.raises(OutputError, match="besides a tokenizer"):
        learn_from(folder, folder, size=60)
    assert not (tmp_path / "out").exists()

"""Surgery as a job: a checked folder or none, the same job again does nothing."""

import json

import numpy as np
import pytest

import tiny_models as shapes
from isogloss.encode.resolve import find_model
from isogloss.errors import CorpusError, ModelError, OutputError, UsageError
from isogloss.recipe.vocabulary import FACTS, padded, read_text, trim_vocabulary
from isogloss.vocabulary.surgery import columns, open_model

ENGLISH = [f"the {a} fish and a {b}" for a in ("red", "blue", "old") for b in ("cat", "dog", "sun")]
GERMAN = [f"der {a} Fisch und ein {b}" for a in ("rote", "blaue", "alte")
          for b in ("Kater", "Hund", "Stern")]  # fmt: skip


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    known = {}

    def make(shape):
        if shape not in known:
            texts = [*ENGLISH, *GERMAN, "смеётся красная собака", "nine small green boxes"] * 3
            known[shape] = tmp_path_factory.mktemp(shape)
            shapes.save_model(shape, shapes.learn(shapes.SHAPES[shape], texts, 420), known[shape])
        return known[shape]

    return make


@pytest.fixture
def text(tmp_path):
    folder = tmp_path / "text"
    folder.mkdir()
    for tag, lines in (("eng", ENGLISH), ("deu", GERMAN)):
        (folder / f"{tag}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


@pytest.mark.parametrize("shape", ["bert", "llama-untied"])
def test_trimmed_to_a_text_it_answers_as_before(model, text, tmp_path, shape):
    out = tmp_path / "out"
    made = trim_vocabulary(model(shape), out, text=text, languages=["eng", "deu"])
    facts = made.facts
    assert facts["smoke"]["same_ids"] == facts["smoke"]["same_states"] == facts["smoke"]["texts"]
    assert facts["tokens"][1] < facts["tokens"][0] and facts["bytes"][1] < facts["bytes"][0]
    stages = [[r["value"] for r in facts["scores"] if r["stage"] == s] for s in ("before", "after")]
    assert len(stages[0]) == 2 and stages[0] == stages[1]
    old, new = facts["bits_per_character"]
    assert new < old  # fewer tokens share the probability
    assert facts["padding rows left out"] == (facts["rows"][0] - facts["tokens"][0])
    stamp = (out / "model.safetensors").stat().st_mtime_ns
    again = trim_vocabulary(model(shape), out, text=text, languages=["eng", "deu"])
    assert again.facts == json.loads((out / FACTS).read_text()) == json.loads(json.dumps(facts))
    assert (out / "model.safetensors").stat().st_mtime_ns == stamp
    with pytest.raises(OutputError, match="holds another model"):
        trim_vocabulary(model(shape), out, text=text, languages=["eng"])
    second = trim_vocabulary(out, tmp_path / "second", text=text)
    assert second.facts["tokens"] == [facts["tokens"][1]] * 2
    for name in ("model.safetensors", "tokenizer.json", "config.json"):
        assert (tmp_path / "second" / name).read_bytes() == (out / name).read_bytes()


def test_scripts_keep_all_their_tokens_and_rows_may_be_padded(model, tmp_path):
    made = trim_vocabulary(model("llama"), tmp_path / "a", scripts=["Latn"], multiple=64)
    assert made.facts["smoke"]["same_ids"] == made.facts["smoke"]["texts"] > 0
    assert made.facts["rows"][1] % 64 == 0
    assert made.facts["audit"]["padding rows"] == made.facts["rows"][1] - made.facts["tokens"][1]
    opened = open_model(find_model(str(tmp_path / "a")))
    spare = columns(open_model(find_model(str(model("llama")))))[made.facts["tokens"][0] :]
    count = min(len(spare), opened.padding)
    np.testing.assert_array_equal(columns(opened)[opened.tokens :][:count], spare[:count])
    rows = padded(np.eye(3, dtype="f4"), np.zeros((1, 3), "f4"), 5)
    np.testing.assert_allclose(rows[3:], [[0, 0, 0], [1 / 3, 1 / 3, 1 / 3]])
    assert rows.dtype == np.float32


def test_nothing_is_left_of_what_cannot_be(model, text, tmp_path):
    out = tmp_path / "out"
    blank = tmp_path / "blank.txt"
    blank.write_text("\n \n")
    strange = tmp_path / "strange.txt"
    strange.write_text("𐤀𐤁𐤂 𐤃𐤄\n")
    slow = tmp_path / "slow"
    slow.mkdir()
    for name in ("config.json", "model.safetensors"):
        (slow / name).write_bytes((model("bert") / name).read_bytes())
    (slow / "vocab.txt").write_text("[PAD]\n")
    cases = [
        (UsageError, "what to keep", model("bert"), {}),
        (UsageError, "count tokens in a text", model("bert"), {"scripts": ["Latn"], "size": 300}),
        (UsageError, "whole scripts", model("bert"),
         {"text": text, "size": 9, "scripts": ["Latn"]}),
        (UsageError, "multiple=0", model("bert"), {"text": text, "multiple": 0}),
        (UsageError, "ISO 15924", model("bert"), {"scripts": ["Xxxx"]}),
        (CorpusError, "only blank lines", model("bert"), {"text": blank}),
        (CorpusError, "only unknown tokens", model("bert"), {"text": strange}),
        (ModelError, "there is vocab.txt", slow, {"text": text}),
    ]  # fmt: skip
    for kind, said, folder, settings in cases:
        with pytest.raises(kind, match=said):
            trim_vocabulary(folder, out, **settings)
        assert not out.exists()
    out.mkdir()
    (out / "mine.txt").write_text("x")
    with pytest.raises(OutputError, match="is not empty"):
        trim_vocabulary(model("bert"), out, text=text)
    assert [file.name for file in out.iterdir()] == ["mine.txt"]


def test_a_failed_audit_leaves_nothing(model, text, tmp_path, monkeypatch):
    from isogloss.vocabulary import check

    def fail(*_):
        raise ModelError("not sound")

    monkeypatch.setattr(check, "audit", fail)
    with pytest.raises(ModelError, match="not sound"):
        trim_vocabulary(model("bert"), tmp_path / "out", text=text)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["text"]


def test_text_is_a_plain_file_or_languages(text):
    plain = read_text(text / "eng.txt")
    assert plain.lines == ENGLISH and plain.corpus is None
    both = read_text(text, ["eng"])
    assert both.lines == ENGLISH and both.corpus is not None
    assert read_text(None).lines == []


def test_added_tokens_may_be_left_out_unless_the_model_names_them(model, text, tmp_path):
    made = trim_vocabulary(model("bert"), tmp_path / "a", text=text, without=["[MASK]"])
    opened = open_model(find_model(str(made.folder)))
    assert "[MASK]" not in opened.tokenizer.get_vocab() and opened.wrapper.mask_token is None
    assert made.facts["tokens"][1] == len(opened.tokenizer.get_vocab())
    with pytest.raises(ModelError, match=r"pad_token_id names '\[PAD\]', which the new"):
        trim_vocabulary(model("bert"), tmp_path / "b", text=text, without=["[PAD]"])
    assert not (tmp_path / "b").exists()

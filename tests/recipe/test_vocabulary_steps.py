"""Vocabularies trimmed, extended and replaced as steps of a run, on tiny models."""

import json

import numpy as np
import pytest

import isogloss
import tiny_models as shapes
from isogloss.encode.resolve import find_model
from isogloss.errors import SettingsError
from isogloss.recipe.learning import learn_like
from isogloss.recipe.recipe import read_recipe
from isogloss.vocabulary.surgery import columns, open_model

ENGLISH = [f"the {a} cat and the {b}" for a in ("red", "old", "big") for b in ("dog", "sun")] * 4
FINNISH = [f"{a} kissa ja {b}" for a in ("punainen", "vanha", "suuri")
           for b in ("koira", "aurinko")] * 4  # fmt: skip


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bert")
    known = [
        *ENGLISH,
        "кот и собака",
        "joku sika",
        "akka nuorin virkkaa lapsi",
        *(f"word{i} more" for i in range(20)),
    ]
    tokenizer = shapes.learn("wordpiece", known, 300)
    shapes.save_model("bert", tokenizer, folder)
    return folder


@pytest.fixture
def run(model, tmp_path):
    """Run steps and give the folders of the models that they kept."""
    for tag, lines in (("eng", ENGLISH), ("fin", FINNISH)):
        (tmp_path / "text").mkdir(exist_ok=True)
        (tmp_path / "text" / f"{tag}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def made(*steps):
        recipe = {
            "name": "steps", "model": str(model), "pivot": "eng", "languages": ["fin"],
            "text": {"text": {"path": str(tmp_path / "text")}},
            "steps": [{"keep": True, **step} for step in steps],
        }  # fmt: skip
        done = isogloss.run(recipe, out=tmp_path / "run")
        opened = {
            step["name"]: open_model(
                find_model(str(done.folder / "files" / step["name"] / "model"))
            )
            for step in steps
        }
        return done, opened

    return made


def test_a_trimmed_model_is_smaller_and_answers_as_before(run, model):
    done, made = run(
        {"use": "trim_vocabulary.v1", "name": "english", "text": "text", "languages": ["eng"]},
        {"use": "trim_vocabulary.v1", "name": "cyrillic", "scripts": ["Cyrl"]},
    )
    known = [set(made[name].tokenizer.get_vocab()) for name in ("english", "cyrillic")]
    assert "the" in known[0] - known[1] and "и" in known[1] - known[0]
    for name, opened in made.items():
        after = done.scores.one(measure="vocabulary_size", system=name)
        assert after.value == opened.tokenizer.get_vocab_size() < 141
        same = done.scores.one(measure="same_states", system=name)
        assert same.value == 1.0 and same.n > 0
        assert after.settings == {"before": 141}
        size = done.scores.one(measure="weight_bytes", system=name)
        assert size.value < size.settings["before"]


def test_words_of_some_languages_are_added_and_a_step_goes_on_from_another(run, model):
    done, made = run(
        {"use": "extend_vocabulary.v1", "name": "more", "text": "text", "languages": ["fin"],
         "size": 4},
        {"use": "trim_vocabulary.v1", "name": "less", "model": "more", "text": "text",
         "languages": ["fin"]},
    )  # fmt: skip
    before, more, less = open_model(find_model(str(model))), made["more"], made["less"]
    new = set(more.tokenizer.get_vocab()) - set(before.tokenizer.get_vocab())
    assert len(new) == 4 and "kissa" in new and new <= set(less.tokenizer.get_vocab())
    rows = columns(more)
    np.testing.assert_array_equal(rows[: len(columns(before))], columns(before))
    pieces = before.tokenizer.encode("kissa").ids
    kissa = rows[more.tokenizer.token_to_id("kissa")]
    np.testing.assert_allclose(kissa, rows[pieces].mean(0), atol=1e-6)
    assert less.rows < more.rows
    assert any(n.startswith("more: rows made by mean.v1: ") for n in done.provenance["notes"])


def test_parallel_text_gives_rows_of_translations(run, model):
    shared = {"use": "replace_vocabulary.v1", "text": "text", "size": 150,
              "algorithm": "wordpiece"}  # fmt: skip
    done, made = run(
        {**shared, "name": "aligned", "initialiser": "trans_tokenization", "parallel": "text"},
        {**shared, "name": "mean", "initialiser": "mean"},
        {**shared, "name": "low", "initialiser": "factorised", "settings": {"rank": 2}},
        {**shared, "name": "merges", "initialiser": "zip_tie", "algorithm": "bpe",
         "languages": ["fin"]},
    )  # fmt: skip
    old, new = open_model(find_model(str(model))), made["aligned"]
    assert new.tokenizer.to_str() == made["mean"].tokenizer.to_str()
    dog, koira = old.tokenizer.token_to_id("dog"), new.tokenizer.token_to_id("koira")
    likeness = [
        np.corrcoef(columns(old)[dog], columns(made[name])[koira])[0, 1]
        for name in ("aligned", "mean")
    ]
    assert likeness[0] > 0.8 > likeness[1]
    assert np.linalg.matrix_rank(columns(made["low"])[10:, :32], tol=1e-3) <= 4
    assert "##" not in "".join(made["merges"].tokenizer.get_vocab())
    assert not done.scores.where(measure="same_states")  # nothing is cut as before


def test_vectors_of_tokens_are_trained_on_the_text(run):
    pytest.importorskip("gensim", reason="needs pip install isogloss[static]")
    done, _ = run(
        {"use": "replace_vocabulary.v1", "name": "focus", "text": "text", "size": 120,
         "initialiser": "focus"},
    )  # fmt: skip
    assert any("got a vector from the target's text" in n for n in done.provenance["notes"])


def test_special_tokens_of_no_known_family_keep_order_and_roles(tmp_path):
    from tokenizers import processors
    from transformers import AutoTokenizer, PreTrainedTokenizerFast

    from isogloss.recipe.replacement import replace_vocabulary

    tokenizer = shapes.learn("wordpiece", ENGLISH, 120)
    state = json.loads(tokenizer.to_str())
    names = {"[PAD]": "<pad>", "[UNK]": "<unk>", "[CLS]": "<s>", "[SEP]": "</s>", "[MASK]": "<m>"}
    text = json.dumps(state)
    for old, new in names.items():
        text = text.replace(f'"{old}"', f'"{new}"')
    tokenizer = type(tokenizer).from_str(text)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        special_tokens=[(n, tokenizer.token_to_id(n)) for n in ("<s>", "</s>")],
    )
    shapes.save_model("bert", shapes.learn("wordpiece", ENGLISH, 120), tmp_path / "old")
    roles = dict(zip(("pad", "unk", "cls", "sep", "mask"), names.values(), strict=True))
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, **{f"{role}_token": name for role, name in roles.items()}
    ).save_pretrained(tmp_path / "old")
    source = find_model(str(tmp_path / "old"))
    learn_like(source, {"fin_Latn": FINNISH}, tmp_path / "new", size=80, seed=0)
    learned = AutoTokenizer.from_pretrained(tmp_path / "new")
    assert learned.mask_token == "<m>" and learned.convert_tokens_to_ids("<pad>") == 0
    replace_vocabulary(
        tmp_path / "old", tmp_path / "out", tokenizer=tmp_path / "new", initialise="random.v1"
    )
    made = AutoTokenizer.from_pretrained(tmp_path / "out")
    found = made.convert_ids_to_tokens(made("kissa").input_ids)
    assert found[0] == "<s>" and found[-1] == "</s>" and len(found) > 2
    before = (tmp_path / "new" / "tokenizer.json").stat().st_mtime_ns
    learn_like(source, {"fin_Latn": ENGLISH}, tmp_path / "new", size=80, seed=0)
    assert (tmp_path / "new" / "tokenizer.json").stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ({"use": "trim_vocabulary.v1"}, "text or scripts must say what to keep"),
        ({"use": "replace_vocabulary.v1", "text": "text"}, "initialiser: required"),
        ({"use": "extend_vocabulary.v1", "text": "text", "parallel": "other"},
         "parallel: nothing earlier is called 'other'"),
        ({"use": "extend_vocabulary.v1", "text": "text", "initialiser": "ofa",
          "settings": {"rnk": 4}}, "ofa.v1: rnk: unknown key; did you mean 'rank'"),
        ({"use": "replace_vocabulary.v1", "text": "text", "initialiser": "mean",
          "algorithm": "unigramm"}, "there is no tokenizer called 'unigramm'"),
    ],
)  # fmt: skip
def test_bad_steps_are_refused(step, message):
    with pytest.raises(SettingsError, match=message):
        read_recipe({
            "name": "bad", "model": "m", "text": {"text": {"path": "emoji"}},
            "steps": [{"name": "step", **step}],
        })  # fmt: skip

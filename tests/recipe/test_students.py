"""New rows begin where their translations are, not anywhere."""

import numpy as np
import pytest

import isogloss
from isogloss.encode import load_encoder
from isogloss.errors import IsoglossError
from isogloss.recipe.students import translated_rows


@pytest.fixture(scope="module")
def tokenizer():
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = {f"e{i}": i for i in range(20)}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="e0"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return tokenizer


def test_a_new_row_is_that_of_its_translation_at_the_length_rows_have(tokenizer):
    rng = np.random.default_rng(0)
    table = rng.normal(size=(20, 8))
    ids = [rng.choice(20, 4, replace=False) for _ in range(400)]
    source = [[f"f{i}" for i in row] for row in ids]
    target = [[f"e{i}" for i in rng.permutation(row)] for row in ids]
    source[3], target[5] = None, None
    wanted = [f"f{i}" for i in range(20)] + ["unseen"]
    rows = translated_rows(wanted, source, target, tokenizer, table)
    assert set(rows) == set(wanted) - {"unseen"}
    length = np.linalg.norm(table, axis=1).mean()
    for i in range(20):
        np.testing.assert_allclose(np.linalg.norm(rows[f"f{i}"]), length)
        cosines = table @ rows[f"f{i}"] / (np.linalg.norm(table, axis=1) * length)
        assert cosines.argmax() == i and cosines[i] > 0.99


ENGLISH = ["sun", "moon", "star", "rain", "snow", "wind", "fire", "leaf", "bird", "fish"]
RUSSIAN = "солнце луна звезда дождь снег ветер огонь лист птица рыба".split()


def write_text(folder):
    for tag, words in (("eng", ENGLISH), ("rus", RUSSIAN)):
        lines = [f"{a} {b}" for a in words for b in words]
        for name, kept in (("train", lines[:80]), ("test", lines[80:])):
            (folder / name).mkdir(exist_ok=True)
            (folder / name / f"{tag}.txt").write_text("\n".join(kept) + "\n", encoding="utf-8")


@pytest.mark.parametrize("student", ["static", "full"])
def test_a_student_knows_the_teachers_words_and_reads_other_scripts(student, tmp_path, minilm):
    """The word is in no training text, so only how the student begins can have brought it."""
    write_text(tmp_path)
    made = isogloss.extend(
        "all-MiniLM-L6-v2", parallel=tmp_path / "train", held_out=tmp_path / "test",
        out=tmp_path / "run", student=student, steps=3, batch=16, vocabulary=100, tuning_rows=8,
    )  # fmt: skip
    assert made.model is not None
    ours, teacher = load_encoder(made.model), load_encoder(minilm)

    def read(encoder, text):
        [vector] = next(iter(encoder.encode([text], language="eng_Latn").values())).array
        return vector / np.linalg.norm(vector)

    assert read(ours, "zebra") @ read(teacher, "zebra") > 0.9
    np.testing.assert_allclose(read(ours, "зебра"), read(ours, "zebra"), atol=1e-5)


@pytest.mark.parametrize(
    ("surgery", "initialise", "told"),
    [("replace", None, "by trans_tokenization.v1"), ("extend", "tik_to_tok", "by tik_to_tok.v1")],
)
def test_rows_of_a_changed_vocabulary_begin_as_is_asked(surgery, initialise, told, tmp_path):
    """Words that are aligned find each other before any training to speak of."""
    write_text(tmp_path)
    made = isogloss.extend(
        "all-MiniLM-L6-v2", parallel=tmp_path / "train", held_out=tmp_path / "test",
        out=tmp_path / "run", student="full", surgery=surgery, initialise=initialise, steps=1,
        batch=8, vocabulary=120, tuning_rows=8,
    )  # fmt: skip
    assert any(told in note for note in made.provenance["notes"])
    encoder = load_encoder(made.model)
    tokens = encoder.reader.tokenizer.get_vocab_size()
    assert tokens <= 120 if surgery == "replace" else 30_522 < tokens <= 30_542
    x, y = (
        next(iter(encoder.encode(words, language=tag).values())).array
        for words, tag in ((ENGLISH, "eng_Latn"), (RUSSIAN, "rus_Cyrl"))
    )
    x, y = (side / np.linalg.norm(side, axis=1, keepdims=True) for side in (x, y))
    found = ((y @ x.T).argmax(1) == np.arange(10)).mean()
    assert found >= (0.5 if surgery == "extend" else 0.3)  # a text this small has letters for words


def test_a_static_student_has_no_vocabulary_to_change(tmp_path):
    write_text(tmp_path)
    with pytest.raises(IsoglossError, match="settings of the students full, emb"):
        isogloss.extend(
            "all-MiniLM-L6-v2", parallel=tmp_path / "train", held_out=tmp_path / "test",
            out=tmp_path / "run", surgery="replace",
        )  # fmt: skip


@pytest.mark.parametrize(
    ("student", "surgery", "more"),
    [
        ("embeddings", "extend", {"rows": "new"}), ("factors", "replace", {"rank": 40}),
    ],
)  # fmt: skip
def test_a_frozen_body_keeps_its_weights_under_another_table(
    student, surgery, more, tmp_path, minilm
):
    from transformers import AutoModel

    write_text(tmp_path)
    made = isogloss.extend(
        "all-MiniLM-L6-v2", parallel=tmp_path / "train", held_out=tmp_path / "test",
        out=tmp_path / "run", student=student, surgery=surgery, steps=2, batch=8, vocabulary=120,
        tuning_rows=8, **more,
    )  # fmt: skip
    assert made.provenance["training"]["parameters"] == f"{student}.v1"
    name = "embeddings.word_embeddings.weight"
    old, new = (AutoModel.from_pretrained(f).state_dict() for f in (minilm, made.model))
    before, after = old.pop(name), new.pop(name)
    assert all(np.array_equal(old[key], new[key]) for key in old)
    if student == "factors":
        assert np.linalg.matrix_rank(after.double().numpy(), tol=1e-3) <= 40
    else:
        assert np.array_equal(after[: len(before)], before) and len(after) > len(before)


def test_only_new_rows_are_those_of_an_extended_vocabulary(tmp_path):
    write_text(tmp_path)
    for bad in ({"student": "full"}, {"student": "embeddings", "surgery": "replace"}):
        with pytest.raises(IsoglossError, match="embeddings and factors with an extended"):
            isogloss.extend(
                "all-MiniLM-L6-v2", parallel=tmp_path / "train", held_out=tmp_path / "test",
                out=tmp_path / "run", rows="new", **bad,
            )  # fmt: skip

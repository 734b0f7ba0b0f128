"""Linked words of parallel text: which tokens they are, who is left out, and what is told."""

import numpy as np
import pytest
import torch

from isogloss.corpus.records import make_corpus
from isogloss.errors import CorpusError, TrainingError, UsageError
from isogloss.train.links import linked_words
from isogloss.train.material import Material
from isogloss.train.mixtures.aligned import aligned, aligned_pairs

WORDS = ["sun", "moon", "star", "rain", "snow", "wind", "fire", "leaf", "bird", "fish"]


def sentences(count=60, seed=0):
    """Sentences of words and their translations, word for word in the opposite order."""
    rng = np.random.default_rng(seed)
    drawn = [[WORDS[i] for i in rng.choice(10, rng.integers(3, 6), False)] for _ in range(count)]
    return {
        "eng_Latn": [" ".join(words) for words in drawn],
        "deu_Latn": [" ".join(f"x{word}" for word in words[::-1]) for words in drawn],
    }


def material(texts, told=None, longest=40):
    from tokenizers import Tokenizer, models, pre_tokenizers

    # Pieces of one or two letters, so that every word has several.
    letters = sorted({c for text in WORDS for c in text} | {"x"})
    pieces = [*letters, *(a + b for a in letters for b in letters)]
    ids = {piece: n for n, piece in enumerate(["[UNK]", *pieces])}
    ids |= {f"##{piece}": len(ids) + n for n, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.WordPiece(ids, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    corpus = make_corpus("t", [str(i) for i in range(len(texts["eng_Latn"]))], texts)
    others = [tag for tag in texts if tag != "eng_Latn"]
    note = (lambda text: None) if told is None else told.append
    return Material({"train": corpus}, tokenizer, [], None, "eng_Latn", others, longest, note=note)


def pharaoh(folder, texts):
    """The true links of `sentences`."""
    lines = [
        " ".join(f"{i}-{len(text.split()) - 1 - i}" for i in range(len(text.split())))
        for text in texts
    ]
    file = folder / "links.pharaoh"
    file.write_text("\n".join(lines) + "\n")
    return file


def spelled(tokenizer, ids):
    return "".join(tokenizer.id_to_token(int(i)).removeprefix("##") for i in ids)


@pytest.mark.parametrize("source", ["given", "ibm1"])
def test_links_join_the_first_tokens_of_translations(source, tmp_path):
    texts = sentences()
    stuff = material(texts)
    if source == "given":
        mixture = aligned(
            stuff, text="train", links={"deu": pharaoh(tmp_path, texts["eng_Latn"])}, batch=16
        )
    else:
        pytest.importorskip("thot", reason="needs pip install isogloss[align-stat]")
        mixture = aligned(stuff, text="train", aligner="ibm1", batch=16)
    batch = mixture.batch(0, 0)
    right = 0
    bounds = [*batch["offsets"].tolist(), len(batch["ids"])]
    for row, first, second in batch["links"].tolist():
        said = []
        for text, place in ((row, first), (batch.size + row, second)):
            ids = batch["ids"][bounds[text] : bounds[text + 1]]
            word = batch["word"][bounds[text] : bounds[text + 1]]
            mine = torch.nonzero(word == word[place]).ravel()
            assert mine[0] == place and len(mine) > 1
            said.append(spelled(stuff.tokenizer, ids[mine]))
        right += said[1] == "x" + said[0]
    assert right >= (1.0 if source == "given" else 0.9) * len(batch["links"])
    assert len(batch["links"]) > 40


def test_a_batch_depends_on_seed_and_step_alone_and_draws_a_language(tmp_path):
    texts = sentences()
    texts["fra_Latn"] = texts["deu_Latn"]
    file = pharaoh(tmp_path, texts["eng_Latn"])
    mixture = aligned(material(texts), text="train", links={"deu": file, "fra": file}, batch=8)
    one, again = mixture.batch(0, 3), mixture.batch(0, 3)
    assert all(torch.equal(one[n], again[n]) for n in ("ids", "links", "word", "language"))
    drawn = [set(mixture.batch(0, step)["read"]) - {"eng_Latn"} for step in range(40)]
    assert all(len(tags) == 1 for tags in drawn)
    assert set.union(*drawn) == {"deu_Latn", "fra_Latn"}
    assert one["language"].tolist()[:8] == [0] * 8 and len(set(one["language"].tolist()[8:])) == 1


def test_rows_that_cannot_be_linked_are_left_out_and_told(tmp_path):
    texts = sentences(20)
    texts["deu_Latn"][0] = None
    texts["eng_Latn"][1] = "sun " * 39 + "moon"
    lines = pharaoh(tmp_path, texts["eng_Latn"]).read_text().splitlines()
    lines[0] = lines[2] = ""
    lines[1] = "0-0"
    file = tmp_path / "some"
    file.write_text("\n".join([*lines, "17-30 99-99"]) + "\n")  # of a row kept from training
    told = []
    found = aligned_pairs(material(texts, told), "train", links={"deu_Latn": file})
    assert len(found["deu_Latn"]) == 17
    assert told == [
        "train: deu_Latn: 1 rows lack one side and were not trained on",
        "train: deu_Latn: 1 rows are over 40 tokens and were not trained on",
        "train: deu_Latn: 1 rows have no link and were not trained on",
    ]


def test_links_that_do_not_fit_are_refused(tmp_path):
    texts = sentences(6)
    file = pharaoh(tmp_path, texts["eng_Latn"])
    lines = file.read_text().splitlines()
    for wrong, said in ((lines[:-1], "has 5 lines, and the text has 6 rows"),
                        (["0-9", *lines[1:]], "lies outside a pair")):  # fmt: skip
        file.write_text("\n".join(wrong) + "\n")
        with pytest.raises(CorpusError, match=said):
            aligned(material(texts), text="train", links={"deu": file})
    with pytest.raises(UsageError, match="links of fra_Latn, which train has not"):
        aligned(material(texts), text="train", links={"fra": file})
    file.write_text("\n" * 6)
    with pytest.raises(TrainingError, match="no row of deu_Latn has a link"):
        aligned(material(texts), text="train", links={"deu": file})
    stuff = material(texts)
    stuff.pivot = "spa_Latn"
    with pytest.raises(TrainingError, match="between spa_Latn and other languages"):
        aligned(stuff, text="train")


def test_a_word_is_its_first_last_or_mean_token(tmp_path):
    texts = sentences(12)
    mixture = aligned(
        material(texts), text="train", links={"deu": pharaoh(tmp_path, texts["eng_Latn"])}, batch=5
    )
    batch = mixture.batch(0, 0)
    states = torch.randn(2, len(batch["ids"]), 4, generator=torch.Generator().manual_seed(0))
    bounds = [*batch["offsets"].tolist(), len(batch["ids"])]
    for whole, pick in (("first", lambda x: x[:, 0]), ("last", lambda x: x[:, -1]),
                        ("mean", lambda x: x.mean(1))):  # fmt: skip
        made = linked_words(states, batch, whole)
        for side in (0, 1):
            for link, (row, *places) in enumerate(batch["links"].tolist()):
                text = side * batch.size + row
                word = batch["word"][bounds[text] : bounds[text + 1]]
                own = states[:, bounds[text] : bounds[text + 1]][:, word == word[places[side]]]
                torch.testing.assert_close(made[side][:, link], pick(own))


def test_links_of_held_out_rows_are_the_last_lines_of_a_file(tmp_path):
    texts = sentences(60)
    file = pharaoh(tmp_path, texts["eng_Latn"])
    whole = aligned_pairs(material(texts), "train", links={"deu": file})["deu_Latn"]
    last = material({tag: found[-10:] for tag, found in texts.items()})
    last.behind = True
    found = aligned_pairs(last, "train", links={"deu": file})["deu_Latn"]
    assert len(found) == 10
    for one, other in zip(found, whole[-10:], strict=True):
        np.testing.assert_array_equal(one.links, other.links)


def test_rows_over_the_window_do_not_reach_the_aligner():
    pytest.importorskip("thot", reason="needs pip install isogloss[align-stat]")
    texts, told = sentences(30), []
    texts["eng_Latn"][4] = " ".join(["sun"] * 1200)
    found = aligned_pairs(material(texts, told), "train", aligner="ibm1")
    assert len(found["deu_Latn"]) == 29
    assert "train: deu_Latn: 1 rows are over 40 tokens and were not trained on" in told

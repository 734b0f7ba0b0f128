"""Small models of every family: told the right languages, in batches as alone, cut and counted."""

import json

import pytest
import torch

from isogloss.errors import ModelError, UnknownLanguage, UsageError
from isogloss.task.translate.cached import cached
from isogloss.task.translate.check import Check, sums_of
from isogloss.task.translate.local import LocalTranslator
from isogloss.task.translate.read import read_translator

TEXTS = ["the red house by the sea", "sun", "two old men went to the market and came back late",
         "where is the sun tonight?"]  # fmt: skip
PIECES = 120
pytestmark = pytest.mark.filterwarnings("ignore:Recommended. pip install sacremoses")


@pytest.fixture(scope="module")
def pieces(tmp_path_factory):
    """A sentencepiece model over a few lines."""
    import sentencepiece

    folder = tmp_path_factory.mktemp("spm")
    lines = folder / "lines.txt"
    lines.write_text("\n".join(TEXTS * 5 + ["das rote Haus am Meer", "Sonne heute Nacht"] * 5))
    sentencepiece.SentencePieceTrainer.train(
        input=str(lines), model_prefix=str(folder / "m"), vocab_size=PIECES, minloglevel=2,
        hard_vocab_limit=False, bos_id=-1, eos_id=0, unk_id=1,
    )  # fmt: skip
    return folder / "m.model"


def vocabulary(pieces, *first):
    import sentencepiece

    model = sentencepiece.SentencePieceProcessor(model_file=str(pieces))
    own = [model.id_to_piece(i) for i in range(model.get_piece_size())]
    names = [*first, *(piece for piece in own if piece not in first)]
    return {name: i for i, name in enumerate(names)}


def saved(folder, tokenizer, model_class, config_class, size, seed=0, **settings):
    torch.manual_seed(seed)
    small = {
        "vocab_size": size, "d_model": 16, "encoder_layers": 1, "decoder_layers": 1,
        "encoder_attention_heads": 2, "decoder_attention_heads": 2, "encoder_ffn_dim": 16,
        "decoder_ffn_dim": 16, "max_position_embeddings": 64,
    }  # fmt: skip
    model = model_class(config_class(**{**small, **settings}))
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.ndim > 1 and "positions" not in name:  # else a token only says itself again
                weight.normal_(std=0.5 if "shared" in name else 2)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def marian(folder, pieces, tags=(), **named):
    from transformers import MarianConfig, MarianMTModel, MarianTokenizer

    folder.mkdir()
    known = vocabulary(pieces, "</s>", "<unk>", *tags)
    known["<pad>"] = len(known)
    (folder / "v.json").write_text(json.dumps(known))
    tokenizer = MarianTokenizer(str(pieces), str(pieces), str(folder / "v.json"), **named)
    ids = {"eos_token_id": 0, "pad_token_id": known["<pad>"],
           "decoder_start_token_id": known["<pad>"], "forced_eos_token_id": 0}  # fmt: skip
    return saved(folder, tokenizer, MarianMTModel, MarianConfig, len(known), **ids)


def m2m(folder, pieces):
    from transformers import M2M100Config, M2M100ForConditionalGeneration, M2M100Tokenizer

    folder.mkdir()
    known = vocabulary(pieces, "<s>", "<pad>", "</s>", "<unk>")
    (folder / "vocab.json").write_text(json.dumps(known))
    tokenizer = M2M100Tokenizer(str(folder / "vocab.json"), str(pieces))
    return saved(folder, tokenizer, M2M100ForConditionalGeneration, M2M100Config,
                 len(known) + 108, decoder_start_token_id=2)  # fmt: skip


def nllb(folder, pieces):
    from transformers import M2M100Config, M2M100ForConditionalGeneration, NllbTokenizer

    folder.mkdir()
    many = map(chr, range(0x4E00, 0x5400))  # so that few of the tokens are languages
    known = ["<s>", "<pad>", "</s>", "<unk>", "▁", *"abcdefghijklmnopqrstuvwxyz?", *many]
    tokenizer = NllbTokenizer(vocab={name: i for i, name in enumerate(known)}, merges=[])
    return saved(folder, tokenizer, M2M100ForConditionalGeneration, M2M100Config,
                 len(tokenizer), decoder_start_token_id=2)  # fmt: skip


def mbart(folder, pieces, kind="MBartTokenizer"):
    import transformers

    folder.mkdir()
    first = ["<s>", "<pad>", "</s>", "<unk>"]
    known = [(name, -2.0) for name in [*first, "▁", *"abcdefghijklmnopqrstuvwxyz?"]]
    codes = transformers.MBartTokenizer().lang_code_to_id
    if kind == "MBartTokenizer":
        known += [(code, 0.0) for code in codes] + [("<mask>", 0.0)]
    tokenizer = getattr(transformers, kind)(vocab=known)
    model, config = transformers.MBartForConditionalGeneration, transformers.MBartConfig
    return saved(folder, tokenizer, model, config, len(tokenizer) + 2, decoder_start_token_id=2)


def plain(work, text, before="", **options):
    """One text at a time, by transformers alone."""
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    folder = str(work._folder.path)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    source = options.pop("src_lang", None)
    if source:
        tokenizer.src_lang = source
    model = AutoModelForSeq2SeqLM.from_pretrained(folder).eval()
    model.generation_config.forced_eos_token_id = None  # it takes the place of the last token
    given = tokenizer([before + text], return_tensors="pt")
    named = {k: tokenizer.convert_tokens_to_ids(v) for k, v in options.items()}
    named |= {"max_new_tokens": 12, "do_sample": False, "num_beams": work.beams}
    out = model.generate(given["input_ids"], attention_mask=given["attention_mask"], **named)
    text = tokenizer.batch_decode(out, skip_special_tokens=True)[0]
    for token in work.speech.tokens.values():
        text = text.replace(token, "")
    return " ".join(text.split())


def test_marian_translates_its_pair(tmp_path, pieces):
    folder = marian(tmp_path / "en-de", pieces, source_lang="en", target_lang="de")
    work = LocalTranslator(folder, longest=12, tokens=40)
    assert work.speech.way == "pair" and work.window == 64
    made = work.translate(TEXTS, "eng", "deu")
    assert made == [plain(work, text) for text in TEXTS]
    assert len(set(made)) > 1 and work.calls > 1
    assert [work.translate([text], "eng", "deu")[0] for text in TEXTS] == made
    with pytest.raises(UsageError, match=r"is for target deu_Latn, not fra_Latn"):
        work.translate(TEXTS, "eng", "fra")


def test_beams_are_those_of_transformers(tmp_path, pieces):
    folder = marian(tmp_path / "m", pieces)
    work = LocalTranslator(folder, longest=12, beams=3)
    made = work.translate(TEXTS, "eng", "deu")
    assert made == [plain(work, text) for text in TEXTS]
    assert work.fingerprint != LocalTranslator(folder, longest=12).fingerprint


def test_marian_of_several_targets_is_told_before_the_text(tmp_path, pieces):
    folder = marian(tmp_path / "en-mul", pieces, tags=(">>deu<<", ">>cmn_Hans<<", ">>xx_No<<"))
    work = LocalTranslator(folder, longest=12)
    assert work.speech.way == "tag" and list(map(str, work.languages)) == ["cmn_Hans", "deu_Latn"]
    german, chinese = (work.translate(TEXTS, "eng", tag) for tag in ("deu", "zh-Hans"))
    assert german == [plain(work, text, ">>deu<< ") for text in TEXTS] != chinese
    with pytest.raises(UnknownLanguage, match="no token for fra_Latn"):
        work.translate(TEXTS, "eng", "fra")


def test_m2m_begins_with_the_language(tmp_path, pieces):
    work = LocalTranslator(m2m(tmp_path / "m2m", pieces), longest=12)
    assert work.speech.way == "switch" and len(work.languages) == 100
    made = work.translate(TEXTS, "deu", "swh")
    assert made == [
        plain(work, text, src_lang="de", forced_bos_token_id="__sw__") for text in TEXTS
    ]
    assert made != work.translate(TEXTS, "deu", "fra") and "__" not in "".join(made)
    assert made != work.translate(TEXTS, "rus", "swh")  # the source is told too
    assert made == work.translate(TEXTS, "deu", "swh")


def test_nllb_has_tags_like_ours(tmp_path, pieces):
    work = LocalTranslator(nllb(tmp_path / "nllb", pieces), longest=12)
    tags = set(map(str, work.languages))
    assert {"ace_Arab", "ace_Latn", "cmn_Hans", "cmn_Hant", "deu_Latn", "arb_Arab"} <= tags
    made = work.translate(TEXTS, "eng", "ace_Arab")
    assert made == [
        plain(work, text, src_lang="eng_Latn", forced_bos_token_id="ace_Arab") for text in TEXTS
    ]
    assert made != work.translate(TEXTS, "eng", "ace_Latn")
    with pytest.raises(UnknownLanguage, match="no token for ayr_Arab"):
        work.translate(TEXTS, "eng", "ayr_Arab")


@pytest.mark.parametrize(
    "kind, began",
    [("MBartTokenizer", "decoder_start_token_id"), ("MBart50Tokenizer", "forced_bos_token_id")],
)
def test_both_kinds_of_mbart(tmp_path, pieces, kind, began):
    work = LocalTranslator(mbart(tmp_path / "mbart", pieces, kind), longest=12)
    assert {"ron_Latn", "cmn_Hans", "arb_Arab"} <= set(map(str, work.languages))
    made = work.translate(TEXTS, "eng", "ron")
    assert made == [plain(work, text, src_lang="en_XX", **{began: "ro_RO"}) for text in TEXTS]


def test_a_t5_is_told_in_words(model_folder, tmp_path):
    import shutil

    folder = tmp_path / "t5"
    shutil.copytree(model_folder("t5"), folder)
    work = LocalTranslator(folder, longest=12)
    assert work.speech.way == "prompt"
    assert work.translate(TEXTS, "eng", "deu") == [
        plain(work, text, "translate English to German: ") for text in TEXTS
    ]
    own = LocalTranslator(folder, longest=12, prompt="in {target}: ")
    assert own.translate(TEXTS, "eng", "deu") == [plain(own, t, "in German: ") for t in TEXTS]
    config = json.loads((folder / "config.json").read_text())
    config["task_specific_params"] = {"translation_en_to_de": {"prefix": "EN DE "}, "other": {}}
    (folder / "config.json").write_text(json.dumps(config))
    told = LocalTranslator(folder, longest=12)
    assert told.translate(TEXTS, "en", "de") == [plain(told, t, "EN DE ") for t in TEXTS]
    with pytest.raises(UsageError, match="not trained from deu_Latn to eng_Latn"):
        told.translate(TEXTS, "de", "en")


def test_what_is_cut_is_counted_and_lines_stay_lines(tmp_path, pieces):
    work = LocalTranslator(marian(tmp_path / "m", pieces), longest=5, window=8)
    texts = ["sun", f"{TEXTS[2]}\n\nsun\n{TEXTS[2]}", ""]
    made = work.translate(texts, "eng", "deu")
    assert [text.count("\n") for text in made] == [0, 3, 0] and made[2] == ""
    assert [one.get("truncated", 0) for one in work.told] == [0, 2, 0]
    assert sums_of(work.told)["translation cut"] >= 1
    long = made[1].split("\n")
    assert long[0] == long[3] and long[2] == made[0] and long[1] == ""
    assert len(work._tokenizer(TEXTS[2])["input_ids"]) > 8


def test_an_ended_translation_is_not_cut(tmp_path, pieces):
    folder = marian(tmp_path / "m", pieces)
    work = LocalTranslator(folder, longest=6)
    model = work._opened()
    with torch.no_grad():
        model.final_logits_bias.zero_()
        model.final_logits_bias[0, 0] = 1000  # ends at once
    assert work.translate(["sun", "the sea"], "eng", "deu") == ["", ""] and work.told == [{}, {}]
    with torch.no_grad():
        model.final_logits_bias[0, 0] = -1000  # never does
    work.translate(["sun", "the sea"], "eng", "deu")
    assert sums_of(work.told) == {"translation cut": 2}


def test_by_name_and_with_a_cache(tmp_path, pieces):
    folder = marian(tmp_path / "m", pieces)
    allow = Check(wrong=1, copied=1)
    first = cached(read_translator(f"local:{folder}", longest=6), tmp_path / "cache", allow)
    made = first.translate(TEXTS, "eng", "deu")
    again = cached(read_translator(f"local:{folder}", longest=6), tmp_path / "cache", allow)
    assert again.translate(TEXTS, "eng", "deu") == made and again.inner.calls == 0
    assert again.told == first.told and again.inner._model is None


def test_folders_that_are_no_translators(tmp_path, pieces, model_folder):
    with pytest.raises(ModelError, match="no such model folder"):
        LocalTranslator(tmp_path / "absent")
    with pytest.raises(ModelError, match="not a model from sequence to sequence"):
        LocalTranslator(model_folder("bert"))
    with pytest.raises(UsageError):
        LocalTranslator(tmp_path, beams=0)
    folder = marian(tmp_path / "m", pieces)
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    name = next(name for name in weights if name.endswith("fc1.weight"))
    weights[name][0] = float("nan")
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelError, match="not finite"):
        LocalTranslator(folder).translate(["sun"], "eng", "deu")
    del weights[name]
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelError, match="1 weights are missing"):
        LocalTranslator(folder).translate(["sun"], "eng", "deu")


def stepwise(work, text, source, target, longest):
    """Greedy decoding through `asked`, a token at a time."""
    from isogloss.task.projection.seq2seq import next_log_p

    asked = work.asked(source, target)
    log_p, written = next_log_p(asked.model, asked.read(text)), list(asked.start)
    while len(written) < longest:
        written.append(int(log_p(written).argmax()))
        if written[-1] == asked.model.config.eos_token_id:
            break
    [line] = work._tokenizer.batch_decode(work._words(torch.tensor([written])),
                                          skip_special_tokens=True)  # fmt: skip
    return " ".join(line.split())


@pytest.mark.parametrize(("make", "target"), [(marian, "deu"), (m2m, "fra"), (nllb, "fra")])
def test_a_model_asked_token_by_token_writes_what_it_translates(tmp_path, pieces, make, target):
    tags = (">>deu<<", ">>eng<<") if make is marian else ()
    folder = make(tmp_path / "m", pieces, tags) if tags else make(tmp_path / "m", pieces)
    work = LocalTranslator(folder, longest=11)
    first = work.asked("eng", target)
    ids = first.read(TEXTS[0])
    work.asked(target, "eng")
    assert first.read(TEXTS[0]) == ids  # what the tokenizer was told last does not count
    assert (len(first.start) == 1) == (make is not marian)
    for text in TEXTS[:2]:
        wanted = work.translate([text], "eng", target)
        assert [stepwise(work, text, "eng", target, work.longest)] == wanted


def test_probabilities_of_a_translator_are_the_loss_of_its_model(tmp_path, pieces):
    from isogloss.task.projection.seq2seq import probability_of

    work = LocalTranslator(nllb(tmp_path / "m", pieces))
    asked = [("the sun", "la nuit", "eng_Latn", "fra_Latn"),
             ("la nuit", "la nuit", "fra_Latn", "fra_Latn")]  # fmt: skip
    told = probability_of(work)(asked)
    for (text, of, language, origin), value in zip(asked, told, strict=True):
        one = work.asked(origin, language)
        labels = [*one.start, *one.write(text), one.model.config.eos_token_id]
        begun = torch.tensor([[one.model.config.decoder_start_token_id, *labels[:-1]]])
        with torch.inference_mode():
            logits = one.model(input_ids=torch.tensor([one.read(of)]),
                               decoder_input_ids=begun).logits[0].log_softmax(-1)  # fmt: skip
        wanted = [float(logits[at, token]) for at, token in enumerate(labels)][1:]
        assert value == pytest.approx(sum(wanted) / len(wanted), rel=1e-5)


def test_a_model_that_starts_with_the_language_is_not_asked(tmp_path, pieces):
    work = LocalTranslator(mbart(tmp_path / "m", pieces))
    with pytest.raises(UsageError, match="starts with the target language"):
        work.asked("eng", "deu")

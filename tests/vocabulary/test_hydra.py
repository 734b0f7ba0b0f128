"""Several vocabularies over one body: one is the plain model, two are one that was split in two."""

from dataclasses import replace

import numpy as np
import pytest

from isogloss.encode.resolve import find_model
from isogloss.errors import ModelError, TruncationError, UnknownName, UsageError
from isogloss.vocabulary.hydra import (
    assemble,
    check_parity,
    cut,
    embed,
    generate,
    load_hydra,
    logits,
    states,
    wear,
)
from isogloss.vocabulary.parts import part_of
from isogloss.vocabulary.surgery import open_model
from isogloss.vocabulary.trim import trim_to_texts

SHAPES = ("bert", "gpt2", "llama", "llama-untied", "t5", "mt5")
DECODERS = ("gpt2", "llama", "llama-untied")


@pytest.fixture
def lively(model_folder):
    """A model whose weights are large enough for its next token to depend on what it read."""
    import torch

    def make(shape):
        opened = open_model(find_model(str(model_folder(shape))))
        torch.manual_seed(1)
        with torch.no_grad():
            for weight in opened.model.parameters():
                weight.normal_(std=0.4)
        return opened

    return make


def some_rows(part, ids):
    """A part with some of the rows; its tokenizer says nothing of them."""
    import torch

    at = torch.tensor(ids)
    values = tuple(
        v.index_select(t.axis, at) for t, v in zip(part.tables, part.values, strict=True)
    )
    tables = tuple(
        t._replace(shape=tuple(v.shape)) for t, v in zip(part.tables, values, strict=True)
    )
    return replace(part, values=values, tables=tables)


def plainly(opened, ids, written=None):
    """Last states and logits of the model as `transformers` runs it, on ids."""
    import torch

    given = {"input_ids": torch.tensor([ids])}
    if opened.model.config.is_encoder_decoder:
        given["decoder_input_ids"] = torch.tensor([written])
    with torch.inference_mode():
        out = opened.model(**given, output_hidden_states=True)
    last = out.get("encoder_last_hidden_state")
    last = out.hidden_states[-1] if last is None else last
    return last[0].numpy(), out.logits[0].numpy()


@pytest.mark.parametrize("shape", SHAPES)
def test_one_part_is_the_plain_model_to_the_last_bit(lively, texts, shape):
    opened = lively(shape)
    two_sided = "t5" in shape
    written = [5, 9, 11] if two_sided else []
    for text in texts[:: len(texts) // 3]:
        ids = opened.tokenizer.encode(text).ids
        wanted = plainly(opened, ids, [0, *written])
        hydra = assemble(opened, "one", {})
        assert cut(hydra, [("one", text)]) == [("one", ids)]
        [found] = states(hydra, [("one", text)])
        np.testing.assert_array_equal(found, wanted[0])
        said = logits(hydra, [("one", text)], "one", written=written)
        np.testing.assert_array_equal(said, wanted[1])
        np.testing.assert_array_equal(states(hydra, [("one", ids[:2]), ("one", ids[2:])])[1],
                                      wanted[0][2:])  # fmt: skip
    assert check_parity(hydra, texts[:5]) == {"texts": 5, "same_states": 5}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_vocabulary_split_in_two_is_the_whole_one(lively, shape):
    opened = lively(shape)
    whole = part_of(opened)
    even, odd = range(0, whole.rows, 2), range(1, whole.rows, 2)
    hydra = assemble(opened, "all", {"even": some_rows(whole, even), "odd": some_rows(whole, odd)})
    ids = [40, 7, 12, 16, 33, 31, 6]
    pieces = [("even", [20]), ("odd", [3]), ("even", [6, 8]), ("odd", [16, 15]), ("even", [3])]
    segments = [("odd" if i % 2 else "even", [i // 2]) for i in ids]
    assert [i // 2 for i in ids] == [i for _, some in pieces for i in some]
    wanted = plainly(opened, ids, [0])
    for mixed in (pieces, segments):
        np.testing.assert_array_equal(np.concatenate(states(hydra, mixed)), wanted[0])
    assert [len(one) for one in states(hydra, pieces)] == [1, 1, 2, 2, 1]
    for name, columns in (("even", even), ("odd", odd)):
        if "t5" in shape and name == "odd":
            continue  # a decoder begins with token 0, which is even
        said = logits(hydra, pieces, name)
        np.testing.assert_allclose(said, wanted[1][:, list(columns)], rtol=1e-5, atol=1e-5)
    # The same ids by one table are other words.
    assert not np.allclose(states(hydra, [("even", [i // 2 for i in ids])])[0], wanted[0], atol=0.1)


@pytest.mark.parametrize("shape", ["bert", "llama", "t5"])
def test_texts_of_two_trimmed_vocabularies_are_read_as_by_the_whole(lively, texts, shape):
    opened = lively(shape)
    whole = part_of(opened)
    one, other = texts[3], texts[-5]
    parts = {}
    for name, text in (("one", one), ("other", other)):
        made = trim_to_texts(opened.tokenizer, [text])
        parts[name] = replace(some_rows(whole, made.kept), tokenizer=made.tokenizer)
    ids = [i for text in (one, other) for i in opened.tokenizer.encode(text).ids]
    wanted = plainly(opened, ids, [0])[0]
    hydra = assemble(opened, "all", parts)
    [first, second] = states(hydra, [("one", one), ("other", other)])
    np.testing.assert_array_equal(np.concatenate([first, second]), wanted)


@pytest.mark.parametrize("shape", DECODERS)
def test_logits_under_a_head_are_states_by_its_rows(lively, shape):
    import torch

    opened = lively(shape)
    part = part_of(opened)
    rng = torch.Generator().manual_seed(3)
    drawn = tuple(torch.randn(v.shape, generator=rng) for v in some_rows(part, range(90)).values)
    other = replace(some_rows(part, range(90)), values=drawn)
    hydra = assemble(opened, "own", {"other": other})
    segments = [("own", [5, 6, 7]), ("other", [80, 3])]
    last = torch.from_numpy(np.concatenate(states(hydra, segments)))
    head = drawn[-1]  # tied: its embeddings; untied: the second table
    wanted = torch.nn.functional.linear(last, head).numpy()
    np.testing.assert_array_equal(logits(hydra, segments, "other"), wanted)
    assert logits(hydra, segments, "own").shape == (5, part.rows)


@pytest.mark.parametrize("shape", [s for s in SHAPES if s != "bert"])
def test_it_writes_what_transformers_writes(lively, texts, shape):
    import torch

    opened = lively(shape)
    names = set(opened.tokenizer.get_vocab().values())
    nameless = [i for i in range(opened.rows) if i not in names]
    said = set()
    for text in texts[::600]:
        ids = opened.tokenizer.encode(text).ids
        made = opened.model.generate(
            torch.tensor([ids]),
            max_new_tokens=12,
            do_sample=False,
            suppress_tokens=nameless or None,
        )[0].tolist()
        wanted = made[1:] if "t5" in shape else made[len(ids) :]
        found = generate(assemble(opened, "one", {}), [("one", text)], "one", longest=12)
        assert [*found.ids, *([wanted[-1]] if found.ended else [])] == wanted
        assert found.text == opened.tokenizer.decode(found.ids)
        said.update(wanted)
    assert len(said) > 2
    # The end token of the part's own configuration ends it.
    hydra = assemble(opened, "one", {})
    place = "generation_config.json: eos_token_id"
    last = wanted[len(wanted) // 2]
    hydra.parts["one"].about["named"][place] = [last]
    short = generate(hydra, [("one", text)], "one", longest=12)
    assert short.ended and short.ids == wanted[: wanted.index(last)]


def test_a_decoder_of_its_own_may_have_to_begin_with_a_language(lively, texts):
    import torch

    opened = lively("mt5")
    ids = opened.tokenizer.encode(texts[0]).ids
    wanted = {
        first: opened.model.generate(
            torch.tensor([ids]), max_new_tokens=8, do_sample=False, forced_bos_token_id=first
        )[0].tolist()
        for first in (7, 9)
    }
    hydra = assemble(opened, "one", {})
    assert wanted[7][2:] != wanted[9][2:]
    found = generate(hydra, [("one", ids)], "one", longest=7, written=[7])
    assert [7, *found.ids] == [i for i in wanted[7][1:] if i != 1]
    hydra.parts["one"].about["named"]["generation_config.json: forced_bos_token_id"] = [9]
    found = generate(hydra, [("one", ids)], "one", longest=7)
    assert [9, *found.ids] == [i for i in wanted[9][1:] if i != 1]


@pytest.mark.parametrize("shape", ["llama-untied", "t5"])
def test_it_reads_one_vocabulary_and_writes_another(lively, shape):
    """Token by token without a cache, by products of ours, it comes to the same."""
    import torch

    opened = lively(shape)
    part = part_of(opened)
    order = torch.randperm(part.rows, generator=torch.Generator().manual_seed(5)).tolist()
    other = some_rows(part, order)
    other = replace(other, values=tuple(v * 1.5 for v in other.values))
    hydra = assemble(opened, "read", {"write": other})
    read = [("read", [11, 5, 8])]
    named = set(part.tokenizer.get_vocab().values())
    ids: list[int] = []
    for _ in range(6):
        seen = read if "t5" in shape else [*read, *([("write", ids)] if ids else [])]
        said = logits(hydra, seen, "write", written=ids if "t5" in shape else ())[-1]
        said[[i for i in range(len(said)) if i not in named]] = -np.inf
        ids.append(int(said.argmax()))
    found = generate(hydra, read, "write", longest=6)
    assert found.ids == ids[: len(found.ids)] and (found.ended or len(found.ids) == 6)
    assert found.ids and found.ids != generate(hydra, read, "read", longest=6).ids


def test_the_body_is_there_once_and_tables_are_not_copied(lively):
    opened = lively("llama-untied")
    body = opened.model.model.layers[0].mlp.up_proj.weight.data_ptr()
    part = part_of(opened)
    other = some_rows(part, range(50))
    hydra = assemble(opened, "own", {"other": other})
    for name, theirs in (("other", other), ("own", part), ("other", other)):
        wear(hydra, name)
        embeddings, head = opened.model.get_input_embeddings(), opened.model.lm_head
        assert embeddings.weight.data_ptr() == theirs.values[0].data_ptr()
        assert head.weight.data_ptr() == theirs.values[1].data_ptr()
        assert embeddings.num_embeddings == head.out_features == theirs.rows == opened.rows
    assert opened.model.model.layers[0].mlp.up_proj.weight.data_ptr() == body
    assert embed(hydra, [("own", [300]), ("other", [1, 2])]).shape == (1, 3, 32)


def test_what_stands_around_a_text_stands_around_the_sequence(model_folder):
    from tokenizers import processors

    opened = open_model(find_model(str(model_folder("bert"))))
    opened.tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    part = part_of(opened)
    hydra = assemble(opened, "a", {"b": part})
    [(_, whole)] = cut(hydra, [("a", "red heart")])
    [(_, first), (_, middle), (_, last)] = cut(
        hydra, [("a", "red"), ("b", "heart red"), ("a", "heart")]
    )
    assert whole == opened.tokenizer.encode("red heart").ids
    assert (first[0], last[-1]) == (2, 3) and not {2, 3} & {*first[1:], *middle, *last[:-1]}
    assert first[1:] + last[:-1] == whole[1:-1]


def test_what_cannot_be_read_or_written_is_refused(lively, model_folder, tmp_path):
    opened = lively("gpt2")
    part = part_of(opened)
    hydra = assemble(opened, "a", {"b": some_rows(part, range(50))})
    for given, error, words in (
        ([], UsageError, "no segment"),
        ([("a", "red"), ("b", "")], UsageError, "segment 2, '', gives no token"),
        ([("b", [50])], UsageError, "beyond the 50 rows of 'b'"),
        ([("b", [-1])], UsageError, "beyond"),
        ([("c", "red")], UnknownName, "there are: a, b"),
        ([("a", [5] * 1025)], TruncationError, "1,025 tokens, and the body reads 1,024"),
    ):
        with pytest.raises(error, match=words):
            states(hydra, given)
    for call in (logits, generate):
        with pytest.raises(UnknownName, match="'c'"):
            call(hydra, [("a", "red")], "c")
    assert len(generate(hydra, [("a", [5] * 1022)], "a").ids) <= 2  # the window ends it
    for call in (logits, generate):
        with pytest.raises(UsageError, match="encoder-decoders"):
            call(hydra, [("a", "red")], "a", written=[1])
    with pytest.raises(UsageError, match="two parts are called 'a'"):
        assemble(opened, "a", {"a": part})
    reader = assemble(open_model(find_model(str(model_folder("bert")))), "a", {})
    with pytest.raises(UsageError, match="reads and does not write"):
        generate(reader, [("a", "red")], "a")
    reader.opened.model.bert.save_pretrained(tmp_path)
    reader.opened.wrapper.save_pretrained(tmp_path)
    headless = assemble(open_model(find_model(str(tmp_path))), "a", {})
    assert states(headless, [("a", "red")])[0].shape[1] == 32
    with pytest.raises(UsageError, match="no language head"):
        logits(headless, [("a", "red")], "a")
    with pytest.raises(ModelError, match="is no hydra"):
        load_hydra(tmp_path)
    for text, said in (("[]", "not a JSON object"), ("{}", "names no parts")):
        (tmp_path / "hydra.json").write_text(text)
        with pytest.raises(ModelError, match=said):
            load_hydra(tmp_path)


def test_a_body_that_reads_more_than_rows_is_refused(lively, monkeypatch):
    opened = lively("llama")
    hydra = assemble(opened, "a", {})
    table = opened.model.get_input_embeddings()
    kind = type(opened.model.base_model)
    plain = kind.forward

    def with_ids(self, input_ids=None, **given):
        """As bodies do that scale rows when they look them up themselves."""
        if input_ids is not None:
            given["inputs_embeds"] = table(input_ids) * 3 + 1
        return plain(self, **given)

    monkeypatch.setattr(kind, "forward", with_ids)
    with pytest.raises(ModelError, match="reads ids in another way than their rows"):
        check_parity(hydra, ["red heart"])

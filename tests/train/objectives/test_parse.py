"""The parser's loss is the plain one word by word, and its arcs are of pairs of words."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from isogloss.errors import TrainingError
from isogloss.train.batch import UNKNOWN, stack_texts
from isogloss.train.objectives.parse import PARTS, Parse

WIDTH, LAYERS = 4, 2


def begun(width=WIDTH, **settings):
    """A head with weights that are not nearly zero."""
    settings = {"relations": 3, "tags": 3, "features": 2, "root": 0, "arc_width": 5,
                "relation_width": 3, "drop": 0.0, "drop_layers": 0.0, **settings}  # fmt: skip
    made = Parse(**settings)
    config = SimpleNamespace(hidden_size=width, num_hidden_layers=LAYERS)
    made.begin(SimpleNamespace(body=SimpleNamespace(config=config)))
    torch.manual_seed(0)
    for weight in made.parameters():
        torch.nn.init.normal_(weight)
    return made.double().requires_grad_(False)


def batch_of(rng, words, more=True):
    """Texts of words of one or two tokens, with gold columns."""
    columns = {name: [] for name in ("word", "head", "relation", "tag", "feature")}
    texts = []
    for count in words:
        sizes = rng.integers(1, 3, count) if more else np.ones(count, int)
        firsts = np.cumsum(sizes) - sizes
        gold = {"word": np.arange(count), "head": rng.integers(0, count + 1, count),
                "relation": rng.integers(0, 3, count), "tag": rng.integers(0, 3, count),
                "feature": rng.integers(0, 2, count)}  # fmt: skip
        for name, values in gold.items():
            column = np.full(sizes.sum(), UNKNOWN)
            column[firsts] = values
            columns[name].append(column)
        texts.append(rng.integers(0, 9, sizes.sum()))
    tokens = {name: np.concatenate(values) for name, values in columns.items()}
    return stack_texts([texts], [["eng_Latn"] * len(texts)], tokens=tokens)


def parsed(rng):
    batch = batch_of(rng, (3, 1, 4, 2))
    words = torch.nonzero(batch["word"] != UNKNOWN).ravel()
    for place, name in enumerate(("head", "relation", "tag", "feature")):
        batch[name][words[place + 1]] = UNKNOWN
    states = torch.from_numpy(rng.normal(size=(LAYERS + 1, len(batch["ids"]), WIDTH)))
    return begun(), {"layer_states": states, "states": states[-1]}, batch


CASES = {"parse.v1": parsed}


def plain(head, states, batch):
    """The log-probabilities of each text's heads and relations, by loops over pairs of words."""
    net, found = head.net, []
    for text in range(batch.size):
        part = batch.part(slice(text, text + 1))
        own = states[:, batch.tokens_of(slice(text, text + 1))][:, part["word"] != UNKNOWN]
        mixed = {name: torch.einsum("lwd,l->wd", own[1:], net[f"mix_{name}"].row.softmax(0))
                 for name in PARTS}  # fmt: skip
        sides = {}
        for name, layer in (("arcs", "arc"), ("relations", "relation")):
            rows = [net["root"].row, *mixed[name]]
            sides[name] = [F.elu(net[layer](row)).chunk(2) for row in rows]
        words = range(1, len(own[0]) + 1)
        below = [net["arc_pair"](sides["arcs"][i][0]) for i in words]
        arcs = torch.stack([
            torch.stack([one @ above for _, above in sides["arcs"]]) for one in below
        ]).log_softmax(-1)  # fmt: skip
        pair = net["relation_pair"].weight.view(3, head.relation_width, -1)
        relations = torch.stack([
            torch.stack([
                (pair @ sides["relations"][i][0]) @ above
                + net["relation_both"](torch.cat([sides["relations"][i][0], above]))
                for _, above in sides["relations"]
            ]) for i in words
        ])  # fmt: skip
        told = {name: net[name](mixed[name]).log_softmax(-1) for name in ("tags", "features")}
        found.append((arcs, relations, told))
    return found


def test_the_loss_is_that_of_loops_over_words_and_their_heads():
    head, outputs, batch = parsed(np.random.default_rng(0))
    sums, known = dict.fromkeys(PARTS, 0.0), 0
    for text, (arcs, relations, told) in enumerate(plain(head, outputs["layer_states"], batch)):
        part = batch.part(slice(text, text + 1))
        for place, at in enumerate(torch.nonzero(part["word"] != UNKNOWN).ravel().tolist()):
            gold = {name: int(part[name][at]) for name in ("head", "relation", "tag", "feature")}
            known += any(value != UNKNOWN for value in gold.values())
            if gold["head"] != UNKNOWN:
                sums["arcs"] -= float(arcs[place, gold["head"]])
            if gold["relation"] != UNKNOWN and gold["head"] != UNKNOWN:
                logs = relations[place, gold["head"]].log_softmax(-1)
                sums["relations"] -= float(logs[gold["relation"]])
            for name, column in (("tags", "tag"), ("features", "feature")):
                if gold[column] != UNKNOWN:
                    sums[name] -= float(told[name][place, gold[column]])
    assert known == head.count(batch) == 10
    loss = head(outputs, batch)
    assert loss.parts == pytest.approx({name: value / known for name, value in sums.items()})


def test_what_is_told_is_what_is_learned_and_only_the_root_has_its_relation():
    head, outputs, batch = parsed(np.random.default_rng(1))
    for one, (arcs, relations, told) in zip(
        head.tell(outputs, batch), plain(head, outputs["layer_states"], batch), strict=True
    ):
        torch.testing.assert_close(one["arcs"], arcs)
        torch.testing.assert_close(one["tags"], told["tags"].exp())
        torch.testing.assert_close(one["features"], told["features"].exp())
        assert (one["relations"][:, 0] == 0).all()
        assert torch.equal(one["relations"][:, 1:], relations[:, 1:, 1:].argmax(-1) + 1)


def test_without_a_mean_of_layers_it_reads_the_last():
    _, outputs, batch = parsed(np.random.default_rng(0))
    head = begun(mixed=False)
    assert head.outputs == ("states",)
    other = begun()
    for part in PARTS:
        other.net[f"mix_{part}"].row.copy_(torch.tensor([-1e9, 0.0]))
    for name, weight in head.net.named_parameters():
        weight.copy_(dict(other.net.named_parameters())[name])
    torch.testing.assert_close(head(outputs, batch).total, other(outputs, batch).total)


def test_a_text_is_told_the_same_alone():
    head, outputs, batch = parsed(np.random.default_rng(2))
    alone = [head.tell({k: v[..., batch.tokens_of(slice(i, i + 1)), :] for k, v in outputs.items()},
                       batch.part(slice(i, i + 1)))[0] for i in range(batch.size)]  # fmt: skip
    for one, other in zip(alone, head.tell(outputs, batch), strict=True):
        torch.testing.assert_close(one["arcs"], other["arcs"])


def test_heads_that_depend_on_another_word_are_learned():
    """Kind k hangs from kind k + 1; states say the kind alone, places are shuffled.

    What looks at one word at a time is right of 1 in 6 words.
    """
    kinds, rng = 6, np.random.default_rng(0)
    states = torch.from_numpy(rng.normal(size=(kinds, 8)))

    def made(rows):
        batch = batch_of(rng, [kinds] * rows, more=False)
        order = np.stack([rng.permutation(kinds) for _ in range(rows)])  # kind by place
        place = order.argsort(1)  # place by kind
        heads = [place[row][(kind + 1) % kinds] + 1 if kind else 0
                 for row in range(rows) for kind in order[row]]  # fmt: skip
        batch["head"].copy_(torch.tensor(heads))
        return {"states": states[torch.from_numpy(order).ravel()]}, batch

    head = begun(width=8, mixed=False, arc_width=16).requires_grad_(True)
    optimizer = torch.optim.Adam(head.parameters(), 0.02)
    for _ in range(60):
        outputs, batch = made(16)
        optimizer.zero_grad()
        head(outputs, batch).total.backward()
        optimizer.step()
    outputs, batch = made(30)
    told = torch.cat([one["arcs"].argmax(-1) for one in head.tell(outputs, batch)])
    assert (told == batch["head"]).double().mean() > 0.95


def test_layers_are_left_out_in_training_alone_and_never_all():
    head, outputs, batch = parsed(np.random.default_rng(0))
    head.drop_layers = 0.9
    torch.manual_seed(0)
    values = {float(head.train()(outputs, batch).total) for _ in range(20)}
    assert len(values) > 1 and np.isfinite(list(values)).all()
    assert head.eval()(outputs, batch).total == head(outputs, batch).total


def test_weights_are_made_once_by_the_seed_and_kept_beside_the_model(tmp_path):
    config = SimpleNamespace(hidden_size=WIDTH, num_hidden_layers=LAYERS)
    model = SimpleNamespace(body=SimpleNamespace(config=config))
    heads = [Parse(relations=3, seed=seed) for seed in (1, 1, 2)]
    for head in heads:
        head.begin(model)
    one, again, other = (head.net["arc"].weight for head in heads)
    assert torch.equal(one, again) and not torch.equal(one, other)
    heads[0].begin(model)
    assert heads[0].net["arc"].weight is one
    heads[0].save(tmp_path)
    assert (tmp_path / "parser" / "head.safetensors").is_file()
    _, outputs, batch = parsed(np.random.default_rng(0))
    with pytest.raises(TrainingError, match="no weights before training"):
        Parse(relations=3)(outputs, batch)

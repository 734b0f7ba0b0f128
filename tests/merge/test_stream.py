"""Merges against plain versions of the formulas, and what holds of them whatever the numbers."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from isogloss.errors import ModelError, UsageError
from isogloss.merge.draws import draws
from isogloss.merge.family import POINTS

from .conftest import SHAPES, load, tensors

loosely = settings(
    max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)


def flat(made) -> np.ndarray:
    return np.concatenate([made[name].double().numpy().ravel() for name in SHAPES])


def opened(*weights):
    return [flat(load(one.path)) for one in weights]


def near(made, wanted, ulps=2):
    np.testing.assert_allclose(flat(made), wanted, rtol=0, atol=ulps * 2**-23 * 4)


def alike(one, other):
    return all(torch.equal(one[name], other[name]) for name in SHAPES)


def test_a_mean_is_the_weighted_mean(trio, merged):
    base, models = trio
    a, b = opened(*models)
    near(merged(models, base), (a + b) / 2)
    near(merged(models, base, weights=(3.0, 1.0)), 0.75 * a + 0.25 * b)
    near(merged(models, base, weights=(2.0, -1.0)), 2 * a - b)


def test_differences_are_added_and_negative_weights_subtract(trio, merged):
    base, models = trio
    o, a, b = opened(base, *models)
    near(merged(models, base, "task_arithmetic"), a + b - o)
    near(merged(models, base, "task_arithmetic", weights=(0.3, -0.4)),
         o + 0.3 * (a - o) - 0.4 * (b - o))  # fmt: skip
    near(merged(models, base, "task_arithmetic", {"scale": 0.5}), o + 0.5 * (a + b - 2 * o))


def plain_trim(tau, share):
    least = np.sort(np.abs(tau))[::-1][max(1, round(share * len(tau))) - 1]
    return tau * (np.abs(tau) >= least)


def plain_ties(taus, weights, scale=1.0):
    v = np.stack([w * t for w, t in zip(weights, taus, strict=True)])
    sign = np.sign(v.sum(0))
    out = np.zeros(v.shape[1])
    for p in range(v.shape[1]):
        chosen = [t for t in range(len(v)) if np.sign(v[t, p]) == sign[p] != 0]
        if chosen:
            out[p] = v[chosen, p].sum() / sum(abs(weights[t]) for t in chosen)
    return scale * out


@pytest.mark.parametrize("weights", [(1.0, 1.0), (0.5, 1.5), (1.0, -0.5)])
def test_ties_is_trim_elect_and_disjoint_mean(trio, merged, weights):
    base, models = trio
    o, *thetas = opened(base, *models)
    taus = [plain_trim(theta - o, 0.2) for theta in thetas]
    made = merged(models, base, "ties", {"scale": 0.7}, weights=weights)
    near(made, o + plain_ties(taus, weights, 0.7))
    assert 0.55 < (flat(made) == o).mean() < 0.7  # both trimmed away in 0.64 of places


def test_the_share_is_of_a_model_or_of_each_tensor(trio, merged, save):
    base, models = trio
    large = load(models[0].path)
    large["norm"] = load(base.path)["norm"] + 5
    big = save("large", large)
    o, theta = load(base.path), large
    made = merged([big], base, "sparse", {"share": 0.1})
    assert torch.equal(made["norm"], theta["norm"])  # all of the largest changes are there
    made = merged([big], base, "sparse", {"share": 0.1, "over": "tensor"})
    for name in SHAPES:
        tau = (theta[name] - o[name]).double().numpy().ravel()
        wanted = o[name].double().numpy().ravel() + plain_trim(tau, 0.1)
        np.testing.assert_allclose(made[name].double().numpy().ravel(), wanted, atol=1e-6)


def test_slerp_goes_along_the_arc_of_each_tensor(trio, merged):
    base, models = trio
    other = load(models[1].path)
    for t in (0.25, 0.5):
        made = merged([base, models[1]], base, "slerp", weights=(1 - t, t))
        for name in SHAPES:
            a, b = (x[name].double().numpy() for x in (load(base.path), other))
            cosine = (a * b).sum() / np.linalg.norm(a) / np.linalg.norm(b)
            angle = np.arccos(cosine)
            wanted = (np.sin((1 - t) * angle) * a + np.sin(t * angle) * b) / np.sin(angle)
            np.testing.assert_allclose(made[name].numpy(), wanted, atol=1e-6)
    far = {name: -x for name, x in load(base.path).items()}
    assert not alike(made, far)


def test_slerp_ends_at_its_models_and_is_a_line_where_there_is_no_arc(trio, merged, save):
    base, models = trio
    ends = [load(m.path) for m in models]
    assert alike(merged(models, base, "slerp", weights=(1.0, 0.0)), ends[0])
    assert alike(merged(models, base, "slerp", weights=(0.0, 1.0)), ends[1])
    doubled = save("doubled", {name: 2 * x for name, x in ends[0].items()})
    near(merged([models[0], doubled], base, "slerp"), 1.5 * flat(ends[0]))
    zeros = save("zeros", {name: 0 * x for name, x in ends[0].items()})
    near(merged([models[0], zeros], base, "slerp"), 0.5 * flat(ends[0]))


def test_dare_drops_by_its_draws_and_keeps_the_expectation(trio, merged):
    base, models = trio
    o, a = opened(base, models[0])
    made = flat(merged(models[:1], base, "dare", {"drop": 0.75}, seed=3))
    share = 1 << 30
    stay = np.concatenate([
        draws(3, name, 0, 0, int(np.prod(shape))) >= 3 * share for name, shape in SHAPES.items()
    ])  # fmt: skip
    np.testing.assert_allclose(made, o + stay * (a - o) / 0.25, atol=1e-6)
    assert abs(stay.mean() - 0.25) < 4 * np.sqrt(0.25 * 0.75 / len(stay))
    total = sum(flat(merged(models[:1], base, "dare", {"drop": 0.5}, seed=s)) for s in range(40))
    gap = total / 40 - a
    assert np.sqrt((gap**2).mean()) < 1.3 * np.sqrt(((a - o) ** 2).mean() / 40)
    assert np.sqrt((gap**2).mean()) > 0.7 * np.sqrt(((a - o) ** 2).mean() / 40)


def test_models_are_dropped_apart_and_dare_ties_elects(trio, merged):
    base, models = trio
    o, a, b = opened(base, *models)
    made = flat(merged(models, base, "dare", {"drop": 0.5}))
    untouched = (made == o).mean()
    assert 0.22 < untouched < 0.28
    taus = []
    for number, theta in enumerate((a, b)):
        stay = np.concatenate([
            draws(0, name, number, 0, int(np.prod(shape))) >= 1 << 31
            for name, shape in SHAPES.items()
        ])  # fmt: skip
        taus.append(plain_trim(stay * (theta - o) / 0.5, 0.3))
    made = merged(models, base, "dare_ties", {"drop": 0.5, "share": 0.3})
    near(made, o + plain_ties(taus, (1.0, 1.0)))


def test_a_difference_vector_moves_to_another_base(trio, merged, save):
    base, models = trio
    new = save("new", tensors(7))
    o, a, n = opened(base, models[0], new)
    near(merged([models[0]], new, "diff_vector", origin=base), n + a - o)
    assert alike(merged([models[0]], base, "diff_vector", origin=base), load(models[0].path))


def test_groups_count_alike_whatever_their_size(trio, merged, save):
    base, models = trio
    third = save("third", {k: load(base.path)[k] + v for k, v in tensors(9, spread=0.05).items()})
    o, a, b, c = opened(base, *models, third)
    three, groups = [*models, third], ("romance", "romance", "slavic")
    near(merged(three, base, groups=groups), ((a + b) / 2 + c) / 2)
    near(merged(three, base, "task_arithmetic", groups=groups), o + (a + b - 2 * o + c - o) / 2)
    wanted = (plain_ties([a - o, b - o], (1, 1)) + plain_ties([c - o], (1,))) / 2
    near(merged(three, base, "ties", {"share": 1}, groups=groups), o + wanted)
    assert not alike(merged(three, base, "ties", {"share": 1}, groups=groups),
                     merged(three, base, "ties", {"share": 1}))  # fmt: skip


def test_sparse_differences_compose_to_the_bit(save, merged):
    base = tensors(0)
    one, other = ({n: x.clone() for n, x in base.items()} for _ in range(2))
    both = {n: x.clone() for n, x in base.items()}
    for made, at in ((one, 0), (other, 1)):
        for name, new in tensors(3 + at).items():
            made[name].view(-1)[at::7] = new.view(-1)[at::7]
            both[name].view(-1)[at::7] = new.view(-1)[at::7]
    models = [save("one", one), save("other", other)]
    assert alike(merged(models, save("base", base), "sparse"), both)


def test_grafts_take_tensors_as_they_are_and_rules_weigh_by_name(trio, merged):
    base, models = trio
    a, b = (load(m.path) for m in models)
    made = merged(
        models, base, grafts=(("^embed", models[1]),),
        rules=((r"layers\.0", (1.0, 0.0)), ("layers", (0.0, 1.0))),
    )  # fmt: skip
    assert torch.equal(made["embed.weight"], b["embed.weight"])
    assert torch.equal(made["layers.0.w"], a["layers.0.w"])
    assert torch.equal(made["layers.1.w"], b["layers.1.w"])
    np.testing.assert_allclose(made["norm"], (a["norm"] + b["norm"]) / 2, atol=1e-6)
    assert merged.plan.counts == {"grafted": 1, "merged": 3}


@pytest.mark.parametrize("kind", ["float32", "bfloat16", "float16", "float64"])
def test_a_weight_of_one_gives_a_model_back_to_the_bit(save, merged, kind):
    base = save("base", tensors(0, kind))
    models = [save(f"m{i}", tensors(i, kind)) for i in (1, 2)]
    for i, weights in enumerate([(1.0, 0.0), (0.0, 1.0)]):
        wanted = load(models[i].path)
        assert alike(merged(models, base, weights=weights), wanted)
        assert alike(merged(models, base, "slerp", weights=weights), wanted)
        made = merged(models, base, "task_arithmetic", weights=weights)
        if kind == "float64":  # a difference of float64 is rounded once
            np.testing.assert_allclose(flat(made), flat(wanted), rtol=1e-12)
        else:
            assert alike(made, wanted)
        ties = merged([models[i]], base, "ties", {"share": 1})
        assert alike(ties, merged([models[i]], base, "task_arithmetic"))
    assert alike(merged(models[:1] * 2, base, "task_arithmetic", weights=(0.7, -0.7)),
                 load(base.path))  # fmt: skip
    assert alike(merged(models, base, "task_arithmetic", weights=(0.0, 0.0)), load(base.path))


def test_bfloat16_is_summed_in_float32_and_rounded_once(save, merged):
    a, b = tensors(1, "bfloat16"), tensors(2, "bfloat16")
    made = merged([save("a", a), save("b", b)], save("base", tensors(0, "bfloat16")),
                  weights=(0.3, 0.7))  # fmt: skip
    for name in SHAPES:
        wanted = (a[name].float() * 0.3 + b[name].float() * 0.7).bfloat16()
        assert torch.equal(made[name], wanted) and made[name].dtype == torch.bfloat16


def test_models_of_another_type_are_read_and_saved_as_the_base_has_them(save, merged):
    base, made = save("base", tensors(0, "bfloat16")), tensors(1)
    out = merged([save("a", made)], base)
    assert all(torch.equal(out[name], made[name].bfloat16()) for name in SHAPES)


@loosely
@given(order=st.permutations([0, 1, 2]), raw=st.tuples(*[st.floats(0.1, 3)] * 3))
def test_the_order_of_models_does_not_matter(tmp_path_factory, order, raw):
    from isogloss.merge.family import add_up, agree

    rng = np.random.default_rng(0)
    parts = rng.normal(size=(3, 1000))
    shuffled = [raw[i] for i in order]
    for function in (add_up, agree):
        one = function([p.copy() for p in parts], raw)
        other = function([parts[i].copy() for i in order], shuffled)
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("method", list(POINTS))
def test_slices_and_threads_of_any_number_give_the_same_bits(trio, merged, method):
    base, models = trio
    more = {"origin": base} if method == "diff_vector" else {}
    whole = merged(models, base, method, size=10**9, threads=1, **more)
    for size, threads in ((1, 1), (5000, 2), (8192, 3)):
        assert alike(merged(models, base, method, size=size, threads=threads, **more), whole)
    assert not any(torch.isnan(x).any() for x in whole.values())


def test_headers_and_shards_are_those_of_the_base(tmp_path, trio, merged):
    import json

    from safetensors.torch import load_file, save_file

    from isogloss.merge.family import read_point
    from isogloss.merge.plan import Asked, Weights
    from isogloss.merge.stream import merge_weights

    base, models = trio
    merged(models, base)
    one, other = ((p / "model.safetensors").read_bytes()[:400]
                  for p in (base.path, tmp_path / "out1"))  # fmt: skip
    assert one[: 8 + int.from_bytes(one[:8], "little")] in other
    folder, made = tmp_path / "shards", load(base.path)
    folder.mkdir()
    names = {name: f"model-0000{i % 2 + 1}-of-00002.safetensors" for i, name in enumerate(SHAPES)}
    for file in set(names.values()):
        save_file({n: made[n] for n in SHAPES if names[n] == file}, folder / file)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": names}))
    out = tmp_path / "sharded"
    out.mkdir()
    merge_weights(models, Weights("s", folder), out, Asked(read_point("task_arithmetic")))
    found = {k: v for file in set(names.values()) for k, v in load_file(out / file).items()}
    assert alike(found, merged(models, base, "task_arithmetic"))


def test_numbers_that_are_no_floats_are_copied_if_all_agree(save, merged):
    same, other = torch.arange(5), torch.arange(5) * 2

    def model(name, seed, ids):
        return save(name, {**tensors(seed), "ids": ids, "mask": torch.tensor([True, False])})

    a, b, c = model("a", 1, same), model("b", 2, same), model("c", 3, other)
    assert torch.equal(merged([a, b], a)["ids"], same)
    with pytest.raises(ModelError, match=r"ids holds I64.*not the same") as error:
        merged([a, c], a)
    assert "--graft" in str(error.value)
    assert torch.equal(merged([a, c], a, grafts=(("ids", c),))["ids"], other)


def test_what_is_not_finite_is_refused_unless_all_have_it(save, merged):
    def model(name, seed, value, kind="float32"):
        made = tensors(seed, kind)
        made["norm"][3] = value
        return save(name, made)

    inf = float("inf")
    masks = [model(f"mask{i}", i, -inf) for i in range(3)]
    assert merged(masks[1:], masks[0], "task_arithmetic")["norm"][3] == -inf
    good = model("good", 5, 0.0)
    for value, said in ((float("nan"), "is nan"), (inf, "is inf")):
        bad = model(f"bad{said[-3:]}", 4, value)
        with pytest.raises(ModelError, match=f"value 3 of norm {said}") as error:
            merged([good, bad], good)
        assert error.value.file == bad.path / "model.safetensors"
        if said == "is nan":
            with pytest.raises(ModelError, match="value 3 of norm is nan"):
                merged([bad, bad], bad)
    halves = [model(f"half{i}", i, 60000.0, "float16") for i in range(2)]
    with pytest.raises(ModelError, match="gets too large for F16"):
        merged(halves, model("halfbase", 3, 0.0, "float16"), "task_arithmetic")


def test_a_zero_of_a_sign_keeps_it_and_elections_without_winner_change_nothing(save, merged):
    def model(name, value):
        return save(name, {n: torch.full(s, value) for n, s in SHAPES.items()})

    base, up, down = model("zero", -0.0), model("up", 1.0), model("down", -1.0)
    made = merged([up, down], base, "ties", {"share": 1})
    assert all((x == 0).all() for x in made.values())
    assert all(torch.signbit(x).all() for x in merged([base], base).values())


def test_what_is_not_shared_stays_as_the_base_has_it(trio, save, merged):
    base, models = trio
    less = {n: x for n, x in load(models[0].path).items() if n != "norm"}
    other = save("less", {**less, "more": torch.ones(2)})
    made = merged([other, models[1]], base, only_shared=True)
    assert torch.equal(made["norm"], load(base.path)["norm"]) and set(made) == set(SHAPES)
    wanted = (load(models[0].path)["layers.0.w"] + load(models[1].path)["layers.0.w"]) / 2
    np.testing.assert_allclose(made["layers.0.w"], wanted, atol=1e-6)


def test_combinations_of_points_and_choices_all_run(trio, merged):
    base, models = trio
    for method, groups in itertools.product(("ties", "dare_ties", "sparse"), (None, ("a", "b"))):
        made = merged(models, base, method, groups=groups, rules=(("norm", (0.0, 2.0)),))
        assert np.isfinite(flat(made)).all()
    with pytest.raises(UsageError, match="between two models"):
        merged(models[:1], base, "slerp")

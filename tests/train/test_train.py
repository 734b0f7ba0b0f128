"""One loop: same seed, same weights, killed or not; and objectives are what they say."""

import warnings

import numpy as np
import pytest
import torch

from isogloss.errors import TrainingError, UsageError
from isogloss.train.contracts import Lesson, Loss
from isogloss.train.loop import LoopSettings, train
from isogloss.train.mixtures.parallel import ParallelViews
from isogloss.train.objectives.contrast import Contrast, ContrastViews
from isogloss.train.objectives.distil import Distil
from isogloss.train.parameters.static import MeanTable, StaticStudent, ngrams
from isogloss.vocabulary.learn import UNKNOWN, learn_unigram

WORDS = ["sun", "moon", "star", "rain", "snow", "wind", "fire", "leaf", "bird", "fish"]
TEXTS = {
    "eng_Latn": [f"{a} and {b}" for a in WORDS for b in WORDS],
    "deu_Latn": [f"x{a} und x{b}" for a in WORDS for b in WORDS],
    "fra_Latn": [f"y{a} et y{b}" for a in WORDS for b in WORDS],
}


@pytest.fixture(scope="module")
def tokenizer():
    return learn_unigram(TEXTS, size=200)


def parts(tokenizer, **options):
    tokens = {
        lang: [np.array(e.ids) for e in tokenizer.encode_batch(lines)]
        for lang, lines in TEXTS.items()
    }
    teacher = np.random.default_rng(0).normal(size=(100, 8)).astype(np.float32)
    student = StaticStudent(tokenizer, 8, seed=0)
    return student, ParallelViews(tokens, teacher, "eng_Latn", size=16, **options)


def run(tokenizer, *, steps=20, checkpoint=None, stop_at=None, **options):
    student, mixture = parts(tokenizer, **options)

    def progress(step, loss):
        if step == stop_at:
            raise KeyboardInterrupt

    settings = LoopSettings(steps=steps, checkpoint_every=6, threads=1)
    objectives = [(1.0, Contrast()), (1.0, Distil())]
    trained = train(
        student, [Lesson(mixture, objectives)], settings, checkpoint=checkpoint, progress=progress
    )
    return student.module.table(), trained


def test_the_same_seed_gives_the_same_weights_and_learns(tokenizer):
    (first, trained), (second, _) = run(tokenizer), run(tokenizer)
    assert torch.equal(first, second)
    assert trained.log[-1]["loss"] < 0.8 * trained.log[0]["loss"]
    assert set(trained.read) == set(TEXTS) and trained.read["eng_Latn"] > trained.read["deu_Latn"]


def test_a_killed_run_resumes_to_the_same_bits(tokenizer, tmp_path):
    whole, undisturbed = run(tokenizer)
    with pytest.raises(KeyboardInterrupt):
        run(tokenizer, checkpoint=tmp_path / "c", stop_at=15)
    resumed, trained = run(tokenizer, checkpoint=tmp_path / "c")
    assert trained.resumed_at == 12
    assert torch.equal(whole, resumed)
    assert trained.log == undisturbed.log and trained.read == undisturbed.read


def test_a_checkpoint_of_other_settings_is_not_resumed(tokenizer, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        run(tokenizer, checkpoint=tmp_path / "c", stop_at=15)
    _, trained = run(tokenizer, steps=21, checkpoint=tmp_path / "c")
    assert trained.resumed_at == 0


def test_rough_products_are_near_and_weights_stay_whole():
    class Line:
        def batch(self, seed, step):
            x = torch.randn(64, 32, generator=torch.Generator().manual_seed(step))
            return {"x": x, "read": {}}

    class Network(torch.nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(0)
            self.inner = torch.nn.Linear(32, 32)

        def forward(self, batch, wanted):
            made = self.inner(batch["x"])
            self.kind = made.dtype
            return {"y": made}

    class Kept:
        def __init__(self):
            self.module = Network()

        def groups(self):
            return [{"params": self.module.parameters()}]

    def objective(outputs, batch):
        assert outputs["y"].dtype == torch.float32
        loss = ((outputs["y"] - batch["x"].flip(1)) ** 2).mean()
        return Loss(loss, {"line": float(loss.detach())})

    def final(precision):
        kept = Kept()
        settings = LoopSettings(steps=30, threads=1, precision=precision)
        trained = train(kept, [Lesson(Line(), [(1.0, objective)])], settings)
        return kept.module, trained.final_loss

    (exact, there), (rough, here), (again, _) = map(final, ("float32", *["bfloat16"] * 2))
    assert (exact.kind, rough.kind) == (torch.float32, torch.bfloat16)
    assert rough.inner.weight.dtype == torch.float32
    assert torch.equal(rough.inner.weight, again.inner.weight)
    assert here == pytest.approx(there, rel=0.01)


@pytest.mark.parametrize("has", [True, False])
def test_emulated_products_of_bfloat16_are_warned_of_at_once(tokenizer, has, monkeypatch):
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: has)
    student, mixture = parts(tokenizer)
    settings = LoopSettings(steps=1, threads=1, precision="bfloat16")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        train(student, [Lesson(mixture, [(1.0, Contrast())])], settings)
    told = [one for one in caught if "bfloat16" in str(one.message)]
    assert len(told) == (not has)
    assert all("float32" in str(one.message) for one in told)


def test_a_loss_that_is_no_number_stops_training(tokenizer):
    student, mixture = parts(tokenizer)
    mixture.teacher[:] = np.nan
    with pytest.raises(TrainingError, match="loss is nan at step 1: distil nan"):
        train(student, [Lesson(mixture, [(1.0, Distil())])], LoopSettings(steps=2, threads=1))


def test_a_batch_depends_on_seed_and_step_alone(tokenizer):
    _, mixture = parts(tokenizer)
    mixture.batch(0, 5)
    a, b, c = mixture.batch(0, 3), mixture.batch(0, 3), mixture.batch(0, 4)
    assert torch.equal(a["ids"], b["ids"]) and not torch.equal(a["ids"], c["ids"])
    assert sum(a["read"].values()) == len(a["ids"])


def test_dropping_tokens_never_empties_a_text(tokenizer):
    _, mixture = parts(tokenizer, drop=0.95)
    batch = mixture.batch(0, 0)
    lengths = np.diff([*batch["offsets"].tolist(), len(batch["ids"])])
    assert lengths.min() >= 1


def test_rows_that_a_language_lacks_are_never_drawn(tokenizer):
    _, mixture = parts(tokenizer)
    tokens = dict(mixture.tokens)
    tokens["deu_Latn"] = [t if i < 5 else None for i, t in enumerate(tokens["deu_Latn"])]
    lacking = ParallelViews(tokens, mixture.teacher, "eng_Latn", size=16, views=2)
    for step in range(20):
        batch = lacking.batch(0, step)
        assert len(batch["teacher"]) == (5 if "deu_Latn" in batch["read"] else 16)
    tokens["fra_Latn"] = [None] * 100
    with pytest.raises(TrainingError, match="fra_Latn: fewer than 2 sentences"):
        ParallelViews(tokens, mixture.teacher, "eng_Latn")


def test_contrast_equals_its_plain_definition_forward_and_gradient():
    rng = torch.Generator().manual_seed(0)
    views = torch.randn(2, 5, 4, generator=rng, dtype=torch.float64, requires_grad=True)
    teacher = torch.randn(5, 4, generator=rng, dtype=torch.float64)

    def plain(v):
        unit = [x / x.norm(dim=1, keepdim=True) for x in (v[0], v[1], teacher)]
        total = 0
        for a, b in ((0, 1), (0, 2), (1, 2)):
            for left, right in ((unit[a], unit[b]), (unit[b], unit[a])):
                for i in range(5):
                    scores = torch.stack([(left[i] * right[j]).sum() for j in range(5)]) / 0.05
                    total = total - (scores[i] - torch.logsumexp(scores, 0)) / 5 / 2
        return total

    ours = Contrast()({"vectors": views}, {"teacher": teacher}).total
    torch.testing.assert_close(ours, plain(views))
    (mine,) = torch.autograd.grad(ours, views)
    (theirs,) = torch.autograd.grad(plain(views), views)
    torch.testing.assert_close(mine, theirs)


def test_contrast_of_views_has_no_teacher():
    rng = torch.Generator().manual_seed(0)
    views, teacher = (torch.randn(*shape, generator=rng) for shape in ((3, 5, 4), (5, 4)))
    ours = ContrastViews()({"vectors": views}, {"teacher": teacher}).total
    torch.testing.assert_close(
        ours, Contrast()({"vectors": views[:2]}, {"teacher": views[2]}).total
    )
    torch.testing.assert_close(ours, ContrastViews()({"vectors": views}, {}).total)


def test_distil_is_one_minus_cosine_summed_over_views():
    views = torch.tensor([[[1.0, 0.0]], [[0.0, 2.0]]])
    loss = Distil()({"vectors": views}, {"teacher": torch.tensor([[3.0, 0.0]])})
    assert float(loss.total) == pytest.approx(0.0 + 1.0)


def test_a_text_is_the_mean_of_rows_made_of_own_and_shared_vectors():
    module = MeanTable(["\u2581sun", "sunny", "x", "\u2581y"], 2, buckets=50)
    batch = {"ids": torch.tensor([0, 1, 3]), "offsets": torch.tensor([0, 2])}
    found = module({**batch, "views": torch.tensor(1)})["vectors"][0]
    rows = [
        module.own[i] + torch.stack([module.shared[g] for g in ngrams(piece, 50)]).mean(0)
        for i, piece in enumerate(["\u2581sun", "sunny", "x", "\u2581y"])
    ]
    torch.testing.assert_close(module.table(), torch.stack(rows))
    torch.testing.assert_close(found[0], (rows[0] + rows[1]) / 2)
    torch.testing.assert_close(found[1], rows[3])


def test_words_spelled_alike_share_what_they_learn():
    assert set(ngrams("\u2581vampire", 10**6)) & set(ngrams("\u2581vampiro", 10**6))
    assert not set(ngrams("\u2581sun", 10**6)) & set(ngrams("\u2581moon", 10**6))


def test_the_saved_student_loads_unchanged_elsewhere(tokenizer, tmp_path):
    sentence_transformers = pytest.importorskip("sentence_transformers")
    student = StaticStudent(tokenizer, 8, seed=0)
    student.save(tmp_path)
    text = "sun and moon"
    rows = student.module.table()[tokenizer.encode(text).ids].mean(0)
    theirs = sentence_transformers.SentenceTransformer(str(tmp_path)).encode([text])[0]
    np.testing.assert_allclose(theirs, rows / rows.norm(), atol=1e-6)


def test_rows_begin_as_the_teachers_vectors_and_keep_what_text_lacks():
    tokenizer = learn_unigram(TEXTS, size=200, words=["zebra"])
    vector = np.full(8, 8**-0.5, np.float32)
    student = StaticStudent(tokenizer, 8, 0, {"zebra": vector, "nowhere": vector})
    plain = StaticStudent(tokenizer, 8, 0)
    row = tokenizer.token_to_id("\u2581zebra")
    for module in (student.module, plain.module):  # before and after training on other words
        ids = tokenizer.encode("zebra").ids
        assert ids == [row] and len(module.table()) == tokenizer.get_vocab_size()
    tokens = {
        lang: [np.array(e.ids) for e in tokenizer.encode_batch(lines)]
        for lang, lines in TEXTS.items()
    }
    teacher = np.random.default_rng(0).normal(size=(100, 8)).astype(np.float32)
    mixture = ParallelViews(tokens, teacher, "eng_Latn", size=16)
    train(student, [Lesson(mixture, [(1.0, Distil())])], LoopSettings(steps=20, threads=1))
    found = student.module.table()[row].numpy()
    assert found @ vector / np.linalg.norm(found) > 0.9
    assert abs(plain.module.table()[row].numpy() @ vector) < 0.5
    changed = (student.module.own != plain.module.own).any(1)
    assert changed[row] and changed.sum() > 20


def test_learning_a_tokenizer_evens_out_languages_and_needs_text():
    skewed = {"eng_Latn": TEXTS["eng_Latn"] * 20, "deu_Latn": ["qqqq wwww"] * 3}
    even = learn_unigram(skewed, size=100, temperature=0.0)
    assert UNKNOWN in even.get_vocab()
    assert len(even.encode("qqqq").tokens) <= len(
        learn_unigram(skewed, size=100, temperature=1.0).encode("qqqq").tokens
    )
    with pytest.raises(UsageError, match="no text"):
        learn_unigram({"eng_Latn": []})

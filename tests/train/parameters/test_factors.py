"""A factored table is the product of its parts, forward, backward and saved."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from isogloss.errors import ModelError, UsageError
from isogloss.train.parameters.factors import FactoredTable
from isogloss.train.student import student_of
from isogloss.vocabulary.initialise.factorised import factorise

from .test_embeddings import lesson, taught, weights


def test_lookup_and_scores_are_those_of_the_product_and_so_are_gradients():
    torch.manual_seed(0)
    rows, projection = torch.randn(50, 4).double(), torch.randn(4, 9).double()
    ids, states = torch.randint(50, (6, 7)), torch.randn(3, 9).double()
    ours = FactoredTable(rows.clone(), projection, padding=0, scale=1.5)
    table = (rows @ projection).requires_grad_()
    looked, scored = ours(ids), ours.score(states)
    plain = F.embedding(ids, table, 0) * 1.5, states @ table.T
    torch.testing.assert_close(looked, plain[0])
    torch.testing.assert_close(scored, plain[1])
    weight = torch.randn(9).double()
    for found in ((looked, scored), plain):
        ((found[0] * weight).sum() + found[1].square().sum()).backward()
    torch.testing.assert_close(ours.rows.grad, table.grad @ projection.T)
    assert ours.projection.grad is None
    torch.testing.assert_close(ours.weight, table)


def test_the_table_keeps_its_rank_and_its_projection(model_folder, tmp_path):
    parts = lesson(model_folder("bert"))
    begun = student_of("factors.v1", *parts, rank=5)
    projection = begun.module.body.get_input_embeddings().projection.clone()
    own = (
        student_of("embeddings.v1", parts[0], parts[1])
        .module.body.get_input_embeddings()
        .weight.detach()
    )
    torch.testing.assert_close(projection, torch.from_numpy(factorise(own.numpy(), 5).projection))
    table, _ = weights(begun, tmp_path / "a")
    nearest = torch.cat([own, torch.from_numpy(parts[2])]) @ projection.T @ projection
    torch.testing.assert_close(table, nearest)
    student, _ = taught(begun)
    assert torch.equal(student.module.body.get_input_embeddings().projection, projection)
    after, _ = weights(student, tmp_path / "b")
    assert not torch.allclose(after, table, atol=1e-4)
    for made in (table, after):
        assert np.linalg.matrix_rank(made.double().numpy(), tol=1e-4) == 5
    taught(student)  # goes on after it was saved
    full_rank, _ = weights(student_of("embeddings.v1", *parts), tmp_path / "c")
    assert np.linalg.matrix_rank(full_rank.double().numpy(), tol=1e-4) > 5


def test_at_full_rank_nothing_is_lost_and_a_source_gives_its_projection(model_folder, tmp_path):
    parts = lesson(model_folder("bert"))
    ours, _ = weights(student_of("factors.v1", *parts, rank=1000), tmp_path / "a")
    plain, _ = weights(student_of("embeddings.v1", *parts), tmp_path / "b")
    torch.testing.assert_close(ours, plain, atol=1e-5, rtol=1e-4)
    source = np.random.default_rng(3).normal(size=(70, 32)).astype(np.float32)
    found = student_of(
        "factors.v1", *parts, rank=3, source=source
    ).module.body.get_input_embeddings()
    np.testing.assert_allclose(found.projection, factorise(source, 3).projection)


def test_what_cannot_be_factored_is_refused(model_folder):
    parts = lesson(model_folder("bert"))
    with pytest.raises(UsageError, match="rank 0 of a table"):
        student_of("factors.v1", *parts, rank=0)
    with pytest.raises(ModelError, match="a projection of 9 columns for a table of 32"):
        student_of("factors.v1", *parts, source=np.zeros((20, 9), np.float32))

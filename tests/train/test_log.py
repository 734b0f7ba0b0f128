"""The log of a run is that of an undisturbed one, but for the time it took."""

import pyarrow.parquet as pq
import pytest

import small
from isogloss.train.log import write_log


def test_a_resumed_log_is_that_of_an_undisturbed_run(tmp_path):
    _, whole = small.small_run()
    with pytest.raises(small.Stop):
        small.small_run(checkpoint=tmp_path, stop_at=10)
    _, resumed = small.small_run(checkpoint=tmp_path)
    assert resumed.resumed_at == 9 and resumed.rows == whole.rows
    assert resumed.read == whole.read == whole.rows[-1]["tokens"]
    assert [row["step"] for row in whole.rows] == list(range(1, 21))
    seconds = [row["seconds"] for row in resumed.times]
    assert seconds == sorted(seconds) and resumed.times != whole.times


def test_a_log_says_what_was_done():
    _, trained = small.small_run(warmup=0.5)
    rates = [row["learning_rate"] for row in trained.rows]
    assert rates[0] == pytest.approx(0.001) and max(rates) < 0.01
    for row in trained.rows:
        assert row["loss"] == pytest.approx(sum(row["parts"].values()))
        assert set(row["parts"]) == {"distil", "contrast"}
        assert set(row["vectors"]) == {"random_cosine", "variance"}
    tokens = [sum(row["tokens"].values()) for row in trained.rows]
    batches = [small.Mix().batch(0, step)["read"] for step in range(20)]
    assert tokens[2] == sum(sum(read.values()) for read in batches[:3])
    assert set(trained.rows[0]["tokens"]) == {"eng_Latn", "deu_Latn"}
    assert all(row["tokens_per_second"] > 0 for row in trained.times)


def test_a_log_is_written_as_a_table(tmp_path):
    _, trained = small.small_run(evaluate=lambda: {"p1": 0.5}, evaluate_every=7)
    write_log(tmp_path / "log.parquet", trained.rows, trained.times)
    table = pq.read_table(tmp_path / "log.parquet")
    assert table.column_names == [
        "step", "loss", "loss_distil", "loss_contrast", "learning_rate", "tokens_deu_Latn",
        "tokens_eng_Latn", "random_cosine", "variance", "seconds", "tokens_per_second",
        "held_out_p1",
    ]  # fmt: skip
    assert table["step"].to_pylist() == list(range(1, 21))
    there = [i + 1 for i, p in enumerate(table["held_out_p1"].to_pylist()) if p is not None]
    assert there == [7, 14, 20]


def test_a_progress_bar_is_told_the_loss_and_the_speed(tmp_path):
    told = []
    with pytest.raises(small.Stop):
        small.small_run(checkpoint=tmp_path, stop_at=10)
    small.small_run(checkpoint=tmp_path, advance=lambda *a: told.append(a))
    assert sum(amount for amount, *_ in told) == 20 and told[0] == (9,)
    assert told[-1][1].startswith("loss ") and told[-1][1].endswith(" tokens/s")

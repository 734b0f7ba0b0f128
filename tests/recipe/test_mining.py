"""Mining: any memory, any number of kills, the same pairs; nothing is left out uncounted."""

import gzip
import json
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from isogloss.encode import load_encoder
from isogloss.errors import CorpusError, OutputError, UsageError
from isogloss.match.mining import mine_pairs
from isogloss.match.neighbours import unit
from isogloss.match.search import nearest
from isogloss.recipe import mining, mining_stages
from isogloss.recipe.mining import Choice, mine
from isogloss.recipe.mining_folder import MiningFolder
from isogloss.recipe.mining_stages import Search, memory_bytes, shard_rows

TAGS = ("deu", "eng")
PART_BYTES = 32 * (16 * 16 + 64 * 4)  # see shard_rows: width 16, k 4


def sentences(n, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.integers(0, 400, 4).tolist() for _ in range(n)]


def said(side, words):
    return " ".join(f"{side}{w}" for w in words)


@pytest.fixture
def place(tmp_path):
    """80 sources, 70 targets; the first 50 sources have a translation, in another order."""
    text = sentences(100)
    order = np.random.default_rng(1).permutation(70)
    source = [said("s", words) for words in text[:80]]
    target = [said("t", text[i] if i < 50 else text[i + 30]) for i in order.tolist()]
    (tmp_path / "source.txt").write_text("\n".join(source) + "\n", encoding="utf-8")
    (tmp_path / "target.txt").write_text("\n".join(target) + "\n", encoding="utf-8")
    lines = [order.tolist().index(i) + 1 for i in range(50)]
    (tmp_path / "gold.json").write_text(json.dumps(lines), encoding="utf-8")
    return tmp_path


@pytest.fixture
def small(monkeypatch):
    """Parts of 32 sentences, and the memory for shards of one part."""
    monkeypatch.setattr(mining_stages, "PART", 32)
    return mining_stages.RESERVED + PART_BYTES


def go(place, model, out="out", **how):
    how = {"languages": TAGS, **how}
    return mine(str(model), [place / "source.txt"], [place / "target.txt"], place / out, **how)


def rows(folder):
    lines = (folder / "bitext.tsv").read_text(encoding="utf-8").splitlines()
    return [line.split("\t") for line in lines[1:]]


def test_translations_are_found_and_written_in_all_forms(place, bilingual):
    made = go(place, bilingual)
    out, gold = place / "out", json.loads((place / "gold.json").read_text())
    found = rows(out)
    assert [float(r[0]) for r in found] == sorted((float(r[0]) for r in found), reverse=True)
    best = {int(s): int(t) for _, s, t, *_ in found[:45]}
    assert np.mean([s <= 50 and gold[s - 1] == t for s, t in best.items()]) > 0.9
    lines = (place / "source.txt").read_text(encoding="utf-8").splitlines()
    assert all(lines[int(s) - 1] == text for _, s, _, text, _ in found)
    for tag, column in zip(TAGS, (3, 4), strict=True):
        moses = (out / f"bitext.{tag}").read_text(encoding="utf-8").splitlines()
        assert moses == [row[column] for row in found]
    units = ET.parse(out / "bitext.tmx").findall("./body/tu")
    assert [[s.text for s in u.iter("seg")] for u in units] == [row[3:] for row in found]
    facts = json.loads((out / "mined.json").read_text(encoding="utf-8"))
    assert facts == made.facts and facts["counts"]["pairs_kept"] == len(found) > 60
    assert any("no threshold was applied" in note for note in facts["notes"])
    assert [file.name for file in made.files] == [
        "bitext.tsv", "bitext.deu", "bitext.eng", "bitext.tmx", "mined.json",
    ]  # fmt: skip


def test_it_equals_mining_in_one_piece(place, bilingual, small):
    go(place, bilingual, memory=small, search=Search(dtype="float32"))
    encoder = load_encoder(bilingual)
    sides = [(place / f"{side}.txt").read_text().splitlines() for side in ("source", "target")]
    x, y = (unit(encoder.encode(side, language="deu_Latn")[0].array) for side in sides)
    whole = mine_pairs(nearest(x, y, 4), nearest(y, x, 4))
    pairs = {(int(s) - 1, int(t) - 1) for _, s, t, *_ in rows(place / "out")}
    assert pairs == set(zip(whole.source.tolist(), whole.target.tolist(), strict=True))


def test_any_memory_gives_the_same_bytes(place, bilingual, small):
    written = set()
    for out, memory in (("one", small), ("two", small + PART_BYTES), ("three", "2GB")):
        facts = go(place, bilingual, out, memory=memory).facts
        written.add((place / out / "bitext.tsv").read_bytes())
        shards = list((place / out / "shards").glob("source-*"))
        assert len(shards) == -(-80 // facts["rows_per_shard"])
    assert len(written) == 1


@pytest.mark.parametrize("stage", ["encode", "search"])
@pytest.mark.parametrize("after", [1, 3])
def test_killed_and_begun_again_it_ends_with_the_same_bytes(
    place, bilingual, small, monkeypatch, stage, after
):
    go(place, bilingual, "whole", memory=small)
    enter, done = MiningFolder.enter, []

    def stop(self, *names, **facts):
        wanted = "shards/" if stage == "encode" else "search/"
        if names[0].startswith(wanted) and len(done) == after:
            raise KeyboardInterrupt
        done.extend(name for name in names if name.startswith(wanted))
        enter(self, *names, **facts)

    with monkeypatch.context() as patch:
        patch.setattr(MiningFolder, "enter", stop)
        with pytest.raises(KeyboardInterrupt):
            go(place, bilingual, "killed", memory=small)
    assert not (place / "killed" / "bitext.tsv").exists()
    before = {f: f.stat().st_mtime_ns for n in done for f in [place / "killed" / n]}
    assert len(before) == after
    go(place, bilingual, "killed", memory=small)
    assert before == {f: f.stat().st_mtime_ns for f in before}
    for name in ("bitext.tsv", "bitext.deu", "bitext.tmx"):
        assert (place / "killed" / name).read_bytes() == (place / "whole" / name).read_bytes()


@pytest.fixture
def stopped(place, bilingual, small, monkeypatch):
    """A mining that was stopped before the search."""
    with monkeypatch.context() as patch:
        patch.setattr(mining, "search_shards", lambda *a: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            go(place, bilingual, memory=small)
    return place


def test_a_shard_that_vanished_or_changed_is_named(stopped, bilingual, small):
    shard = stopped / "out" / "shards" / "target-00002.npy"
    kept = shard.read_bytes()
    shard.unlink()
    with pytest.raises(OutputError, match=r"target-00002.npy: has vanished[\s\S]*delete"):
        go(stopped, bilingual, memory=small)
    shard.write_bytes(kept[:-1] + b"\0")
    with pytest.raises(OutputError, match=r"target-00002.npy: has changed"):
        go(stopped, bilingual, memory=small)
    shard.write_bytes(kept)
    go(stopped, bilingual, memory=small)


def test_less_memory_than_before_says_how_much_is_needed(place, bilingual, small, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(mining, "search_shards", lambda *a: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            go(place, bilingual, memory=small + PART_BYTES)
    with pytest.raises(UsageError, match="made for more memory"):
        go(place, bilingual, memory=small)
    go(place, bilingual, memory="2GB")


def test_another_input_in_the_same_folder_is_refused_and_named(place, bilingual):
    go(place, bilingual)
    for changed, how in (
        ("k", {"search": Search(k=2)}),
        ("languages", {"languages": ("fra", "eng")}),
    ):
        with pytest.raises(OutputError, match=f"manifest.json: was begun with another {changed}"):
            go(place, bilingual, **how)
    with (place / "target.txt").open("a", encoding="utf-8") as file:
        file.write("t1 t2\n")
    with pytest.raises(OutputError, match=r"another target text: [\s\S]*choose another --out"):
        go(place, bilingual)
    (place / "full").mkdir()
    (place / "full" / "mine").write_text("x", encoding="utf-8")
    with pytest.raises(OutputError, match="not empty and holds no mining"):
        go(place, bilingual, "full")


def test_finished_is_left_alone_and_another_threshold_only_writes(place, bilingual, monkeypatch):
    whole = go(place, bilingual)
    written = {f: f.stat().st_mtime_ns for f in (place / "out").rglob("*") if f.is_file()}
    assert go(place, bilingual).facts == whole.facts
    assert written == {f: f.stat().st_mtime_ns for f in written}
    for name in ("_load", "_neighbours"):
        monkeypatch.setattr(mining_stages, name, lambda *a: 1 / 0)
    half = float(rows(place / "out")[35][0])
    fewer = go(place, bilingual, choice=Choice(threshold=half))
    assert fewer.facts["counts"]["pairs_kept"] == len(rows(place / "out")) == 36
    assert fewer.facts["counts"]["pairs_found"] > 60 and not fewer.facts["notes"]
    go(place, bilingual, choice=Choice(margin="distance", retrieval="intersection"))


def test_duplicates_and_empty_lines_are_counted_and_files_named(place, bilingual):
    again = place / "again.txt.gz"
    with gzip.open(again, "wt", encoding="utf-8") as file:
        first = (place / "source.txt").read_text().splitlines()[0]
        file.write(f"\n{first.upper()}\ns1  s2\t s3\n")
    made = mine(
        str(bilingual), [place / "source.txt", again], [place / "target.txt"], place / "out",
        languages=TAGS,
    )  # fmt: skip
    counts = made.facts["counts"]["source"]
    assert counts["lines"] == 83 and counts["sentences"] == 81
    assert counts["dropped"] == {"empty": 1, "duplicate": 1}
    found = {row[1] for row in rows(place / "out")}
    assert found <= {f"{place / 'source.txt'}:{i}" for i in range(1, 81)} | {f"{again}:3"}


def test_text_without_a_known_token_is_counted(place, bilingual):
    with (place / "source.txt").open("a", encoding="utf-8") as file:
        file.write("unknown words\n")
    facts = go(place, bilingual).facts
    assert facts["counts"]["source"]["without_tokens"] == 1
    assert any("1 sentences of the source have no token" in note for note in facts["notes"])


@pytest.fixture
def planted(tmp_path):
    text = sentences(200, seed=5)
    first = (said("s", sentences(1)[0]), "t1 t2")  # stands in the text
    return known(tmp_path / "known.tsv", text, first)


def known(file, text, *more):
    lines = [*more, *((said("s", words), said("t", words)) for words in text)]
    lines = ["\t".join(line) for line in lines]
    file.write_text("\n".join(["deu\teng", *lines]) + "\n", encoding="utf-8")
    return file


def test_more_neighbours_than_sentences_are_told(place, bilingual):
    notes = go(place, bilingual, search=Search(k=75)).facts["notes"]
    assert [note[:44] for note in notes if note.startswith("k is")] == [
        "k is 75, but the target has 70 sentences; all"[:44]
    ]


@pytest.mark.parametrize("retrieval", ["max", "backward"])
def test_planted_pairs_give_a_threshold_and_are_not_handed_out(
    place, bilingual, planted, retrieval
):
    made = go(place, bilingual, planted=planted, choice=Choice(retrieval=retrieval)).facts
    said_of = made["calibration"]
    assert said_of["planted"] == {
        "pairs": 201, "present": 100, "source_only": 50, "target_only": 50,
        "dropped": {"in the text, or there twice": 1},
    }  # fmt: skip
    found, gold = rows(place / "out"), json.loads((place / "gold.json").read_text())
    assert all(float(row[0]) >= made["threshold"] for row in found)
    assert len(found) == made["counts"]["pairs_kept"] < made["counts"]["pairs_found"]
    right = [int(s) <= 50 and gold[int(s) - 1] == int(t) for _, s, t, *_ in found]
    assert said_of["precision"]["low"] - 0.05 <= np.mean(right)
    assert np.mean(right) <= said_of["precision"]["high"] + 0.05
    texts = {row[3] for row in found}
    assert texts <= set((place / "source.txt").read_text(encoding="utf-8").splitlines())
    stricter = go(
        place, bilingual, planted=planted, choice=Choice(retrieval=retrieval, precision=0.999)
    )
    assert any("lets a precision of 0.999 be expected" in note for note in stricter.facts["notes"])


def test_planted_text_of_another_kind_is_told(place, bilingual, planted):
    like = go(place, bilingual, planted=planted).facts
    stock = known(place / "stock.tsv", [[7, 8, 9, 10, *one] for one in sentences(200, seed=6)])
    other = go(place, bilingual, "other", planted=stock).facts
    for facts, told in ((like, False), (other, True)):
        misfit = facts["calibration"]["misfit"]
        assert (misfit["value"] > misfit["limit"]) == told
        assert any("of another kind than yours" in note for note in facts["notes"]) == told


def test_too_few_planted_pairs_do_not_spoil_the_folder(place, bilingual, planted):
    few = place / "few.tsv"
    few.write_text("deu\teng\ns1 s2\tt1 t2\ns3\tt3\n", encoding="utf-8")
    with pytest.raises(UsageError, match="2 planted pairs are too few"):
        go(place, bilingual, planted=few)
    inside = (place / "source.txt").read_text().splitlines()[:2]
    few.write_text("deu\teng\n" + "".join(f"{line}\tx\n" for line in inside), encoding="utf-8")
    with pytest.raises(UsageError, match=r"few.tsv: 0 planted .*2 given; 2 in the text, or there"):
        go(place, bilingual, planted=few)
    go(place, bilingual, planted=planted)


def test_where_no_threshold_can_be_found_everything_is_written(place, bilingual):
    known = place / "known.tsv"
    lines = "".join(f"nothing {i}\tnothing {i + 99}\n" for i in range(40))
    known.write_text(f"deu\teng\n{lines}", encoding="utf-8")
    facts = go(place, bilingual, planted=known, choice=Choice(retrieval="intersection")).facts
    assert facts["threshold"] is None and facts["counts"]["pairs_kept"] > 40
    assert any(note.startswith("WARNING: no threshold was found") for note in facts["notes"])


def test_files_have_names_of_their_own_whatever_the_languages(place, bilingual):
    made = go(place, bilingual, languages=("tsv", "eng"))
    assert [f.name for f in made.files[:3]] == ["bitext.tsv", "bitext.tsv_Latn", "bitext.eng_Latn"]


def test_the_indexes_of_faiss_mine_too(place, bilingual, small):
    pytest.importorskip("faiss")
    go(place, bilingual, "exact")
    go(place, bilingual, "flat", search=Search(index="flat"), memory=small)
    assert (place / "flat" / "bitext.tsv").read_bytes() == (
        place / "exact" / "bitext.tsv"
    ).read_bytes()
    assert go(place, bilingual, "ivf", search=Search(index="ivf")).facts["counts"]["pairs_kept"]


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"choice": Choice(precision=0.9)}, "known translations"),
        ({"choice": Choice(precision=1.5)}, "between 0 and 1"),
        ({"choice": Choice(threshold=1.0), "planted": "x"}, "given or found, not both"),
        ({"choice": Choice(margin="csls")}, "there is absolute, distance, ratio"),
        ({"search": Search(k=0)}, "at least 1"),
        ({"languages": ("deu", "de")}, "both deu_Latn"),
        ({"memory": "much"}, "2GB or 512MiB"),
        ({"memory": "1MB"}, "give --memory"),
    ],
)
def test_settings_that_cannot_work_say_so(place, bilingual, how, message):
    with pytest.raises(UsageError, match=message):
        go(place, bilingual, **how)


def test_text_that_cannot_be_read_says_so(place, bilingual):
    with pytest.raises(CorpusError, match="no-such"):
        mine(str(bilingual), ["no-such"], [place / "target.txt"], place / "out", languages=TAGS)
    (place / "source.txt").write_text("\n \n", encoding="utf-8")
    with pytest.raises(CorpusError, match="the source has no sentence"):
        go(place, bilingual)


def test_memory_becomes_rows():
    assert memory_bytes("2GB") == 2 * 10**9 and memory_bytes("1.5 GiB") == 3 * 2**29
    assert memory_bytes(7) == 7 and memory_bytes("512m") == 512 * 10**6
    rows = shard_rows(2 * 10**9, 384, 4)
    assert rows % mining_stages.PART == 0
    assert (
        rows * (16 * 384 + 256)
        <= 2 * 10**9 - mining_stages.RESERVED
        < (rows + mining_stages.PART) * 6400
    )

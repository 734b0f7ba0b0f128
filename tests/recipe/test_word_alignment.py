"""The command reads, links and writes what others read; gold is scored; long text is not cut."""

import json

import pytest

from isogloss.errors import CorpusError, UsageError
from isogloss.recipe.word_alignment import middle, read_text, run

GOLD = "source\ttarget\tsure\tpossible\nthe house\tthe house\t0-0 1-1\t\nred\tred one\t0-0\t0-1\n"


@pytest.fixture
def gold(tmp_path):
    file = tmp_path / "gold.tsv"
    file.write_text(GOLD, encoding="utf-8")
    return file


def test_the_middle_is_two_thirds_up():
    assert middle(range(13)) == 8 and middle(range(7)) == 4 and middle([0]) == 0


def test_everything_is_written_and_the_same_sentence_is_linked_to_itself(gold, minilm, tmp_path):
    out = tmp_path / "out"
    files, scores, _ = run(minilm, gold, out, methods=["itermax", "mwmf"])
    assert {f.name for f in files} == {
        f"{m}.{kind}" for m in ("itermax", "mwmf") for kind in ("pharaoh", "tsv", "jsonl", "html")
    }
    assert (out / "itermax.pharaoh").read_text().splitlines()[0] == "0-0 1-1"
    aer = [row for row in scores if row.measure == "alignment_aer"]
    assert [row.settings["method"] for row in aer] == ["itermax", "mwmf"]
    assert json.loads((out / "scores.json").read_text())
    page = (out / "mwmf.html").read_text(encoding="utf-8")
    assert "house – house" in page and 'class="on sure"' in page


def test_a_page_escapes_words(tmp_path, minilm):
    text = tmp_path / "text.tsv"
    text.write_text("eng\tdeu\n<script>x\tja <b>\nyes\tja\n", encoding="utf-8")
    run(minilm, text, tmp_path / "out", languages=["eng", "deu"], methods=["forward"])
    page = (tmp_path / "out" / "forward.html").read_text(encoding="utf-8")
    assert "<script>x" not in page and "&lt;script&gt;x" in page


def test_a_long_sentence_is_linked_to_its_end(tmp_path, minilm):
    words = " ".join(f"word{i} house{i}" for i in range(200))
    text = tmp_path / "text.tsv"
    text.write_text(f"eng\tdeu\n{words}\t{words}\na\tb\n", encoding="utf-8")
    _, _, notes = run(minilm, text, tmp_path / "out", languages=["eng", "deu"], methods=["mwmf"])
    links = (tmp_path / "out" / "mwmf.pharaoh").read_text().splitlines()[0].split()
    right = sum(i == j for i, j in (link.split("-") for link in links))
    assert right > 0.95 * 400 and "399-399" in links
    assert any("2 sentences over the model's window were read in parts" in note for note in notes)


def test_a_missing_side_is_left_out_and_told(tmp_path):
    folder = tmp_path / "ids"
    folder.mkdir()
    (folder / "eng.tsv").write_text("id\ttext\n1\ta\n2\tb\n3\tc\n", encoding="utf-8")
    (folder / "deu.tsv").write_text("id\ttext\n1\tx\n3\tz\n", encoding="utf-8")
    text = read_text(f"{folder}/{{language}}.tsv?id=id&text=text", ["deu", "eng"])
    assert text.ids == ["1", "3"] and text.source == [["x"], ["z"]]
    assert any(note.startswith("1 of 3 pairs lack one side; left out") for note in text.notes)


def test_gold_is_by_row_even_where_one_lacks_a_side(tmp_path):
    (tmp_path / "text.tsv").write_text("eng\tdeu\na b\tx\nc\t\nd\ty z\n", encoding="utf-8")
    (tmp_path / "links").write_text("1-0\n0-5\n0-1\n")
    text = read_text(tmp_path / "text.tsv", gold=tmp_path / "links")
    assert text.ids == ["1", "3"] and [set(g.sure) for g in text.gold] == [{(1, 0)}, {(0, 1)}]


def test_what_the_reader_says_and_left_out_is_told(tmp_path):
    (tmp_path / "deu-eng.txt").write_text("ein Haus ||| a house\nja ||| yes\n")
    text = read_text(tmp_path / "deu-eng.txt")
    assert text.source == [["ein", "Haus"], ["ja"]] and text.target[0] == ["a", "house"]
    assert any("`source ||| target`; the left side is deu_Latn" in note for note in text.notes)
    unit = '<tu><tuv xml:lang="{}"><seg>a</seg></tuv><tuv xml:lang="de"><seg>b</seg></tuv></tu>'
    units = "".join(unit.format(tag) for tag in ("en", "en", "de"))
    (tmp_path / "t.tmx").write_text(f'<tmx version="1.4"><body>{units}</body></tmx>')
    notes = read_text(tmp_path / "t.tmx", ["deu", "eng"]).notes
    assert "t.tmx: TMX, 3 units, 2 languages" in notes
    assert "1 units in one language only; left out" in notes


def test_three_languages_must_be_narrowed(tmp_path):
    file = tmp_path / "text.tsv"
    file.write_text("eng\tdeu\tfra\na\tb\tc\nd\te\tf\n", encoding="utf-8")
    with pytest.raises(CorpusError, match="pairs are of 2 languages; there are 3"):
        read_text(file)


@pytest.mark.parametrize("how", [{"layer": 3}, {"unit": "word"}, {"distortion": 0.5}])
def test_settings_of_vectors_are_refused_by_a_statistical_aligner(how, gold, tmp_path):
    with pytest.raises(UsageError, match="hmm reads words, not vectors"):
        run("hmm", gold, tmp_path / "out", methods=["union"], **how)
    assert not (tmp_path / "out").exists()


def test_one_pair_is_linked_and_not_scored(tmp_path):
    (tmp_path / "one.tsv").write_text("eng\tdeu\na b\tx y\n", encoding="utf-8")
    _, _, notes = run("ibm1", tmp_path / "one.tsv", tmp_path / "out", methods=["union"])
    assert (tmp_path / "out" / "union.pharaoh").read_text().count("\n") == 1
    assert notes[0] == f"{tmp_path / 'one.tsv'}: pairs.v1, 1 rows of eng_Latn, deu_Latn"
    (tmp_path / "gold.tsv").write_text(GOLD.rpartition("red\t")[0], encoding="utf-8")
    _, scores, notes = run("ibm1", tmp_path / "gold.tsv", tmp_path / "out", methods=["union"])
    assert not scores and "one pair is linked and not scored: an interval needs 2" in notes


def test_what_was_sniffed_and_chosen_is_told(gold, minilm, tmp_path):
    _, _, notes = run(minilm, gold, tmp_path / "out", languages=["eng", "deu"])
    assert notes[0] == f"{gold}: gold TSV, 2 pairs" and "whatever --languages" in notes[1]
    assert any(note.startswith("layer ") and note.endswith("two thirds up") for note in notes)
    (tmp_path / "text.tsv").write_text("eng\tdeu\na b\tx\nd\ty z\n", encoding="utf-8")
    (tmp_path / "links").write_text("1-0\n0-1\n")
    notes = read_text(tmp_path / "text.tsv", gold=tmp_path / "links").notes
    assert notes[-1] == f"{tmp_path / 'links'}: Pharaoh, 2 pairs with their gold links"


def test_gold_without_a_sure_link_is_refused_before_the_work(tmp_path):
    (tmp_path / "gold.tsv").write_text(GOLD.replace("0-0 1-1", "").replace("\t0-0\t", "\t\t"))
    with pytest.raises(CorpusError, match=r"gold.tsv: has no sure link"):
        run("ibm1", tmp_path / "gold.tsv", tmp_path / "out", methods=["union"])
    assert not (tmp_path / "out").exists()


def test_a_distortion_over_1_is_refused(gold, minilm, tmp_path):
    with pytest.raises(UsageError, match=r"distortion is 3\.0"):
        run(minilm, gold, tmp_path / "out", distortion=3.0)


def test_lines_of_pharaoh_are_rows_of_the_text(tmp_path):
    (tmp_path / "text.tsv").write_text("eng\tdeu\na b\tx\nc\t\nd\ty z\n", encoding="utf-8")
    out = tmp_path / "out"
    run("ibm1", tmp_path / "text.tsv", out, methods=["union"])
    links = (out / "union.pharaoh").read_text().split("\n")
    assert len(links) == 4 and links[0] and not links[1] and links[2]
    _, scores, _ = run("ibm1", tmp_path / "text.tsv", out, methods=["union"],
                       gold=out / "union.pharaoh")  # fmt: skip
    assert next(r.value for r in scores if r.measure == "alignment_f1") == 1


def test_scores_of_an_earlier_run_do_not_stay(gold, tmp_path):
    run("ibm1", gold, tmp_path / "out", methods=["union"])
    assert (tmp_path / "out" / "scores.json").is_file()
    (tmp_path / "text.tsv").write_text("eng\tdeu\na b\tx\nd\ty z\n", encoding="utf-8")
    run("ibm1", tmp_path / "text.tsv", tmp_path / "out", methods=["union"])
    assert not (tmp_path / "out" / "scores.json").exists()

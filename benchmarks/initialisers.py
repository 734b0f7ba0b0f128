"""Initialisers: the rows of the packages deepfocus (FOCUS) and wechsel, and the time they take.

    python benchmarks/initialisers.py [--size 30000] [--environment FOLDER] [--out FOLDER]

Source vocabulary and table: English, Spanish and French; target vocabulary: German, Finnish and
English; both learned on the Bible, the source's table is random. Vectors of tokens and words are
trained here once and read by both sides, so that the algorithms alone are compared: from
tokenizers, table and vectors in memory to the target's rows. The packages run in an environment of
their own, made in a temporary folder (`--environment` keeps one), each after a call on a small case
that loads and compiles what it needs; so do ours.

Wechsel gets its word vectors in float64: in float32 its rotation is off by 1e-5, which then
decides between neighbours that are almost equally near. Rows whose tenth neighbour ties with the
next (ties) are left out of the comparison and counted.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from isogloss import read_corpus
from isogloss.match.neighbours import unit
from isogloss.match.search import nearest
from isogloss.vocabulary.initialise.focus import focus
from isogloss.vocabulary.initialise.rows import Help, Rows, Source
from isogloss.vocabulary.initialise.wechsel import rotation, wechsel
from isogloss.vocabulary.token_vectors import (
    token_sentences,
    token_vectors_by_name,
    token_vectors_from_words,
)
from support.environment import OPTION, environment

DATA = Path(os.environ.get("ISOGLOSS_DATA", "../shared/data"))
SIDES = {"source": ["eng", "spa", "fra"], "target": ["deu", "fin", "eng"]}
SPECIAL = ["<unk>", "<pad>", "<s>", "</s>"]
PACKAGES = ["deepfocus==1.0.1", "wechsel==0.0.4", "transformers<5", "numpy<2.3"]
WIDTH, COLUMNS = 100, 768  # of the vectors that are trained, of the source's table
PAIRS = 5000  # of the dictionary: words that both sides spell alike
WANTED = 0.9999
SIZES = (8, 6, 6, 6, 5, 12, 10, 8, 8, 6)  # of the columns of the table
SMALL = 300  # tokens of the case that warms up

REFERENCE = """
import json, sys, time
from pathlib import Path
import numpy as np, torch
from transformers import PreTrainedTokenizerFast
method, folder = sys.argv[1], Path(sys.argv[2])

def run(case):
    tokenizers = [
        PreTrainedTokenizerFast(
            tokenizer_file=str(case / f"{side}.json"), unk_token="<unk>", pad_token="<pad>",
            bos_token="<s>", eos_token="</s>", clean_up_tokenization_spaces=False,
        )
        for side in ("source", "target")
    ]
    table = np.load(case / "table.npy")
    return {"focus": run_focus, "wechsel": run_wechsel}[method](case, *tokenizers, table)

def run_focus(case, source, target, table):
    import deepfocus
    module = sys.modules["deepfocus.focus"]
    vectors = np.load(case / "target-tokens.npy")
    names = target.convert_ids_to_tokens(range(len(target)))
    known = {name: v for name, v in zip(names, vectors) if v.any()}
    module.load_target_token_embedding = lambda **_: known
    start = time.perf_counter()
    made = deepfocus.FOCUS(
        target, source, torch.from_numpy(table), fasttext_model_path="given", verbosity="silent"
    ).numpy()
    took = time.perf_counter() - start
    _, new = module.get_overlapping_tokens(target, source, False, True, False)
    return made, took, sum(name not in known for name in new)

def run_wechsel(case, source, target, table):
    from gensim.models import Word2Vec
    from wechsel import WECHSEL
    spaces = []
    for side in ("source", "target"):
        words = json.loads((case / f"{side}-words.json").read_text())
        vectors = np.load(case / f"{side}-words.npy")
        model = Word2Vec(vector_size=vectors.shape[1], min_count=1)
        model.build_vocab_from_freq(words)
        at = [model.wv.key_to_index[word] for word in words]
        model.wv.vectors = np.zeros(vectors.shape)
        model.wv.vectors[at] = vectors
        spaces.append(model)
    start = time.perf_counter()
    found = WECHSEL(*spaces, bilingual_dictionary=str(case / "dictionary.tsv"))
    made, info = found.apply(source, target, table, use_subword_info=False)
    took = time.perf_counter() - start
    return made, took, sum(name not in source.all_special_tokens for name in info.not_found)

run(folder / "small")
made, took, drawn = run(folder / "full")
np.save(folder / f"{method}.npy", made.astype(np.float32))
(folder / f"{method}.json").write_text(json.dumps({"seconds": took, "drawn": drawn}))
"""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--size", type=int, default=30_000, help="tokens of each vocabulary")
    arguments.add_argument("--environment", help=OPTION)
    arguments.add_argument("--out", help="a folder to keep the case and the rows in")
    given = arguments.parse_args()
    if not (DATA / "bible").is_dir() or importlib.util.find_spec("gensim") is None:
        print(f"skipped: needs gensim and the text of {DATA}; set ISOGLOSS_DATA")
        return
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(given.environment or f"{temporary}/environment")
        python = environment(place, PACKAGES, "deepfocus, wechsel", torch=("numpy<2.3",))
        if python is None:
            return
        folder = Path(given.out or temporary) / f"case-{given.size}"
        make_case(folder / "small", SMALL)
        make_case(folder / "full", given.size)
        heads = ("method", "rows", "drawn", "theirs", "ties", "least cosine", f">= {WANTED}",
                 "package", "ours", "times")  # fmt: skip
        print(" ".join(f"{head:>{size}}" for head, size in zip(heads, SIZES, strict=True)))
        for method in ("focus", "wechsel"):
            compare(method, folder, python)


def make_case(folder: Path, size: int) -> None:
    """Tokenizers, a table, and vectors of tokens and words, as files."""
    if (folder / "dictionary.tsv").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    corpus = read_corpus(DATA / "bible", languages=sorted({t for s in SIDES.values() for t in s}))
    counts = {}
    for side, languages in SIDES.items():
        lines = [line for tag in languages for line in corpus.texts(tag) if line]
        lines = lines[:: 20 if size == SMALL else 1]
        tokenizer = learn(lines, size)
        tokenizer.save(str(folder / f"{side}.json"))
        words = [[w for w, _ in pre_tokenizers.Whitespace().pre_tokenize_str(x)] for x in lines]
        counts[side] = {
            w: n for w, n in Counter(w for x in words for w in x).most_common() if n > 1
        }
        (folder / f"{side}-words.json").write_text(json.dumps(counts[side]))
        np.save(folder / f"{side}-words.npy", trained(words, list(counts[side]))[1])
        if side == "target":
            names, vectors = trained(token_sentences(tokenizer, lines), None)
            np.save(folder / "target-tokens.npy", token_vectors_by_name(tokenizer, names, vectors))
        else:
            rng = np.random.default_rng(0)
            table = rng.normal(0, 0.05, (tokenizer.get_vocab_size(), COLUMNS)).astype(np.float32)
            np.save(folder / "table.npy", table)
    both = [word for word in counts["source"] if word in counts["target"]][:PAIRS]
    (folder / "dictionary.tsv").write_text("".join(f"{word}\t{word}\n" for word in both))


def learn(lines: list[str], size: int) -> Tokenizer:
    """BPE that marks begins of words as SentencePiece does."""
    made = Tokenizer(models.BPE(unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    made.decoder = decoders.Metaspace()
    trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=SPECIAL, show_progress=False)
    made.train_from_iterator(lines, trainer)
    return made


def trained(sentences: list[list[str]], words: list[str] | None) -> tuple[list[str], np.ndarray]:
    """FastText vectors, CBOW, with the settings of deepfocus; of given words or frequent ones."""
    from gensim.models import FastText

    model = FastText(
        sentences, vector_size=WIDTH, sg=0, negative=10, epochs=3, seed=0, workers=1,
        min_count=2 if words else 10, bucket=100_000,
    )  # fmt: skip
    names = words or list(model.wv.index_to_key)
    return names, np.stack([model.wv[name] for name in names]).astype(np.float32)


def compare(method: str, folder: Path, python: Path) -> None:
    """One line: how alike the rows are, and the times."""
    script = folder / "reference.py"
    script.write_text(REFERENCE)
    command = [str(python), str(script), method, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        print(f"{method}: skipped: the package failed: {done.stderr.strip().splitlines()[-1]}")
        return
    theirs = np.load(folder / f"{method}.npy")
    facts = json.loads((folder / f"{method}.json").read_text())
    run(method, folder / "small")
    ours, seconds, ties = run(method, folder / "full")
    made = ours.made != 0
    same = made & ~ties
    cosines = (unit(ours.rows) * unit(theirs)).sum(1)[same]
    cells = (
        method, same.sum(), (~made).sum(), facts["drawn"], (ties & made).sum(),
        f"{cosines.min():.7f}", f"{(cosines >= WANTED).mean():.2%}", f"{facts['seconds']:.1f}s",
        f"{seconds:.1f}s", f"{facts['seconds'] / seconds:.1f}",
    )  # fmt: skip
    print(" ".join(f"{cell:>{size}}" for cell, size in zip(cells, SIZES, strict=True)), flush=True)


def run(method: str, case: Path) -> tuple[Rows, float, np.ndarray]:
    """Our rows, how long they took, and where the tenth neighbour ties with the next.

    Tokens of the same words have the same vector; which of them is taken is then anyone's choice.
    """
    sides = [Tokenizer.from_file(str(case / f"{side}.json")) for side in SIDES]
    source = Source(np.load(case / "table.npy"), sides[0])
    if method == "focus":
        help = Help(target_tokens=np.load(case / "target-tokens.npy"))
        start = time.perf_counter()
        made = focus(source, sides[1], help)
        return made, time.perf_counter() - start, np.zeros(len(made.rows), bool)
    lists = [json.loads((case / f"{side}-words.json").read_text()) for side in SIDES]
    given = [(list(words), np.load(case / f"{side}-words.npy"))
             for side, words in zip(SIDES, lists, strict=True)]  # fmt: skip
    lines = (case / "dictionary.tsv").read_text().splitlines()
    help = Help(
        source_words=given[0], target_words=given[1],
        source_frequencies=list(lists[0].values()), target_frequencies=list(lists[1].values()),
        dictionary=[(a, b) for a, b in (line.split("\t") for line in lines)],
    )  # fmt: skip
    start = time.perf_counter()
    made = wechsel(source, sides[1], help)
    took = time.perf_counter() - start
    y, x = (token_vectors_from_words(tokenizer, *words, list(counts.values()))
            for tokenizer, words, counts in zip(sides, given, lists, strict=True))  # fmt: skip
    old = np.flatnonzero(y.any(1))
    near = nearest(unit(x), unit(y[old] @ rotation(help)), 11).scores
    return made, took, (near[:, 9] - near[:, 10] < 1e-6) & (made.parts > 1)


if __name__ == "__main__":
    main()

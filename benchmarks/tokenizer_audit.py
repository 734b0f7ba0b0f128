"""Eight tokenizers of four algorithms learned on Bible text, then audited on all of NTREX-128.

    python benchmarks/tokenizer_audit.py [--tokenizers 8] [--languages 131] [--verses 500]

Prints the seconds of learning and of the audit apart; the audit is the job of `isogloss tokenizers
audit` with an empty cache: scores with intervals, parity and overlap of all pairs, tables, report.
"""

from __future__ import annotations

import argparse
import itertools
import os
import tempfile
import time
from pathlib import Path
from typing import Any

from isogloss import read_corpus
from isogloss.recipe.tokenizers import audit_tokenizers

DATA = Path(os.environ.get("ISOGLOSS_DATA", "../shared/data"))
SIZES = (8_000, 32_000)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tokenizers", type=int, default=8)
    parser.add_argument("--languages", type=int, default=131)
    parser.add_argument("--verses", type=int, default=500, help="of each language of the Bible")
    given = parser.parse_args()
    if not (DATA / "bible").is_dir():
        print(f"skipped: no text in {DATA}; set ISOGLOSS_DATA")
        return
    with tempfile.TemporaryDirectory() as place:
        os.environ["ISOGLOSS_CACHE"] = f"{place}/cache"
        files = learn(Path(place), given.tokenizers, given.verses)
        began = time.perf_counter()
        run = audit_tokenizers(
            files, DATA / "ntrex128", out=f"{place}/run", languages=some(given.languages)
        )
        took = time.perf_counter() - began
        premiums = run.scores.where(measure="premium")
        languages = len({row.language for row in premiums}) + 1
        print(f"audit: {len(files)} tokenizers, {languages} languages, {took:.1f} s in all")
        print(f"  peak memory {run.provenance['peak_memory_bytes'] / 2**30:.2f} GiB")
        for system in dict.fromkeys(row.system for row in premiums):
            values = [row.value or 0.0 for row in premiums.where(system=system)]
            print(f"  {system:16} mean premium {sum(values) / len(values):.2f}, "
                  f"highest {max(values):.2f}")  # fmt: skip


def some(count: int) -> list[str]:
    """The first languages of NTREX-128 in the order of their tags; all where `count` is high."""
    corpus = read_corpus(DATA / "ntrex128")
    return [tag for tag in map(str, corpus.languages) if tag != "eng_Latn"][: max(1, count - 1)]


def learn(place: Path, count: int, verses: int) -> list[str]:
    """The files of learned tokenizers, each named by its algorithm and size."""
    corpus = read_corpus(DATA / "bible")
    texts = [
        text
        for language in corpus.languages
        for text in itertools.islice(filter(None, corpus.texts(language)), verses)
    ]
    print(f"learn: {len(texts):,} verses in {len(corpus.languages)} languages")
    files = []
    for size, (kind, make) in itertools.islice(itertools.product(SIZES, KINDS.items()), count):
        began = time.perf_counter()
        tokenizer, trainer = make(size)
        tokenizer.train_from_iterator(texts, trainer)
        file = place / f"{kind}-{size // 1000}k.json"
        tokenizer.save(str(file))
        files.append(str(file))
        print(f"  {file.stem:16} {tokenizer.get_vocab_size():7,} tokens, "
              f"{time.perf_counter() - began:.1f} s")  # fmt: skip
    return files


def wordpiece(size: int) -> tuple[Any, Any]:
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

    made = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(strip_accents=False)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return made, trainers.WordPieceTrainer(
        vocab_size=size, special_tokens=["[UNK]"], show_progress=False
    )


def byte_bpe(size: int) -> tuple[Any, Any]:
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    return made, trainers.BpeTrainer(
        vocab_size=size, initial_alphabet=alphabet, show_progress=False
    )


def bpe(size: int) -> tuple[Any, Any]:
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

    made = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True))
    made.normalizer = normalizers.NFKC()
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    return made, trainers.BpeTrainer(vocab_size=size, special_tokens=["<unk>"], show_progress=False)


def unigram(size: int) -> tuple[Any, Any]:
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

    made = Tokenizer(models.Unigram())
    made.normalizer = normalizers.NFKC()
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    return made, trainers.UnigramTrainer(
        vocab_size=size, special_tokens=["<unk>"], unk_token="<unk>", show_progress=False
    )


KINDS = {"wordpiece": wordpiece, "byte-bpe": byte_bpe, "bpe": bpe, "unigram": unigram}


if __name__ == "__main__":
    main()

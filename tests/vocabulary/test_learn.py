"""A learned tokenizer is the same in every process, and every language has its share in it."""

import hashlib
import subprocess
import sys

CODE = """
from isogloss.vocabulary.learn import learn_unigram
words = "sun moon star rain snow wind fire leaf bird fish 親 睛 舞 너".split()
texts = {t: [f"{t}{a} {b}{t}" for a in words for b in words] for t in ("x", "y", "z")}
print(learn_unigram(texts, size=90).to_str())
"""


def test_two_processes_learn_the_same_tokenizer():
    made = {
        hashlib.sha256(subprocess.check_output([sys.executable, "-c", CODE])).hexdigest()
        for _ in range(3)
    }
    assert len(made) == 1

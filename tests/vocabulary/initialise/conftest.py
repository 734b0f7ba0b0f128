"""Vocabularies of whole words, whose tokens are known beforehand."""

import pytest


@pytest.fixture(scope="session")
def whole_words():
    """From names of tokens to a tokenizer that knows these and nothing else."""

    def make(*names: str):
        from tokenizers import Tokenizer, models, pre_tokenizers

        vocabulary = {name: i for i, name in enumerate(("[UNK]", *names))}
        made = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
        made.pre_tokenizer = pre_tokenizers.Whitespace()
        return made

    return make

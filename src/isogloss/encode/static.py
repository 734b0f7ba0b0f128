"""Static vectors: the mean of one learned row a token."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from isogloss.encode.dense import apply_dense, read_dense
from isogloss.encode.folder import ModelFolder
from isogloss.encode.protocol import Progress, Reader
from isogloss.encode.texts import About, assemble, check_window, choose_layers, present
from isogloss.encode.tokens import RustTokenizer
from isogloss.encode.vectors import Vectors
from isogloss.encode.words import TokenVectors, word_vectors
from isogloss.errors import ModelError, UsageError
from isogloss.registry import register

_NO_WINDOW = 2**31 - 1
_CHUNK = 4096


@register("encoder", "static.v1")
class StaticEncoder:
    """A table of token vectors and a tokenizer, as `StaticEmbedding` folders hold them.

    `v = (1/T) sum_t E[token_t]`, no special tokens. The only layer is 0. A text without tokens
    gets zeros. Source: the StaticEmbedding module of sentence-transformers; the tables of
    model2vec, with their token mapping and weights, are read too.

    Args:
        folder: the opened model folder.
        fast: accepted for the common signature; there is one way only.

    Raises:
        ModelError: no tokenizer.json, or no table among the weights.
    """

    def __init__(self, folder: ModelFolder, *, fast: str = "auto") -> None:
        self.name, self.fingerprint, self.licence = folder.name, folder.fingerprint, folder.licence
        self.layers, self.pooling = (0,), "mean"
        self._tokenizer = open_tokenizer(folder)
        self.window = self._tokenizer.window
        size = self.reader.tokenizer.get_vocab_size()
        self._table = _read_table(folder)  # [v, d]
        self._dense, self._prompt = [read_dense(path) for path in folder.dense], folder.prompt
        if size > len(self._table):
            raise ModelError(
                f"the tokenizer has {size} tokens and the table {len(self._table)} rows",
                file=folder.body,
            )

    def encode(
        self,
        texts: Sequence[str | None],
        *,
        language: str,
        layers: Sequence[int] | None = None,
        pooling: str | None = None,
        strict: bool = False,
        progress: Progress | None = None,
    ) -> dict[int, Vectors]:
        """Vectors of layer 0, see `Encoder`.

        Raises:
            UsageError: another layer than 0 or another pooling than `mean`.
            TruncationError: `strict`, and a text is longer than the tokenizer's truncation.
        """
        choose_layers(layers, self.layers, self.name)
        if pooling not in (None, "mean"):
            raise UsageError(f"static vectors are pooled by mean, not by {pooling!r}")
        there = present(texts)
        array = np.zeros((len(there.rows), self._table.shape[1]), np.float32)  # [n, d]
        tokens = np.zeros(len(there.rows), np.int64)  # [n]
        if progress:
            progress(there.total - len(there.rows))
        for start in range(0, len(there.rows), _CHUNK):
            part = slice(start, start + _CHUNK)
            read = self._tokenizer.read([self._prompt + text for text in there.texts[part]])
            tokens[part] = read.lengths
            array[part] = mean_rows(self._table, read.ids)
            if progress:
                progress(len(read.ids))
        if strict:
            check_window(tokens, there.rows, self.window, language)
        for dense in self._dense:
            array = apply_dense(array, dense)
        about = About("mean", language, tokens, self.window, self.fingerprint)
        return assemble({0: array}, there, about)

    def encode_words(
        self, sentences: Sequence[Sequence[str]], *, layers: Sequence[int] | None = None
    ) -> dict[int, TokenVectors]:
        """Rows of the tokens of words, see `Encoder`; they know no context."""
        choose_layers(layers, self.layers, self.name)

        def run(texts: list[np.ndarray]) -> dict[int, np.ndarray]:
            return {0: self._table[np.concatenate([np.empty(0, np.int32), *texts])]}

        return word_vectors(sentences, self._tokenizer, _NO_WINDOW, run)

    @property
    def reader(self) -> Reader:
        """How it cuts texts into tokens."""
        return self._tokenizer.reader()


def open_tokenizer(folder: ModelFolder) -> RustTokenizer:
    """The tokenizer of a folder of static vectors; its truncation is the window.

    Raises:
        ModelError: no tokenizer.json.
    """
    from tokenizers import Tokenizer

    file = folder.body / "tokenizer.json"
    if not file.is_file():
        raise ModelError("static vectors need a tokenizer.json", file=folder.body)
    tokenizer = Tokenizer.from_file(str(file))
    truncation: dict[str, Any] | None = tokenizer.truncation
    window = truncation["max_length"] if truncation else _NO_WINDOW
    unknown = getattr(tokenizer.model, "unk_token", None)
    unknown_id = tokenizer.token_to_id(unknown) if unknown else _unigram_unknown(tokenizer)
    return RustTokenizer(tokenizer, window, unknown_id, special=False)


def mean_rows(table: np.ndarray, ids: Sequence[np.ndarray]) -> np.ndarray:
    """The mean of the rows `table[ids[i]]` for every i: `[n, d]`, zeros where there are none."""
    import torch
    import torch.nn.functional as F

    lengths = np.array([len(x) for x in ids], np.int64)  # [n]
    offsets = torch.from_numpy(np.cumsum(lengths) - lengths)  # [n]
    flat = np.concatenate(ids).astype(np.int64) if lengths.sum() else np.zeros(0, np.int64)
    with torch.inference_mode():
        weight = torch.from_numpy(table)
        return F.embedding_bag(torch.from_numpy(flat), weight, offsets, mode="mean").numpy()


def _read_table(folder: ModelFolder) -> np.ndarray:
    from safetensors.numpy import load_file

    file = folder.body / "model.safetensors"
    if not file.is_file():
        raise ModelError("static vectors need a model.safetensors", file=folder.body)
    tensors = load_file(file)
    if "embedding.weight" in tensors:
        table = tensors["embedding.weight"]
    elif "embeddings" in tensors:
        table = tensors["embeddings"]
        if "mapping" in tensors:
            table = table[tensors["mapping"]]
        if "weights" in tensors:
            table = table.astype(np.float32) * tensors["weights"][:, None].astype(np.float32)
    else:
        raise ModelError(
            f"no table of static vectors among the weights ({', '.join(sorted(tensors)[:5])})",
            file=file,
            remedy="expected the name embedding.weight or embeddings",
        )
    return np.ascontiguousarray(table, np.float32)


def _unigram_unknown(tokenizer: Any) -> int | None:
    """The id of a Unigram model's unknown token, which only its serialised form tells."""
    import json

    return json.loads(tokenizer.to_str())["model"].get("unk_id")

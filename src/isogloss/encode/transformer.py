"""Transformers of any architecture that `AutoModel` knows: encoders, decoders, both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

from isogloss.encode.batches import pack
from isogloss.encode.dense import apply_dense, read_dense
from isogloss.encode.folder import ModelFolder
from isogloss.encode.pooling import EVERY, check_pooling
from isogloss.encode.protocol import Progress, Reader
from isogloss.encode.texts import About, assemble, check_window, choose_layers, present
from isogloss.encode.tokens import PythonTokenizer, RustTokenizer
from isogloss.encode.vectors import Vectors, check_finite
from isogloss.encode.weights import is_decoder, load_body, load_tokenizer, read_window
from isogloss.encode.words import TokenVectors, word_vectors
from isogloss.errors import UsageError
from isogloss.registry import register

if TYPE_CHECKING:
    import torch

_TOKENS_A_THREAD = 1024  # more no longer fit the cache beside the weights, fewer idle the cores


class Forward(Protocol):
    """One way to run the network.

    Attributes:
        layers: number of layers above the embedding layer.
        width: dimensions of a hidden state.
        table: `[V, C]` the rows that ids mean; a longer one gives meaning to more ids.
    """

    layers: int
    width: int
    table: torch.Tensor

    def __call__(
        self, ids: list[np.ndarray], layers: Sequence[int], pooling: str
    ) -> dict[int, np.ndarray]:
        """Pooled `[b, d]` float32 per layer from the token ids of b texts, longest first.

        With the pooling `EVERY`, `[t, d]` of all their tokens.
        """
        ...


@register("encoder", "transformer.v1")
class TransformerEncoder:
    """Hidden states of a transformer, pooled to one vector a text, at every layer asked for.

    Layer 0 is the output of the embedding layer, the last layer is what the network gives out
    (after its final norm, where it has one). Of an encoder-decoder the encoder is used. A final
    normalisation is not applied: cosines do not change, and norms stay visible. The dense modules
    of a sentence-transformers folder are applied to the last layer under its own pooling.

    Args:
        folder: the opened model folder.
        fast: see `load_encoder`.

    Raises:
        ModelError: the folder cannot be loaded, or weights are missing in it.
        UsageError: an unknown `fast`.
    """

    def __init__(self, folder: ModelFolder, *, fast: str = "auto") -> None:
        self.name, self.fingerprint, self.licence = folder.name, folder.fingerprint, folder.licence
        self._tokenizer = open_tokenizer(folder)
        self.window = self._tokenizer.window
        self._forward = self._open(folder, fast)
        self.layers = tuple(range(self._forward.layers + 1))
        self.pooling = folder.pooling or ("last" if is_decoder(folder.config) else "mean")
        self._dense = [read_dense(path) for path in folder.dense]
        self._prompt, self._lower = folder.prompt, folder.lower

    def _open(self, folder: ModelFolder, fast: str) -> Forward:
        return _choose_forward(folder, fast)

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
        """Vectors per layer, see `Encoder`.

        Raises:
            UsageError: no such layer or pooling.
            TruncationError: `strict`, and a text is longer than the window.
            VectorError: the network gives NaN or infinity.
        """
        chosen = choose_layers(layers, self.layers, self.name)
        how = check_pooling(pooling or self.pooling)
        there = present(texts)
        ids, tokens = self._tokenizer.read([self._prepare(text) for text in there.texts])
        if strict:
            check_window(tokens, there.rows, self.window, language)
        if progress:
            progress(there.total - len(there.rows) + int((tokens == 0).sum()))
        arrays = self._run(ids, chosen, how, progress)  # each [n, d]
        last = self.layers[-1]
        if last in arrays and how == self.pooling:
            for dense in self._dense:
                arrays[last] = apply_dense(arrays[last], dense)
        about = About(how, language, tokens, self.window, self.fingerprint)
        return assemble(arrays, there, about)

    def encode_ids(
        self,
        ids: Sequence[np.ndarray],
        *,
        language: str,
        layers: Sequence[int] | None = None,
        pooling: str = "mean",
    ) -> dict[int, np.ndarray]:
        """Pooled `[n, d]` per layer of token ids that somebody else put together, ends included.

        For what is not one text, such as a query and a passage; dense modules are not applied.

        Raises:
            UsageError: no such layer or pooling.
            VectorError: the network gives NaN or infinity.
        """
        chosen = choose_layers(layers, self.layers, self.name)
        found = self._run(ids, chosen, check_pooling(pooling))
        for layer, array in found.items():
            check_finite(array, f"{language}, layer {layer}")
        return found

    def encode_words(
        self, sentences: Sequence[Sequence[str]], *, layers: Sequence[int] | None = None
    ) -> dict[int, TokenVectors]:
        """Vectors of the tokens of words in context, per layer, see `Encoder`."""
        chosen = choose_layers(layers, self.layers, self.name)

        def run(texts: list[np.ndarray]) -> dict[int, np.ndarray]:
            lengths = np.array([len(text) for text in texts], np.int64)
            starts = np.cumsum(lengths) - lengths
            made = {c: np.empty((lengths.sum(), self._forward.width), np.float32) for c in chosen}
            for batch in pack(lengths, _budget()):
                rows = np.concatenate([starts[i] + np.arange(lengths[i]) for i in batch])
                for layer, part in self._forward([texts[i] for i in batch], chosen, EVERY).items():
                    made[layer][rows] = part
            return made

        if self._lower:
            sentences = [[word.lower() for word in words] for words in sentences]
        found = word_vectors(sentences, self._tokenizer, self.window, run)
        for layer, vectors in found.items():
            check_finite(vectors.array, f"words, layer {layer}")
        return found

    def _run(
        self,
        ids: Sequence[np.ndarray],
        layers: Sequence[int],
        pooling: str,
        progress: Progress | None = None,
    ) -> dict[int, np.ndarray]:
        """Pooled `[n, d]` per layer, in the order of the ids; zeros where there are none."""
        arrays = {c: np.zeros((len(ids), self._forward.width), np.float32) for c in layers}
        for batch in pack(np.array([len(x) for x in ids], np.int64), _budget()):
            found = self._forward([ids[i] for i in batch], layers, pooling)
            for layer, array in found.items():
                arrays[layer][batch] = array
            if progress:
                progress(len(batch))
        return arrays

    @property
    def reader(self) -> Reader:
        """How it cuts texts into tokens."""
        return self._tokenizer.reader(self._lower)

    def _prepare(self, text: str) -> str:
        text = self._prompt + text
        return text.lower() if self._lower else text


def _budget() -> int:
    """Tokens a batch."""
    import torch

    return _TOKENS_A_THREAD * max(2, torch.get_num_threads())


def check_fast(fast: str) -> None:
    """Raise a `UsageError` for a way to run that there is not."""
    if fast not in ("auto", "no"):
        raise UsageError(f"fast is {fast!r}", remedy="one of auto, no")


def _choose_forward(folder: ModelFolder, fast: str) -> Forward:
    check_fast(fast)
    from isogloss.encode.packed import PackedForward, can_pack
    from isogloss.encode.padded import PaddedForward

    body = load_body(folder)
    if fast == "auto" and can_pack(body.config):
        return PackedForward(body)
    if fast == "auto":
        try:
            forward = PaddedForward(body, fast=True)
            forward([np.zeros(2, np.int32)], [forward.layers], "mean")
            return forward
        except RuntimeError:
            # Some networks, such as Mamba, also use a weight outside its affine map.
            body = load_body(folder)
    return PaddedForward(body, fast=False)


def open_tokenizer(folder: ModelFolder) -> RustTokenizer | PythonTokenizer:
    """The tokenizer of a folder, cutting at the model's window.

    Raises:
        ModelError: there is none, or it cannot be read.
    """
    tokenizer = load_tokenizer(folder)
    window = read_window(folder, tokenizer)
    rust = getattr(tokenizer, "backend_tokenizer", None)
    if rust is None:
        return PythonTokenizer(tokenizer, window)
    sample = "A1, b 中文 हिन्दी"
    through_python = tokenizer(sample, truncation=False, padding=False)["input_ids"]
    wrapped = RustTokenizer(rust, window, tokenizer.unk_token_id)
    if list(wrapped.read([sample]).ids[0]) != list(through_python)[:window]:
        # Some classes add tokens in Python that the serialised tokenizer does not know of.
        return PythonTokenizer(tokenizer, window)
    return wrapped

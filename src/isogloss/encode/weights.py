"""Loading a transformer and its tokenizer from a folder, safely and completely."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

from isogloss.encode.folder import ModelFolder
from isogloss.errors import ModelError

_SANE = 10**7  # tokenizers without a limit say 10**30
_DEFAULT_WINDOW = 512
OFFSET_POSITIONS = {
    # These count positions from padding_idx + 1, so two of the table's rows are never used.
    "camembert",
    "data2vec-text",
    "longformer",
    "mpnet",
    "roberta",
    "roberta-prelayernorm",
    "xlm-roberta",
    "xlm-roberta-xl",
    "xmod",
}
_UNUSED = ("pooler.", "lm_head.", "cls.")


def is_decoder(config: dict[str, Any]) -> bool:
    """Whether a configuration is that of a decoder alone, such as GPT-2 or Llama."""
    from transformers.models.auto.modeling_auto import (
        MODEL_FOR_CAUSAL_LM_MAPPING_NAMES as CAUSAL,
    )
    from transformers.models.auto.modeling_auto import (
        MODEL_FOR_MASKED_LM_MAPPING_NAMES as MASKED,
    )

    kind = config.get("model_type")
    if config.get("is_encoder_decoder"):
        return False
    return bool(config.get("is_decoder")) or (kind in CAUSAL and kind not in MASKED)


def load_tokenizer(folder: ModelFolder) -> Any:
    """The tokenizer of a folder; never runs the folder's own code, never uses the network.

    Raises:
        ModelError: there is none, it cannot be read, or it cuts at random.
    """
    from transformers import AutoTokenizer

    with quiet():
        try:
            made = AutoTokenizer.from_pretrained(
                str(folder.body), local_files_only=True, trust_remote_code=False
            )
        except Exception as error:
            # transformers raises OSError, ValueError, KeyError, ImportError ... for a bad folder
            raise ModelError(
                f"the tokenizer cannot be loaded: {_first_line(error)}",
                file=folder.body,
                remedy="the folder needs tokenizer.json or the files of a known tokenizer",
            ) from error
    refuse_dropout(getattr(made, "backend_tokenizer", None), folder.body)
    return made


def refuse_dropout(tokenizer: Any, file: Path) -> None:
    """Raise a `ModelError` where BPE leaves merges out at random: a text would have no one vector.

    Source: Provilkov, Emelianenko and Voita (2020), BPE-Dropout, section 3, which is for training.
    """
    if share := getattr(getattr(tokenizer, "model", None), "dropout", None):
        raise ModelError(
            f"its tokenizer cuts words at random (BPE dropout {share:g})",
            file=file,
            remedy='set "dropout" of the "model" in its tokenizer.json to null',
        )


def load_body(folder: ModelFolder) -> Any:
    """The network without its head, float32, in evaluation mode; the encoder of an encoder-decoder.

    Raises:
        ModelError: as `load_network`, or weights are not finite.
    """
    from transformers import AutoModel, AutoModelForTextEncoding

    # The encoder half of T5 saved alone, whose configuration AutoModel reads as the whole.
    half = any(name.endswith("EncoderModel") for name in folder.config.get("architectures") or ())
    model = load_network(AutoModelForTextEncoding if half else AutoModel, folder, _unused)
    body = model.get_encoder() if model.config.is_encoder_decoder and not half else model
    check_finite_weights(body, folder)
    return body.eval()


def _unused(model: Any) -> tuple[str, ...]:
    return _UNUSED + (("decoder.",) if model.config.is_encoder_decoder else ())


def load_network(
    auto: Any, folder: ModelFolder, unused: Callable[[Any], tuple[str, ...]] = lambda model: ()
) -> Any:
    """The network that a class of `transformers` makes of a folder, float32 and complete.

    Args:
        auto: such as `AutoModelForSeq2SeqLM`.
        folder: the model.
        unused: of a network, what the names of weights begin with that may be missing.

    Raises:
        ModelError: it cannot be loaded, or weights that matter are missing and would be random.
    """
    import torch

    with quiet():
        try:
            model, info = auto.from_pretrained(
                str(folder.body),
                local_files_only=True,
                trust_remote_code=False,
                use_safetensors=True,
                dtype=torch.float32,
                output_loading_info=True,
            )
        except Exception as error:
            raise ModelError(
                f"the model cannot be loaded: {_first_line(error)}", file=folder.body
            ) from error
    missing = sorted(key for key in info["missing_keys"] if not key.startswith(unused(model)))
    mismatched = sorted(str(key[0]) for key in info.get("mismatched_keys", ()))
    if missing or mismatched:
        bad = missing + mismatched
        shown = ", ".join(bad[:3]) + (" ..." if len(bad) > 3 else "")
        raise ModelError(
            f"{len(missing)} weights are missing and {len(mismatched)} have another shape "
            f"than config.json says ({shown}); they would be random",
            file=folder.body,
            remedy="check that the weights and config.json belong together",
        )
    return model


def check_finite_weights(model: Any, folder: ModelFolder) -> None:
    """Raise a `ModelError` where a weight is not a finite number.

    Attention can hide one: its fast kernels give numbers where a score is none.
    """
    import torch

    if bad := next((n for n, p in model.named_parameters() if not torch.isfinite(p).all()), None):
        raise ModelError(
            f"{bad} holds values that are not finite",
            file=folder.body,
            remedy="copy or download the model again, or train it again at a lower learning rate",
        )


def read_window(folder: ModelFolder, tokenizer: Any) -> int:
    """Tokens the model reads at most, special tokens included.

    What the sentence-transformers folder says, else the smallest of the table of positions and
    the tokenizer's limit; never more than the table of positions holds.
    """
    config = folder.config
    limits = []
    for key in ("max_position_embeddings", "n_positions", "n_ctx"):
        if isinstance(config.get(key), int) and config[key] > 0:
            offset = 2 if config.get("model_type") in OFFSET_POSITIONS else 0
            limits.append(config[key] - offset)
            break
    if folder.max_length:
        return min([folder.max_length, *limits])
    if tokenizer.model_max_length < _SANE:
        limits.append(int(tokenizer.model_max_length))
    return min(limits, default=_DEFAULT_WINDOW)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


@contextlib.contextmanager
def quiet() -> Generator[None]:
    """Silence loading bars and reports; what matters in them is raised by us."""
    from transformers.utils import logging as hub_logging

    logger = logging.getLogger("transformers")
    level, bars = logger.level, hub_logging.is_progress_bar_enabled()
    logger.setLevel(logging.ERROR)
    hub_logging.disable_progress_bar()
    try:
        yield
    finally:
        logger.setLevel(level)
        if bars:
            hub_logging.enable_progress_bar()

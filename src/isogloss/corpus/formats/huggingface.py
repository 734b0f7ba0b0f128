"""A Hugging Face dataset by name, `hf:owner/name`, when the network is allowed or it is cached."""

from __future__ import annotations

from typing import Any

from isogloss.corpus.formats.tables import from_table
from isogloss.corpus.records import Corpus
from isogloss.corpus.spec import Spec
from isogloss.errors import CorpusError, MissingExtra, NetworkRefused
from isogloss.registry import register


def accepts(spec: Spec) -> int:
    """Surely for what begins with `hf:`."""
    return 3 if spec.text.startswith("hf:") else 0


@register("format", "huggingface.v1")
def read(spec: Spec, about: dict[str, object]) -> Corpus:
    """Read one split (`?split=test`, the default) whose columns are language tags or long records.

    `?config=` names a configuration. Code that a dataset brings is never run.

    Raises:
        MissingExtra: the package `datasets` is not installed.
        NetworkRefused: it is not cached and the network was not allowed.
        CorpusError: there is no such dataset, configuration or split.
    """
    data = load_split(spec, spec.options.get("split", "test"))
    about["name"] = spec.text.removeprefix("hf:").rpartition("/")[2]
    return from_table(spec, about, data.with_format("arrow")[:])


def load_split(spec: Spec, split: str) -> Any:
    """A split of the data set that `hf:owner/name` means; raises what `read` raises."""
    try:
        import datasets  # ty: ignore[import-not-found]
        import datasets.config  # ty: ignore[import-not-found]
    except ImportError:
        raise MissingExtra("datasets", "hub", "a Hugging Face dataset") from None
    name = spec.text.removeprefix("hf:")
    offline = datasets.config.HF_HUB_OFFLINE
    datasets.config.HF_HUB_OFFLINE = offline or not spec.network
    try:
        return datasets.load_dataset(name, spec.options.get("config"), split=split)
    except (OSError, ValueError) as error:
        if spec.network:
            raise CorpusError(
                f"cannot be read: {error}",
                file=spec.text,
                remedy="check the name, ?config= and ?split=",
            ) from None
        raise NetworkRefused(
            f"the dataset {name!r} is not cached, and the network was not allowed",
            file=spec.text,
            remedy="allow the network with --network, or download it once",
        ) from None
    finally:
        datasets.config.HF_HUB_OFFLINE = offline

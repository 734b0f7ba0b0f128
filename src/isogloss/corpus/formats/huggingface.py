"""A Hugging Face dataset by name, `hf:owner/name`, when the network is allowed or it is cached."""

from __future__ import annotations

import os

from isogloss.corpus.formats.tables import from_records
from isogloss.corpus.records import Corpus
from isogloss.corpus.spec import Spec
from isogloss.errors import CorpusError, MissingExtra, NetworkRefused
from isogloss.registry import register


@register("format", "huggingface.v1")
def read(spec: Spec, about: dict[str, object]) -> Corpus:
    """Read one split (`?split=test`, the default) whose columns are language tags or long records.

    Raises:
        NetworkRefused: it is not cached and the network was not allowed.
    """
    if not spec.network:
        os.environ["HF_HUB_OFFLINE"] = os.environ["HF_DATASETS_OFFLINE"] = "1"
    try:
        from datasets import load_dataset
    except ImportError:
        raise MissingExtra("datasets", "hub", "a Hugging Face dataset") from None
    name = spec.text.removeprefix("hf:")
    try:
        data = load_dataset(name, split=spec.options.get("split", "test"))
    except (OSError, ConnectionError) as error:
        if spec.network:
            raise CorpusError(f"cannot be fetched: {error}", file=spec.text) from None
        raise NetworkRefused(
            f"the dataset {name!r} is not cached", remedy="allow the network with --network"
        ) from None
    return from_records(spec, about, data.to_list())

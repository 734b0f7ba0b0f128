"""The weights of chosen feed-forward neurons; all others stay as they are."""

from __future__ import annotations

from collections.abc import Sequence

from isogloss.registry import register
from isogloss.train.body import Body
from isogloss.train.feed_forward import neuron_places
from isogloss.train.parameters.sparse import only_at
from isogloss.train.student import Change


@register("parameters", "neurons.v1")
def neurons(module: Body, *, neurons: Sequence[tuple[int, int]]) -> Change:
    """What leads into chosen neurons and out of them changes; all else stays, bit for bit.

    Prefer it for a language with little text, with the neurons that fire for it: what the model
    does in other languages goes through others. The step `neuron_train.v1` of a recipe finds them
    and trains.
    Source: Sparse Subnetwork Enhancement for Underrepresented Languages in Large Language Models
    (2025), with the neurons of Tang et al. (2024), Language-Specific Neurons.

    Args:
        module: how texts are read with the model.
        neurons: layer and number of each, from 0 on; those of `measure.language_neurons`.

    Raises:
        UsageError: a neuron that the model has not.
        ModelError: a model whose feed-forward layers are not known.
    """
    return only_at(module, neuron_places(module, neurons))

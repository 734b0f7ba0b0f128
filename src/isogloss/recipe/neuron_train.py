"""The step that trains the weights of a language's own neurons."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field

from isogloss.files import write_json
from isogloss.recipe.factors import Factor
from isogloss.recipe.step import FILES, Workplace
from isogloss.recipe.train_step import Taught, Train
from isogloss.registry import register

if TYPE_CHECKING:
    from isogloss.encode.folder import ModelFolder
    from isogloss.train.material import Material

Neurons = list[tuple[int, int]]


@register("step", "neuron_train.v1")
class NeuronTrain(Train):
    """Find the feed-forward neurons that fire for few languages, and train those of some alone.

    How often each neuron fires for each language of a text is counted; those whose shares have the
    lowest entropy over languages, and are high for one, are that language's. All other weights
    stay, bit for bit. `files/<step>/neurons.json` has the neurons by language.
    Prefer it for a language with little text, where others are not to suffer.
    Source: Sparse Subnetwork Enhancement for Underrepresented Languages in Large Language Models
    (2025); the entropy of Tang et al. (2024), Language-Specific Neurons.

    Attributes:
        text: what the neurons are found on; two languages or more, best the same in each.
        languages: tags of those whose neurons train; all but the pivot by default.
        share: of all neurons, those of the lowest entropy.
        often: the quantile of all shares that a neuron's must be over for a language.
        select: `entropy`, or `random` neurons, as many, which is what it is compared with.
        tokens: of each language that are read to find them.
    """

    parameters: Factor = Field(default={"use": "full.v1", "fast": 1.0})
    text: str
    languages: tuple[str, ...] | None = None
    share: float = Field(default=0.01, gt=0, le=1)
    often: float = Field(default=0.95, ge=0, le=1)
    select: Literal["entropy", "random"] = "entropy"
    tokens: int = Field(default=100_000, ge=1)

    def texts(self) -> list[str]:
        """Those of the mixtures, and the one that neurons are found on."""
        return list(dict.fromkeys([*super().texts(), self.text]))

    def _taught(self, folder: ModelFolder, material: Material, place: Workplace) -> Taught:
        from isogloss.train.feed_forward import neuron_places
        from isogloss.train.parameters.sparse import only_at

        student = self._student(folder, material, place)
        chosen = self._neurons(student.module, material, place)
        places = neuron_places(student.module, chosen)
        student.change = only_at(student.module, places, student.groups())
        lessons = self._lessons(material, place.seed)
        return Taught(student, self._loop(student, lessons, material, place), lessons)

    def run(self, place: Workplace) -> None:
        """Find the neurons, train, check and save."""
        super().run(place)
        (place.folder / FILES).mkdir(exist_ok=True)
        (place.folder / FILES / "neurons.json").symlink_to("../neurons.json")

    def _neurons(self, module: Any, material: Material, place: Workplace) -> Neurons:
        """Layer and number of the neurons that train."""
        from isogloss.errors import TrainingError
        from isogloss.language import read_language, resolve
        from isogloss.measure.language_neurons import language_neurons
        from isogloss.train.feed_forward import firing_shares

        texts = self._windows(material)
        there = [read_language(tag) for tag in texts]
        wanted = [str(tag) for tag in resolve(self.languages or place.languages, there)]
        shares = firing_shares(module, texts)
        found = language_neurons(shares, share=self.share, often=self.often)
        by = {
            tag: [
                [int(layer), int(number)]
                for layer, number, own in zip(
                    found.layers, found.neurons, found.languages[:, column], strict=True
                )
                if own
            ]
            for column, tag in enumerate(texts)
        }
        chosen = sorted({(a, b) for tag in wanted for a, b in by[tag]})
        if not chosen:
            raise TrainingError(
                f"no neuron is one of {', '.join(wanted)}", remedy="raise share, or lower often"
            )
        if self.select == "random":
            every = [(a, b) for a, layer in enumerate(shares) for b in range(len(layer))]
            drawn = np.random.default_rng(place.seed).choice(len(every), len(chosen), replace=False)
            chosen = [every[i] for i in sorted(drawn)]
        write_json(place.folder / "neurons.json", {"by_language": by, "trained": chosen})
        total = sum(map(len, shares))
        place.notes.append(
            f"{self.name}: {len(chosen):,} of {total:,} neurons were trained"
            + (", drawn at random; " if self.select == "random" else "; ")
            + "of languages are " + ", ".join(f"{tag} {len(own)}" for tag, own in by.items())
        )  # fmt: skip
        return chosen

    def _windows(self, material: Material) -> dict[str, list[np.ndarray]]:
        """By language, ids `[tokens]` of as many texts as have the tokens that are read."""
        from isogloss.train.mixtures.masked import windows

        corpus, found = material.corpus(self.text), {}
        for tag in map(str, corpus.languages):
            rows = [ids for ids in material.ids(corpus.texts(tag)) if ids is not None]
            parts = [part for ids in rows for part in windows(ids, material.longest)]
            ends = itertools.accumulate(map(len, parts))
            found[tag] = [
                p for p, end in zip(parts, ends, strict=True) if end - len(p) < self.tokens
            ]
        return {tag: parts for tag, parts in found.items() if parts}

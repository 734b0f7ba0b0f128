"""X-MOD models as the body of XLM-R with one set of adapters a language in it."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

from isogloss.encode.folder import open_folder
from isogloss.encode.inserted.files import ABOUT, WEIGHTS, Part
from isogloss.errors import ModelError, UnknownLanguage
from isogloss.files import atomic_folder, write_json

_ADAPTER = re.compile(r"(?:roberta\.)?encoder\.layer\.(\d+)\.output\.adapter_modules\.(\w+)\.(.+)")
_MAPS = {"dense1": "down", "dense2": "up"}
_OWN = ("adapter_layer_norm", "adapter_reduction_factor", "adapter_reuse_layer_norm",
        "default_language", "languages", "ln_before_adapter", "pre_norm")  # fmt: skip
_ACTIVATIONS = {"gelu": "gelu", "relu": "relu", "silu": "swish", "swish": "swish"}


def import_xmod(folder: Path, out: Path) -> tuple[str, ...]:
    """Write an X-MOD model as a plain body with `per_language.v1` in it, weight for weight.

    `load_encoder` then switches its adapters by `encode(language=...)`, and `new_language.v1` adds
    one.

    Source: Pfeiffer et al. (2022), Lifting the Curse of Multilinguality by Pre-training Modular
    Transformers; names and settings as transformers has them.

    Args:
        folder: of the model, as transformers saves it.
        out: to be made.

    Returns:
        Canonical tags of its languages, in the order of its adapters.

    Raises:
        ModelError: another architecture, norms that are not shared with the adapters, languages
            that cannot be read, or adapters that are missing.
    """
    from safetensors.torch import load_file, save_file

    opened = open_folder(folder, folder.name)
    config = opened.config
    _check(config, folder)
    places = {str(name): place for place, name in enumerate(config.get("languages") or ())}
    tags = tuple(_tag(name, folder) for name in places)
    body: dict[str, Any] = {}
    inserted: dict[str, Any] = {}
    for file in sorted(folder.glob("*.safetensors")):
        for name, weight in load_file(file).items():
            found = _ADAPTER.fullmatch(name)
            if found and found[2] in places:
                kind, _, what = found[3].partition(".")
                site = f"0.sets.{int(found[1]) + 1}_feed_forward.{places[found[2]]}"
                inserted[f"{site}.{_MAPS[kind]}.{what}"] = weight
            elif found:
                raise ModelError(f"config.json has no language {found[2]}", file=folder)
            else:
                body[name] = weight
    wanted = 4 * len(tags) * config["num_hidden_layers"]
    if len(inserted) != wanted:
        raise ModelError(f"has {len(inserted)} weights of adapters, not {wanted}", file=folder)
    plain = {key: value for key, value in config.items() if key not in _OWN}
    plain |= {"model_type": "xlm-roberta", "architectures": ["XLMRobertaForMaskedLM"]}
    settings = {
        "languages": tags, "reduction": config["adapter_reduction_factor"],
        "placement": "xmod" if config["ln_before_adapter"] else "pfeiffer",
        "activation": _ACTIVATIONS[config["hidden_act"]],
    }  # fmt: skip
    shape = {"model_type": "xlm-roberta", "layers": config["num_hidden_layers"],
             "width": config["hidden_size"]}  # fmt: skip
    part = Part("per_language.v1", settings)
    with atomic_folder(out) as temporary:
        for file in folder.iterdir():
            if file.is_file() and (
                file.suffix in (".txt", ".model", ".md") or "token" in file.name
            ):
                shutil.copy2(file, temporary / file.name)
        write_json(temporary / "config.json", plain)
        save_file(body, temporary / "model.safetensors", metadata={"format": "pt"})
        save_file(inserted, temporary / WEIGHTS)
        about = {"use": part.use, "settings": part.settings}
        write_json(temporary / ABOUT, {"for": shape, "parts": [about]})
    return tags


def _check(config: dict[str, Any], folder: Path) -> None:
    """Raise a `ModelError` for what is not computed here as there."""
    fits = (
        config.get("model_type") == "xmod"
        and not config.get("pre_norm")
        and not config.get("adapter_layer_norm")
        and config.get("adapter_reuse_layer_norm")
        and config.get("hidden_act") in _ACTIVATIONS
    )
    if not fits:
        raise ModelError(
            "is not an X-MOD whose adapters read what the norm behind the sublayer gives",
            file=folder / "config.json",
            remedy="models: those of model_type xmod with pre_norm and adapter_layer_norm false, "
            "adapter_reuse_layer_norm true",
        )


def _tag(name: str, folder: Path) -> str:
    """`hin_Deva` of `hi_IN`, `hin_Latn` of `hi_IN_rom`; another end stays as a variant."""
    from isogloss.language import read_language

    parts = name.split("_")
    try:
        language = read_language(
            "_".join(parts[:2]), script="Latn" if parts[2:] == ["rom"] else None
        )
    except UnknownLanguage as error:
        raise ModelError(f"its language {name}: {error.message}", file=folder) from None
    variant = "" if parts[2:] in ([], ["rom"]) else "." + "_".join(parts[2:])
    return f"{language.iso}_{language.script}{variant}"

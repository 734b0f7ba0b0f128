"""A model made wider and deeper, as a job: a folder in, a checked folder out.

`grow.json` in it says what was done; the same job again is a no-op. The folder appears only when
the weights are written and the smoke check has passed.
"""

from __future__ import annotations

from pathlib import Path

from isogloss._version import __version__
from isogloss.encode.folder import add_to_card, read_json, read_object
from isogloss.encode.resolve import find_model
from isogloss.errors import ModelError
from isogloss.files import atomic_folder, fingerprint, write_json
from isogloss.merge.carry import carry
from isogloss.merge.grow import Growth, grow_weights, plan_growth
from isogloss.merge.plan import weights_of
from isogloss.progress import Start, silent
from isogloss.recipe.smoke import compare_vectors
from isogloss.recipe.vocabulary import Result, claim

FACTS = "grow.json"
_WIDTHS = ("word_embedding_dimension", "embedding_dimension", "in_features")


def grow_model(
    model: str | Path,
    out: str | Path,
    growth: Growth,
    *,
    check: bool = True,
    network: bool = False,
    start: Start = silent,
) -> Result:
    """Make a larger model that begins with what a smaller one knows, without training.

    Args:
        model: a folder, to be wider of one of `merge.layouts.LAYOUTS`.
        out: the folder of the larger model.
        growth: its sizes, and how they are filled.
        check: load both afterwards and compare what they make of words.
        network: allow fetching models.
        start: starts progress bars.

    Raises:
        UsageError: sizes that cannot be.
        ModelError: an architecture that is not known here, or a result that does not work.
        OutputError: `out` holds something else.
    """
    out, folder = Path(out), find_model(str(model), network=network)
    if folder.kind != "transformer.v1":
        raise ModelError(
            f"is a {folder.kind}, and only transformers are grown", file=folder.path,
            remedy="train a larger table instead",
        )  # fmt: skip
    plan_growth(folder.config, growth)  # what cannot be is said before anything is written
    said = growth.model_dump(mode="json")
    name = fingerprint("grow", folder.fingerprint, said, __version__)
    if (known := claim(out, name, FACTS)) is not None:
        return Result(out, known)
    weights = weights_of(folder)
    with atomic_folder(out) as temporary:
        left = carry(folder, weights, temporary)
        grown = grow_weights(weights, folder.config, temporary, growth, start=start)
        write_json(temporary / weights.parts[0] / "config.json", grown.config)
        if grown.repeats:
            sizes = (config["hidden_size"] for config in (folder.config, grown.config))
            _widen(temporary, *sizes, weights.parts)
        smoke = compare_vectors(temporary, folder, [folder], start) if check else None
        notes = list(grown.notes)
        if left:
            notes.append(f"left behind, as they are not part of the model: {', '.join(left)}")
        add_to_card(
            temporary / "README.md", "## Growth",
            f"Grown with Isogloss {__version__} from `{folder.name}` ({folder.fingerprint}): "
            f"`{FACTS}` has the sizes. Nothing was trained.",
            "A grown model",
        )  # fmt: skip
        facts = {
            "operation": "grow", "fingerprint": name, **said,
            "model": {"name": folder.name, "fingerprint": folder.fingerprint,
                      "licence": folder.licence},
            "sizes": {key: [folder.config[key], value] for key, value in grown.config.items()
                      if key in folder.config and folder.config[key] != value},
            "layer_of": grown.layers, "smoke": smoke, "notes": notes,
            "code_version": __version__,
        }  # fmt: skip
        write_json(temporary / FACTS, facts)
    return Result(out, facts)


def _widen(folder: Path, hidden: int, to: int, parts: tuple[str, ...]) -> None:
    """Tell the modules around the body, pooling and the first dense one, how wide vectors are."""
    file = folder / "modules.json"
    modules = read_json(file) if file.is_file() else []
    inside = [str(m.get("path")) for m in modules if str(m.get("type")).endswith(".Pooling")]
    for part in (*inside, *parts[1:2]):
        settings = read_object(folder / part / "config.json")
        made = {k: to if k in _WIDTHS and v == hidden else v for k, v in settings.items()}
        write_json(folder / part / "config.json", made)

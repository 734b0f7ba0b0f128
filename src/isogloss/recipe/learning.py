"""Learn a tokenizer from text files and save it as transformers reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from isogloss.errors import OutputError
from isogloss.files import atomic_write, refuse_file, write_json
from isogloss.progress import Start, silent
from isogloss.score import Score, Scores, bootstrap_mean, bootstrap_ratio

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from isogloss.encode.folder import ModelFolder
    from isogloss.vocabulary.sampling import Texts

SHOWN = 2000  # lines of a language, evenly spaced, that its scores are of
FILES = ("tokenizer.json", "tokenizer_config.json")


def learn_from(
    text: str | Path,
    out: str | Path,
    *,
    algorithm: str = "unigram",
    languages: Sequence[str] = (),
    romanise: bool = False,
    network: bool = False,
    seed: int = 0,
    start: Start = silent,
    **settings: Any,
) -> tuple[list[Path], Scores, list[str]]:
    """Learn a tokenizer on the text of all languages and save it.

    Args:
        text: see `corpus.monolingual.read_monolingual`.
        out: folder for the tokenizer; new, empty, or one with a tokenizer alone.
        algorithm: a registered tokenizer.
        languages: all that the text has by default.
        romanise: whether to spell other scripts in Latin letters.
        network: allow the network for `hf:` names.
        seed: of everything random.
        start: starts progress bars.
        settings: the algorithm's own; None leaves its default.

    Returns:
        The files, scores of each language on this very text, and notes.

    Raises:
        IsoglossError: bad input, with file, line and remedy.
    """
    from isogloss import registry
    from isogloss.corpus.monolingual import read_monolingual
    from isogloss.vocabulary.learn import learn

    registry.full_name("tokenizer", algorithm)
    refuse_file(out)
    folder = Path(out)
    if folder.is_dir() and (other := sorted({f.name for f in folder.iterdir()} - set(FILES))):
        raise OutputError(
            f"holds {other[0]} besides a tokenizer", file=folder, remedy="choose another --out"
        )
    read = read_monolingual(text, languages=list(languages) or None, network=network)
    notes = [*read.notes, *(f"{n} {why} left out" for why, n in read.dropped.items())]
    wanted = {key: value for key, value in settings.items() if value is not None}
    if romanise:
        wanted["scripts"] = scripts(read.texts)
    advance = start(f"learn {algorithm}", 1)
    tokenizer = learn(algorithm, read.texts, seed=seed, **wanted)
    advance(1)
    if "size" in wanted and tokenizer.get_vocab_size() < wanted["size"]:
        notes.append(
            f"the vocabulary has {tokenizer.get_vocab_size()} tokens, not {wanted['size']}: "
            "there is no more in this text"
        )
    rows = [_about_language(tokenizer, tag, lines, seed) for tag, lines in read.texts.items()]
    return save_tokenizer(tokenizer, folder), Scores(r for each in rows for r in each), notes


def scripts(tags: Sequence[str] | dict[str, Any]) -> list[str]:
    """The scripts of some languages."""
    from isogloss.language import read_language

    return sorted({read_language(tag).script for tag in tags})


def learn_like(
    model: ModelFolder,
    texts: Texts,
    folder: Path,
    *,
    algorithm: str = "unigram",
    size: int,
    seed: int,
    start: Start = silent,
) -> None:
    """Learn a tokenizer with the special tokens of a model; one that is in the folder is left.

    They keep their order and, in its `tokenizer_config.json`, their roles. What stands around a
    text is the model's to say, see `replacement.dressed`.
    """
    from isogloss.encode.weights import load_tokenizer
    from isogloss.vocabulary.learn import learn
    from isogloss.vocabulary.save import special_roles
    from isogloss.vocabulary.special import Special

    if all((folder / name).is_file() for name in FILES):
        return  # a run that goes on must not learn another one
    wrapper = load_tokenizer(model)
    ids = wrapper.get_vocab()
    named = sorted(special_roles(wrapper).items(), key=lambda item: ids.get(item[1], 0))
    advance = start("learn the tokenizer", 1)
    made = learn(algorithm, texts, size=size, seed=seed, special=Special(dict(named)))
    advance(1)
    save_tokenizer(made, folder, dict(named))


def save_tokenizer(
    tokenizer: Tokenizer, folder: str | Path, named: Mapping[str, str] | None = None
) -> list[Path]:
    """Write tokenizer.json, and the configuration by which `AutoTokenizer` loads it.

    Args:
        tokenizer: the tokenizer.
        folder: where to.
        named: special tokens by role; those of its family by default.
    """
    from isogloss.vocabulary.special import roles

    files = [Path(folder) / name for name in FILES]
    with atomic_write(files[0]) as file:
        file.write(tokenizer.to_str(pretty=True))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "clean_up_tokenization_spaces": False,
        **{f"{role}_token": token for role, token in (named or roles(tokenizer)).items()},
    }
    write_json(files[1], config)
    return files


def _about_language(tokenizer: Tokenizer, tag: str, lines: Sequence[str], seed: int) -> list[Score]:
    from isogloss.vocabulary.special import roles

    shown = lines[:: -(-len(lines) // SHOWN)]
    read = tokenizer.encode_batch(list(shown), add_special_tokens=False)
    unknown = tokenizer.token_to_id(roles(tokenizer).get("unk", ""))
    unknown = -1 if unknown is None else unknown
    tokens = np.array([len(one.ids) for one in read], float)  # [n]
    letters = np.array([len(line) for line in shown], float)
    lost = np.array([one.ids.count(unknown) for one in read], float)
    if len(shown) < 2 or not tokens.sum():
        return []
    found = {
        "tokens_per_sentence": bootstrap_mean(tokens, seed=seed)[0],
        "characters_per_token": bootstrap_ratio(letters, tokens, seed=seed),
        "unknown_share": bootstrap_ratio(lost, tokens, seed=seed),
    }
    return [
        Score(
            measure=name, value=one.value, low=one.low, high=one.high, n=len(shown), seed=seed,
            interval="bootstrap over lines", language=tag,
        )
        for name, one in found.items()
    ]  # fmt: skip

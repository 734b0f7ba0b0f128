"""Label projection as a job: read examples and translations, link, project, write, count."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from isogloss.corpus.alignments import read_pharaoh
from isogloss.corpus.text_files import read_lines
from isogloss.errors import CorpusError, ModelError, UsageError
from isogloss.files import atomic_folder, atomic_write, refuse_file, write_json
from isogloss.language import read_language
from isogloss.language.segment import tokens, words
from isogloss.match.statistical import MODELS
from isogloss.progress import Start, silent
from isogloss.recipe.word_alignment import Text, align
from isogloss.task.examples import INTENTS, TREES, WORDS, Examples
from isogloss.task.projection.aligned import USUAL, Rules, aligned
from isogloss.task.projection.candidates import by_translation, by_vectors
from isogloss.task.projection.contract import join
from isogloss.task.projection.markers import marks_of
from isogloss.task.projection.project import project
from isogloss.task.projection.seq2seq import decoder_of, probability_of
from isogloss.task.solver import Tuning
from isogloss.task.spans import are_spans

if TYPE_CHECKING:
    from isogloss.task.projection.markers import Segment
    from isogloss.task.translate.contract import Translator

SHAPES = {"words": WORDS, "intents": INTENTS, "trees": TREES}
SEGMENTS: Mapping[str, Segment] = {
    "tokens": tokens, "words": words, "spaces": lambda text, script: text.split(),
}  # fmt: skip
METHODS = ("aligned", "markers", "codec", "candidates")
JUDGED = ("codec", "candidates")
"""Methods that place spans in a finished translation by what a model thinks of it."""
JUDGES = ("local", "lexicon")
"""Translators that know probabilities."""
COUNTS = "counts.json"


class Proposing(NamedTuple):
    """A model of source and target that names spans.

    Attributes:
        folder: of the model; one that was not taught to name spans is taught by the labels.
        beams: of its search, each of which proposes.
        within: whether it can write only tokens that follow each other in the translation.
        unproposed: a span without a proposal is `lost`, or sought in `all` stretches.
        tuning: how it is taught.
    """

    folder: str | Path
    beams: int = 20
    within: bool = False
    unproposed: Literal["lost", "all"] = "lost"
    tuning: Tuning = Tuning()


class Means(NamedTuple):
    """What labels are carried by; what is not needed may be left out.

    Attributes:
        translations: file with a translation a line; an empty one where there is none.
        translator: what `read_translator` reads.
        links: Pharaoh file, a line an example.
        model: an encoder, or a statistical aligner of `MODELS`.
        layer: of the encoder; two thirds up by default.
        extraction: how links are taken from an encoder's vectors, or joined from two directions.
        proposing: what proposes candidates; without it all stretches are judged.
    """

    translations: str | Path | None = None
    translator: str | None = None
    links: str | Path | None = None
    model: str | None = None
    layer: int | None = None
    extraction: str | None = None
    proposing: Proposing | None = None


def run(
    labels: str | Path,
    out: str | Path,
    languages: tuple[str, str],
    means: Means,
    *,
    method: str = "aligned",
    shape: str = "words",
    segment: str = "tokens",
    rules: Rules = USUAL,
    style: str = "xml",
    hmm: bool = False,
    seed: int = 0,
    network: bool = False,
    start: Start = silent,
) -> tuple[list[Path], dict[str, Any]]:
    """Project the labels of a file; gives the files made, and counts and notes.

    Args:
        labels: what `read_examples` reads.
        out: folder for the examples as JSON lines and as CoNLL or CoNLL-U, and for counts.
        languages: of the labels, and of the translations.
        means: translations or a translator, and links or a model.
        method: `aligned`, `markers`, `codec` or `candidates`; the last by the vectors of the model,
            or without one by the translator's probabilities.
        shape: `words`, `intents` or `trees`.
        segment: how translations are cut into words: `tokens`, `words` or `spaces`.
        rules: of `aligned`; `lost` of `codec` and `candidates`, and `coverage` of tags and trees.
        style: of marks.
        hmm: fit a hidden Markov model on projected tags and take what it says.
        seed: of a statistical aligner, and of teaching a proposer.
        network: allow fetching models.
        start: starts progress bars.

    Raises:
        UsageError: something that the method needs is missing, or is of no use to it.
        CorpusError: files that do not fit each other.
    """
    refuse_file(out)
    _check(method, means, shape, segment)
    from isogloss.task.readers import read_examples

    examples = read_examples(labels, SHAPES[shape], language=languages[0])
    target = str(read_language(languages[1]))
    if style != "xml" and method not in ("markers", "codec"):
        raise UsageError(
            "a style is of marks", remedy="leave it out, or choose --method markers or codec"
        )
    _check_rules(method, rules, hmm, shape == "trees" or _has_spans(examples))
    translator = _translator(means, network)
    notes = list(examples.notes)
    translate = _translate(translator, notes)
    given = _translations(examples, means, translate, method, target)
    linked = partial(
        _linked, means=means, count=len(examples), notes=notes, seed=seed, network=network,
        start=start,
    )  # fmt: skip
    how: dict[str, Any] = {"links": _links(means, linked)}
    unit = None
    if method == "markers":
        fallback = None if how["links"] is None else partial(aligned, **how, rules=rules)
        how = {"translate": translate, "style": style, "fallback": fallback}
        unit = "spans"
    elif method in JUDGED:
        pair = (examples.language, target)
        how = _judge(method, means, translator, pair, style, network) | {"lost": rules.lost}
        if means.proposing:
            how |= _propose(means.proposing, examples, target, Path(out), notes, seed, start)
        unit = "spans"
    elif shape == "trees" or not _has_spans(examples):
        how |= {"coverage": rules.coverage} | ({} if shape == "trees" else {"hmm": hmm})
    else:
        how |= {"rules": rules}
    made, counts = project(
        examples, given, method, language=target, segment=SEGMENTS[segment], unit=unit, **how
    )
    files = write(out, made)
    facts = {
        "from": examples.language, "to": made.language, "method": method, "counts": counts,
        "notes": list(dict.fromkeys(notes)),
    }  # fmt: skip
    write_json(Path(out) / COUNTS, facts)
    return [*files, Path(out) / COUNTS], facts


def write_texts(labels: str | Path, file: str | Path, language: str, shape: str = "words") -> int:
    """The sentences of labelled examples, one a line, to be translated elsewhere."""
    from isogloss.task.readers import read_examples

    examples = read_examples(labels, SHAPES[shape], language=language)
    texts = _texts(examples)
    with atomic_write(file) as out:
        out.writelines(text + "\n" for text in texts)
    return len(texts)


def write(folder: str | Path, examples: Examples) -> list[Path]:
    """Examples of words as JSON lines, and as CoNLL with tabs or as CoNLL-U; gives the files."""
    trees = examples.shape == TREES
    files = [Path(folder) / f"labels.{kind}" for kind in ("jsonl", "conllu" if trees else "conll")]
    with atomic_write(files[0]) as file:
        for row in examples.table.to_pylist():
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    with atomic_write(files[1]) as file:
        for row in examples.table.to_pylist():
            file.write("\n".join(_conllu(row) if trees else _conll(row)) + "\n\n")
    return files


def _conll(row: Mapping[str, Any]) -> list[str]:
    intent = [] if row.get("label") is None else [f"# intent = {row['label']}"]
    lines = [f"{word}\t{tag}" for word, tag in zip(row["words"], row["tags"], strict=True)]
    return [f"# sent_id = {row['id']}", *intent, *lines]


def _conllu(row: Mapping[str, Any]) -> list[str]:
    cells = zip(*(row[name] for name in ("words", "tags", "features", "heads", "relations")),
                strict=True)  # fmt: skip
    return [f"# sent_id = {row['id']}", f"# text = {' '.join(row['words'])}"] + [
        "\t".join([str(n), word, "_", tag, "_", features, str(head), relation, "_", "_"])
        for n, (word, tag, features, head, relation) in enumerate(cells, 1)
    ]


def _check(method: str, means: Means, shape: str, segment: str) -> None:
    for name, given, known in (("method", method, METHODS), ("shape", shape, tuple(SHAPES)),
                               ("segment", segment, tuple(SEGMENTS))):  # fmt: skip
        if given not in known:
            raise UsageError(f"there is no {name} {given!r}", remedy=f"one of {', '.join(known)}")
    if means.translations and means.translator and method not in JUDGED:
        raise UsageError("translations and a translator", remedy="give one of the two")
    if means.links and means.model:
        raise UsageError("links and a model to make them", remedy="give one of the two")
    if method == "markers" and not means.translator:
        raise UsageError(
            "marks are carried by a translator, and there is none", remedy="name one: --translator"
        )
    if method != "markers" and not (means.translations or means.translator):
        raise UsageError(
            "there are no translations", remedy="give --translations, or name a --translator"
        )
    if method == "aligned" and not (means.links or means.model):
        raise UsageError(
            "there are no links between words",
            remedy="give --links, or a --model that makes them: all-MiniLM-L6-v2, eflomal ...",
        )
    kind = (means.translator or "").strip().partition(":")[0]
    local = kind == "local"
    if method == "codec" and not local:
        raise UsageError(
            "codec asks a translator token by token, which only one of a local folder can be",
            remedy="name one: --translator local:FOLDER",
        )
    if method == "codec" and means.model:
        raise UsageError("codec asks the translator alone", remedy="leave out --model")
    if method == "candidates" and (means.model in MODELS or not (means.model or kind in JUDGES)):
        raise UsageError(
            "candidates are judged by the vectors of an encoder, or by a translator of a local "
            "folder or a dictionary",
            remedy="name one with --model, or --translator local:FOLDER or lexicon:FILE",
        )
    if means.proposing and method != "candidates":
        raise UsageError(
            "only candidates are proposed", remedy="leave out --proposer, or --method candidates"
        )
    if (means.layer is not None or means.extraction) and not means.model:
        raise UsageError(
            "a layer and an extraction are of a model that makes links, and there is none",
            remedy="leave them out, or name one with --model",
        )
    if means.links and means.translator:
        raise UsageError(
            "links of a file belong to translations of a file",
            remedy="give --translations, or a --model that makes links",
        )
    if shape == "trees" and method != "aligned":
        raise UsageError("trees are projected by links", remedy="leave out --method")


def _check_rules(method: str, rules: Rules, hmm: bool, spans: bool) -> None:
    """Refuse what would be passed over without a word."""
    if hmm and (spans or method != "aligned"):
        raise UsageError(
            "a hidden Markov model is of tags of words, such as UPOS", remedy="leave out --hmm"
        )
    if method in JUDGED and rules != Rules(lost=rules.lost):
        raise UsageError(
            f"{method}: there are no links, and so no gap, meeting or coverage",
            remedy="leave these out, or choose --method aligned",
        )


def _translator(means: Means, network: bool) -> Translator | None:
    if means.translator is None:
        return None
    from isogloss.task.translate.read import read_translator

    return read_translator(means.translator, network=network)


def _translate(
    translator: Translator | None, notes: list[str]
) -> Callable[..., Sequence[str]] | None:
    """The translator with its cache; what is odd in its output goes into the notes."""
    if translator is None:
        return None
    from isogloss.task.translate.cached import cached
    from isogloss.task.translate.contract import odd_of

    kept = cached(translator)

    def translate(texts: Sequence[str], source: str, target: str) -> list[str]:
        made = kept.translate(texts, source, target)
        notes.extend(odd_of(kept, len(texts), source, target))
        return made

    return translate


def _judge(
    method: str, means: Means, translator: Any, languages: tuple[str, str], style: str,
    network: bool,
) -> dict[str, Any]:  # fmt: skip
    """What `codec` or `candidates` asks."""
    if method == "codec":
        return {
            "decoder": decoder_of(translator, languages, marks=marks_of(style)),
            "script": read_language(languages[0]).script,
        }
    if means.model is None:
        judge = getattr(translator, "probability", None) or probability_of(translator)
        return {"score": by_translation(judge, languages)}
    from isogloss.encode import load_encoder

    return {"score": by_vectors(load_encoder(str(means.model), network=network), means.layer)}


def _propose(
    proposing: Proposing, examples: Examples, language: str, out: Path, notes: list[str],
    seed: int, start: Start,
) -> dict[str, Any]:  # fmt: skip
    """What `candidates` asks for proposals; a proposer that was taught stays in `out/proposer`."""
    from isogloss.encode.folder import open_folder
    from isogloss.task.projection.proposing import is_proposer, open_proposer, teach_proposer

    path = Path(proposing.folder).expanduser()
    if not path.is_dir():
        raise ModelError(
            "there is no such model folder", file=path,
            remedy="give that of an mT5, mBART or Marian, or of a proposer",
        )  # fmt: skip
    folder = open_folder(path, str(proposing.folder))
    if is_proposer(path):
        made = open_proposer(folder)
    else:
        made = teach_proposer(
            folder,
            [examples],
            proposing.tuning,
            seed=seed,
            begin=partial(start, "teach a proposer"),
        )  # fmt: skip
        notes.extend(made.notes)
        with atomic_folder(out / "proposer") as place:
            made.save(place)
    ask = replace(made, beams=proposing.beams, within=proposing.within).propose
    return {"propose": partial(ask, language=language), "unproposed": proposing.unproposed}


def _translations(
    examples: Examples,
    means: Means,
    translate: Callable[..., Sequence[str]] | None,
    method: str,
    target: str,
) -> Sequence[str] | None:
    if means.translations is not None:
        lines = read_lines(Path(means.translations))
        if len(lines) != len(examples):
            left_out = sum(examples.dropped.values())
            raise CorpusError(
                f"has {len(lines)} lines for {len(examples)} examples", file=means.translations,
                line=min(len(lines), len(examples)) + 1,
                remedy="line i must be the translation of example i; empty where there is none"
                + (f" ({left_out} examples were left out when they were read)" if left_out else ""),
            )  # fmt: skip
        return lines
    if method == "markers" or translate is None:
        return None
    return translate(_texts(examples), examples.language, target)


def _texts(examples: Examples) -> list[str]:
    script = read_language(examples.language).script
    return [join(one, script) for one in examples.column("words")]


def _has_spans(examples: Examples) -> bool:
    return are_spans(examples.column("tags"))


def _links(means: Means, linked: Callable) -> Any:
    """Links of every example from a file, or what makes them."""
    if means.links is not None:
        return [sure for sure, _ in read_pharaoh(means.links)]
    return None if means.model is None else linked


def _linked(
    source: Sequence[Sequence[str]],
    target: Sequence[Sequence[str]],
    *,
    means: Means,
    count: int,
    notes: list[str],
    seed: int,
    network: bool,
    start: Start,
) -> list:
    statistical = means.model in MODELS
    usual = "grow_diag_final_and" if statistical else "itermax"
    text = Text(
        "labels", [str(n) for n in range(len(source))], [list(one) for one in source],
        [list(one) for one in target], [], notes,
    )  # fmt: skip
    name = means.extraction or usual
    found = align(
        str(means.model), text, methods=[name], layer=means.layer, seed=seed, network=network,
        start=start,
    )  # fmt: skip
    if statistical and len(source) < 1000:
        notes.append(f"{means.model} learned from {len(source)} of {count} sentences: few to align")
    return [one.pairs for one in found[name]]

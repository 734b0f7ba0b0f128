"""Surgery on a model's vocabulary as a job: a model folder in, a checked model folder out.

Each job decides on a tokenizer and on rows for it; what follows is the same for all: the model gets
the rows, its configurations the new ids, and a folder appears only when the audit and the smoke
check have passed. `vocabulary.json` in it says what was done; the same job again is a no-op.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from itertools import compress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from isogloss import registry
from isogloss._version import __version__
from isogloss.corpus import read_corpus
from isogloss.corpus.text_files import read_lines
from isogloss.encode.folder import ModelFolder
from isogloss.encode.resolve import find_model
from isogloss.errors import CorpusError, ModelError, OutputError, UsageError
from isogloss.files import atomic_folder, fingerprint, fingerprint_texts, refuse_file, write_json
from isogloss.progress import Start, silent
from isogloss.recipe.initial_rows import (
    Aids,
    by_content,
    first_rows,
    own_settings,
    refuse_random,
)
from isogloss.score import Scores
from isogloss.vocabulary import check
from isogloss.vocabulary.extend import extend, new_words
from isogloss.vocabulary.initialise.rows import Rows, Source
from isogloss.vocabulary.pieces import read_pieces
from isogloss.vocabulary.save import special_roles, token_settings, write_model
from isogloss.vocabulary.surgery import (
    Opened,
    columns,
    named_ids,
    open_model,
    put_columns,
    renumber,
)
from isogloss.vocabulary.trim import Trimmed, of_scripts, trim, trim_to_texts, untruncated
from isogloss.vocabulary.words import words

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from isogloss.corpus.records import Corpus

FACTS = "vocabulary.json"
SMOKE_TEXTS = 24
SMOKE_ROWS = 200
_LOOKED_AT = 1000  # lines, for some that are cut as before
_BITS_TEXTS = 8


class Result(NamedTuple):
    """What a job left.

    Attributes:
        folder: the model.
        facts: what stands in its `vocabulary.json`.
    """

    folder: Path
    facts: dict[str, Any]


@dataclass(frozen=True)
class Text:
    """Text to keep, to extend to, or to learn from.

    Attributes:
        lines: all of it.
        corpus: the same as n-way text, if it is.
        fingerprint: names it.
        notes: of its reader.
    """

    lines: list[str] = field(default_factory=list)
    corpus: Corpus | None = None
    fingerprint: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """What a model is to become.

    Attributes:
        tokenizer: the new one.
        rows: `[V', D]` of all tables side by side.
        new: from old to new ids, of all that configurations may name.
        settings: of `tokenizer_config.json`.
        same: `[k]` old ids whose outputs must stay, in the order of the first k new ones; None
            where nothing need stay.
        line: for the model card.
        facts: about it.
        notes: about it.
        roles: special tokens that it must have; all that there were by default.
    """

    tokenizer: Tokenizer
    rows: np.ndarray
    new: Mapping[int, int]
    settings: Mapping[str, Any]
    same: np.ndarray | None
    line: str
    facts: Mapping[str, Any]
    notes: Sequence[str] = ()
    roles: Mapping[str, str] | None = None


def read_text(
    path: str | Path | Text | None, languages: Sequence[str] = (), *, network: bool = False
) -> Text:
    """The lines of some text: one plain file, or some languages of an n-way text; or itself.

    Raises:
        CorpusError: text that cannot be read, or is empty.
    """
    if isinstance(path, Text):
        return path
    if path is None:
        return Text()
    file = Path(path).expanduser()
    if file.is_file() and file.name.removesuffix(".gz").endswith((".txt", ".raw")):
        notes: list[str] = []
        lines = [line for line in read_lines(file, notes) if line.strip()]
        if not lines:
            raise CorpusError("has only blank lines", file=file, remedy="give text")
        return Text(lines, None, fingerprint_texts(lines), tuple(notes))
    corpus = read_corpus(path, languages=list(languages) or None, network=network)
    lines = [t for language in corpus.languages for t in corpus.texts(language) if t]
    return Text(lines, corpus, corpus.fingerprint, tuple(corpus.notes))


def trim_vocabulary(
    model: str | Path,
    out: str | Path,
    *,
    text: str | Path | Text | None = None,
    languages: Sequence[str] = (),
    least: int = 1,
    size: int | None = None,
    scripts: Sequence[str] = (),
    without: Sequence[str] = (),
    multiple: int = 1,
    seed: int = 0,
    network: bool = False,
    start: Start = silent,
) -> Result:
    """Leave out the tokens that the text, or scripts, do not need.

    Args:
        model: a model folder.
        out: the folder of the smaller model.
        text: to keep the tokens of; also what the smoke check reads.
        languages: of it.
        least: see `vocabulary.trim.trim_to_texts`.
        size: the same.
        scripts: keep all tokens of these too.
        without: added tokens to leave out, such as language tokens.
        multiple: round the rows up to a multiple of this by padding; padding rows that were there
            are left out otherwise.
        seed: of intervals.
        network: allow fetching model and text.
        start: starts progress bars.

    Raises:
        UsageError: neither text nor scripts; a size with scripts; settings that cannot work.
        CorpusError: text that cannot be read or of which the tokenizer knows nothing.
        ModelError: a model that cannot be opened, or that fails the audit.
        OutputError: `out` holds something else.
    """
    if text is None and not scripts:
        raise UsageError("nothing says what to keep", remedy="give --text, or --scripts, or both")
    if text is None and (size is not None or least > 1):
        raise UsageError("--size and --least count tokens in a text", remedy="give --text")
    if size is not None and scripts:
        raise UsageError("--scripts keeps whole scripts, --size does not", remedy="give one")
    if multiple < 1:
        raise UsageError(f"multiple={multiple} means nothing", remedy="give 1 or more, such as 64")
    folder, given = (
        find_model(str(model), network=network),
        read_text(text, languages, network=network),
    )
    asked = {"least": least, "size": size, "scripts": sorted(scripts), "without": sorted(without),
             "multiple": multiple, "seed": seed}  # fmt: skip

    def decide(opened: Opened) -> Plan:
        needed = {i for ids in named_ids(opened).values() for i in ids}
        if scripts:
            needed |= set(of_scripts(opened.tokenizer, scripts).tolist())
        advance = start("count tokens", max(len(given.lines), 1))
        made = (
            trim_to_texts(
                opened.tokenizer, given.lines, least=least, size=size, also=needed, without=without
            )
            if given.lines
            else trim(opened.tokenizer, needed, without=without)
        )
        plan = _trimmed(opened, made, multiple)
        same = sum(check.cut_alike(opened.tokenizer, made.tokenizer, plan.new, given.lines))
        lost = len(given.lines) - same
        if lost and least == 1 and size is None and not without:
            raise ModelError(
                f"{lost} of {len(given.lines)} lines would be cut in another way",
                remedy="this should not happen; please report it with the model's tokenizer.json",
            )
        advance(max(len(given.lines), 1))
        return replace(plan, facts={**plan.facts, "lines cut as before": [same, len(given.lines)]})

    return carry_out("trim", folder, Path(out), given, asked, decide, seed=seed, start=start)


def _trimmed(opened: Opened, made: Trimmed, multiple: int) -> Plan:
    table = columns(opened)
    rows = padded(table[made.kept], table[opened.tokens :], multiple)
    dropped = max(opened.padding - (len(rows) - len(made.kept)), 0)
    notes = [f"{dropped:,} padding rows were left out"] if dropped else []
    names = made.tokenizer.get_vocab()  # a role may be among what was asked to be left out
    roles = {r: token for r, token in special_roles(opened.wrapper).items() if token in names}
    return Plan(
        made.tokenizer, rows, {int(old): i for i, old in enumerate(made.kept)},
        token_settings(opened, made.tokenizer), made.kept,
        f"Vocabulary trimmed with Isogloss {__version__} from {opened.tokens:,} to "
        f"{len(made.kept):,} tokens; what the kept tokens spell is read as before.",
        {"kept because": made.reasons, "padding rows left out": dropped}, notes, roles,
    )  # fmt: skip


def extend_vocabulary(
    model: str | Path,
    out: str | Path,
    *,
    text: str | Path | Text,
    languages: Sequence[str] = (),
    size: int = 5000,
    least: int = 2,
    initialise: str = "mean.v1",
    settings: Mapping[str, Any] | None = None,
    aids: Aids | None = None,
    multiple: int = 1,
    seed: int = 0,
    network: bool = False,
    start: Start = silent,
) -> Result:
    """Add the words of a text that the vocabulary splits, most frequent first.

    Args:
        model: a model folder.
        out: the folder of the larger model.
        text: whose words are added; also what the smoke check reads.
        languages: of it.
        size: most words to add.
        least: words seen less often are not added.
        initialise: a registered initialiser; it gives the new rows, the old ones stay.
        settings: the initialiser's own.
        aids: what it may need.
        multiple: see `trim_vocabulary`.
        seed: of rows that are drawn, and of intervals.
        network: allow fetching model and text.
        start: starts progress bars.

    Raises:
        CorpusError: text that cannot be read, or without a word to add.
        SettingsError: settings that the initialiser does not have.
        ModelError: a model that cannot be opened or fails the audit; no row but at random.
        OutputError: `out` holds something else.
    """
    if size < 1 or least < 1 or multiple < 1:
        raise UsageError("--size, --least and --multiple count from 1")
    name = registry.full_name("initialiser", initialise)
    folder = find_model(str(model), network=network)
    own = own_settings(name, settings or {})
    given, aids = read_text(text, languages, network=network), aids or Aids()
    asked = {"size": size, "least": least, "initialise": name, "multiple": multiple, "seed": seed,
             "aids": aids.fingerprint, "settings": by_content(own)}  # fmt: skip

    def plan(opened: Opened) -> Plan:
        tokenizer = untruncated(opened.tokenizer)
        advance = start("find words to add", len(given.lines))
        cut = [words(tokenizer, line) for line in given.lines]
        wanted = new_words(tokenizer, cut, size=size, least=least)
        advance(len(given.lines))
        if not wanted:
            raise CorpusError(
                f"the tokenizer splits no word that occurs {least} times",
                file=None if isinstance(text, Text) else str(text),
                remedy="give more text, or a smaller --least",
            )
        grown = extend(tokenizer, wanted, strict=False)
        table = columns(opened)
        made = first_rows(name, Source(table, tokenizer), grown.tokenizer, aids, seed, own)
        new = slice(opened.tokens, None)
        made = Rows(made.rows[new], made.made[new], made.parts[new])
        refuse_random(made, name)
        rows = np.concatenate([table[: opened.tokens], made.rows.astype(table.dtype)])
        # What cuts and pads text is the tokenizer's own; the copy above did neither.
        larger = with_limits(grown.tokenizer, opened.tokenizer)
        notes = list(aids.notes)
        if grown.unreached:
            notes.append(
                f"{len(grown.unreached)} words were not added, as no text would give them: "
                f"{', '.join(grown.unreached[:5])}"
            )
        added = {"words": len(grown.added), "parts of them": len(grown.parts)}
        return Plan(
            larger, padded(rows, table[len(rows) :], multiple),
            {i: i for i in range(opened.tokens)},
            token_settings(opened, larger), np.arange(opened.tokens),
            f"Vocabulary extended with Isogloss {__version__} by {len(grown.added):,} words of "
            f"text ({name}); rows of the old tokens are as they were. New rows want training.",
            {"added": added, "rows made": dict(made.counts())}, notes,
        )  # fmt: skip

    return carry_out("extend", folder, Path(out), given, asked, plan, seed=seed, start=start)


def with_limits(tokenizer: Tokenizer, like: Tokenizer) -> Tokenizer:
    """A copy that cuts and pads as another one does."""
    from tokenizers import Tokenizer

    state, other = json.loads(tokenizer.to_str()), json.loads(like.to_str())
    return Tokenizer.from_str(
        json.dumps(state | {key: other[key] for key in ("truncation", "padding")})
    )


def padded(rows: np.ndarray, spare: np.ndarray, multiple: int) -> np.ndarray:
    """Rows up to a multiple: padding rows that were there, then the mean of all rows."""
    wanted = -len(rows) % multiple
    mean = np.repeat(rows.mean(0, keepdims=True), max(wanted - len(spare), 0), 0)
    return np.concatenate([rows, spare[:wanted], mean.astype(rows.dtype)])


def carry_out(
    operation: str,
    folder: ModelFolder,
    out: Path,
    text: Text,
    asked: Mapping[str, Any],
    plan: Callable[[Opened], Plan],
    *,
    seed: int,
    start: Start,
) -> Result:
    """Open, plan, change, write, audit, compare; nothing is left of what fails."""
    name = fingerprint(operation, folder.fingerprint, text.fingerprint, asked, __version__)
    if (known := claim(out, name)) is not None:
        return Result(out, known)
    opened = open_model(folder)
    made = plan(opened)
    before, texts = check.remember(opened), _smoke_texts(opened, made, text)
    advance = start("smoke check of the model as it was", 1)
    if made.roles is not None:
        before = before._replace(roles=dict(made.roles))
    was = None if made.same is None else check.run(opened, texts, columns=made.same)
    bits = [check.bits_per_character(opened, texts[:_BITS_TEXTS])]
    sizes = {"tokens": [len(opened.tokenizer.get_vocab())], "rows": [opened.rows],
             "bytes": [_bytes(folder.body)]}  # fmt: skip
    advance(1)
    put_columns(opened, made.rows)
    notes = [*text.notes, *opened.notes, *made.notes, *renumber(opened, made.new)]
    with atomic_folder(out) as temporary:
        advance = start("write the model, audit and smoke check", 1)
        notes += write_model(opened, made.tokenizer, made.settings, temporary, made.line)
        again = open_model(find_model(str(temporary)))
        audited = check.audit(again, before)
        smoke = was and asdict(check.compare(was, check.run(again, texts), made.new))
        bits.append(check.bits_per_character(again, texts[:_BITS_TEXTS]))
        for key, value in (("tokens", audited["tokens"]), ("rows", again.rows),
                           ("bytes", _bytes(again.folder.body))):  # fmt: skip
            sizes[key].append(value)
        scores = _retrieval(folder, temporary, text.corpus, seed, notes)
        advance(1)
        facts = {
            "operation": operation, "fingerprint": name, "model": folder.name,
            "model_fingerprint": folder.fingerprint, "text_fingerprint": text.fingerprint,
            "settings": dict(asked), **sizes, **made.facts, "audit": audited,
            "smoke": smoke, "bits_per_character": None if None in bits else bits,
            "scores": scores.to_rows(), "notes": list(dict.fromkeys(notes)),
            "code_version": __version__,
        }  # fmt: skip
        write_json(temporary / FACTS, facts)
    return Result(out, facts)


def claim(out: Path, name: str, facts_file: str = FACTS) -> dict[str, Any] | None:
    """What an earlier run of this very job left; None where nothing is there yet.

    Raises:
        OutputError: the folder holds something else.
    """
    refuse_file(out)
    file = out / facts_file
    if file.is_file():
        try:
            facts = json.loads(file.read_text(encoding="utf-8"))
        except ValueError:
            facts = {}
        if isinstance(facts, dict) and facts.get("fingerprint") == name:
            return facts
        raise OutputError(
            "holds another model (other source, text or settings)",
            file=out, remedy="choose another --out, or delete the folder",
        )  # fmt: skip
    if out.is_dir() and any(out.iterdir()):
        raise OutputError(
            "is not empty and holds no model of this job", file=out, remedy="choose another --out"
        )
    return None


def _smoke_texts(opened: Opened, made: Plan, text: Text) -> list[str]:
    """Half of them spread over all that is given, half of those that the new tokenizer cuts alike.

    Where there are none, words of the vocabulary do.
    """
    pieces = read_pieces(made.tokenizer)
    whole = [t for t, start in zip(pieces.texts, pieces.starts, strict=True) if t and start]
    spread = _spread(text.lines, SMOKE_TEXTS)
    if made.same is None:
        return spread
    alike: list[str] = []
    for lines in (_spread(text.lines, _LOOKED_AT), _spread(whole, SMOKE_TEXTS)):
        same = check.cut_alike(opened.tokenizer, made.tokenizer, made.new, lines)
        alike = alike or list(compress(lines, same))
    half = SMOKE_TEXTS // 2
    return list(dict.fromkeys([*spread[::2], *alike[:half]]))


def _spread(lines: Sequence[str], count: int) -> list[str]:
    return list(lines[:: max(len(lines) // count, 1)][:count])


def _bytes(body: Path) -> int:
    return sum(file.stat().st_size for file in body.glob("*.safetensors"))


def _retrieval(
    folder: ModelFolder, made: Path, corpus: Corpus | None, seed: int, notes: list[str]
) -> Scores:
    """P@1 of translations before and after, of n-way text with several languages."""
    from isogloss.encode import load_encoder
    from isogloss.measure.pair import Pair
    from isogloss.measure.retrieval import retrieval_p1

    if corpus is None or len(corpus.languages) < 2:
        return Scores()
    some = corpus.take(range(min(len(corpus), SMOKE_ROWS)))
    tags = [str(language) for language in corpus.languages]
    pivot = next((tag for tag in tags if tag.startswith("eng_")), tags[0])
    found = Scores()
    for stage, path in (("before", folder.path), ("after", made)):
        encoder = load_encoder(str(path))
        read = partial(_last_layer, encoder, some)
        base = read(pivot)
        for tag in tags:
            if tag == pivot:
                continue
            vectors = read(tag)
            if min(len(vectors), len(base)) < 2:
                notes.append(f"{tag}: too few texts for the smoke check")
                continue
            pair = Pair(vectors, base)
            rows = pair.scores(retrieval_p1(pair, seed=seed), seed).scores
            found += rows.having(stage=stage, system=folder.name, dataset=corpus.name, seed=seed)
    return found


def _last_layer(encoder: Any, corpus: Corpus, tag: str) -> Any:
    return next(iter(encoder.encode(corpus.texts(tag), language=tag).values()))

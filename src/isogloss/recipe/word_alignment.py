"""Word alignment of a text as a job: words, vectors, links, files to look at and to build on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from isogloss import registry
from isogloss.corpus import read_corpus
from isogloss.corpus.alignments import (
    Aligned,
    Gold,
    read_gold,
    read_pharaoh,
    write_links_jsonl,
    write_links_tsv,
    write_pharaoh,
)
from isogloss.errors import CorpusError, UsageError
from isogloss.files import refuse_file, write_json
from isogloss.language.segment import words as segment_words
from isogloss.match.statistical import MODELS, statistical_links
from isogloss.match.word_alignment import Links, align_words, middle
from isogloss.progress import Start, silent
from isogloss.score import Scores

if TYPE_CHECKING:
    from isogloss.corpus.records import Corpus
    from isogloss.encode.protocol import Encoder

PAIRS = 512  # whose token vectors are in memory together
SCORES = "scores.json"
Segment = Callable[[str, str], list[str]]
"""A text and its script to words."""


class Text(NamedTuple):
    """Sentence pairs as words.

    Attributes:
        name: of the text.
        ids: of each pair.
        source: words of each source sentence.
        target: words of each translation.
        gold: gold links of each pair, where there are some.
        notes: what was left out or decided, in sentences.
        rows: ids of all rows of the text, where some have no pair.
    """

    name: str
    ids: list[str]
    source: list[list[str]]
    target: list[list[str]]
    gold: list[Gold]
    notes: list[str]
    rows: Sequence[str] = ()


def read_text(
    text: str | Path,
    languages: Sequence[str] = (),
    *,
    gold: str | Path | None = None,
    segment: Segment = segment_words,
) -> Text:
    """Sentence pairs from a parallel corpus of two languages, or with their gold links.

    Args:
        text: what `read_corpus` reads; or a gold TSV (see `corpus.alignments.read_gold`), whose
            words are taken as they are.
        languages: source and target; the two of the corpus by default.
        gold: links of the corpus's rows in Pharaoh format, a line a row, over the words that
            `segment` makes.
        segment: text and script to words.

    Raises:
        CorpusError: not two languages, no pair of both, or gold that does not fit.
        UsageError: gold for a gold TSV.
    """
    path = Path(str(text))
    if path.is_file() and _is_gold(path):
        if gold is not None:
            raise UsageError(f"{path} holds gold links itself", remedy="leave out --gold")
        pairs = read_gold(path)
        source, target = [p.source for p in pairs], [p.target for p in pairs]
        notes = [f"{path}: gold TSV, {len(pairs):,} pairs"]
        if languages:
            notes.append(f"{path}: words of a gold TSV are taken as they are, whatever --languages")
        _check_sure(pairs, path)
        ids = [str(i) for i in range(1, len(pairs) + 1)]
        return Text(path.name, ids, source, target, pairs, notes)
    corpus = read_corpus(text, languages=list(languages) or None, least=1)
    found = corpus.two(languages)
    made = corpus_text(corpus, *map(str, found), segment=segment)
    if not made.ids:
        raise CorpusError(
            f"none of {len(corpus)} rows has text in both {found[0]} and {found[1]}", file=path,
            remedy="choose two languages that share rows with --languages",
        )  # fmt: skip
    dropped = [f"{n} {why}; left out" for why, n in corpus.dropped.items()]
    links = [] if gold is None else _gold_rows(gold, made, corpus.ids)
    told = [corpus.sniffed, *corpus.notes, *dropped, *made.notes]
    if gold is not None:
        told.append(f"{gold}: Pharaoh, {len(links):,} pairs with their gold links")
    return made._replace(gold=links, notes=told)


def corpus_text(
    corpus: Corpus, source: str, target: str, *, segment: Segment = segment_words
) -> Text:
    """The sentence pairs of two of a corpus's languages; pairs that lack a side are left out."""
    found = corpus.resolve([source, target])
    both = list(zip(*(corpus.texts(language) for language in found), strict=True))
    kept = [i for i, pair in enumerate(both) if None not in pair]
    sides = [[segment(both[i][at] or "", found[at].script) for i in kept] for at in (0, 1)]
    notes = []
    if len(kept) < len(both):
        notes.append(
            f"{len(both) - len(kept)} of {len(both)} pairs lack one side; left out, their lines in "
            "Pharaoh format are empty"
        )
    ids = [corpus.ids[i] for i in kept]
    return Text(corpus.name, ids, sides[0], sides[1], [], notes, corpus.ids)


def _check_sure(pairs: Sequence[Gold], path: str | Path) -> None:
    if not any(pair.sure for pair in pairs):
        raise CorpusError(
            "has no sure link, so that recall has no meaning", file=path,
            remedy="write links that must be there as i-j, in a gold TSV in the column sure",
        )  # fmt: skip


def corpus_words(corpus: Corpus, language: str) -> list[list[str]]:
    """The words of every text that a language has, in lower case."""
    [tag] = corpus.resolve([language])
    texts = (text for text in corpus.texts(tag) if text is not None)
    return [[word.lower() for word in segment_words(text, tag.script)] for text in texts]


def _gold_rows(gold: str | Path, text: Text, ids: Sequence[str]) -> list[Gold]:
    """Gold links of the pairs of a text, from a file with a line for every row of its corpus."""
    pairs = dict(zip(text.ids, zip(text.source, text.target, strict=True), strict=True))
    lengths = [(len(pairs[i][0]), len(pairs[i][1])) if i in pairs else None for i in ids]
    read = zip(ids, read_pharaoh(gold, lengths), strict=True)
    found = [Gold(*pairs[i], *links) for i, links in read if i in pairs]
    _check_sure(found, gold)
    return found


def align(
    model: str,
    text: Text,
    *,
    methods: Sequence[str] = ("itermax",),
    layer: int | None = None,
    unit: str = "subword",
    distortion: float = 0.0,
    seed: int = 0,
    network: bool = False,
    start: Start = silent,
) -> dict[str, list[Links]]:
    """Links of every pair by every method.

    Args:
        model: an encoder; or a statistical aligner trained on the text itself (`eflomal`, `hmm`,
            `fast_align`, `ibm1` ...), whose methods are ways to join its two directions.
        text: the pairs.
        methods: registered extractions, or symmetrisations such as `grow_diag_final_and`.
        layer: of the encoder; two thirds up by default, where words are best aligned.
        unit: `subword` or `word`.
        distortion: see `match.grid`.
        seed: of a statistical aligner.
        network: allow fetching the model.
        start: starts progress bars.
    """
    if model in MODELS:
        if layer is not None or distortion or unit != "subword":
            raise UsageError(
                f"{model} reads words, not vectors: layer, unit and distortion mean nothing to it",
                remedy="leave them out, or name an encoder",
            )
        return statistical_links(
            text.source, text.target, model=model, symmetrisations=methods, seed=seed
        )
    from isogloss.encode import load_encoder

    for name in methods:
        registry.full_name("extraction", name)  # one that is not there is told before the work
    encoder = load_encoder(model, network=network)
    if layer is None:
        layer = middle(encoder.layers)
        text.notes.append(f"layer {layer} of 0 to {encoder.layers[-1]}, two thirds up")
    return align_encoded(
        encoder, text, methods=methods, layer=layer, unit=unit, distortion=distortion, start=start
    )


def align_encoded(
    encoder: Encoder,
    text: Text,
    *,
    methods: Sequence[str],
    layer: int | None = None,
    unit: str = "subword",
    distortion: float = 0.0,
    start: Start = silent,
) -> dict[str, list[Links]]:
    """Links of every pair by every method, from an encoder's vectors; see `align`."""
    chosen = middle(encoder.layers) if layer is None else layer
    found: dict[str, list[Links]] = {name: [] for name in methods}
    advance = start("aligning", len(text.ids))
    for part in _parts(len(text.ids)):
        vectors = [
            next(iter(encoder.encode_words(side[part], layers=[chosen]).values()))
            for side in (text.source, text.target)
        ]
        made = align_words(*vectors, methods, unit=unit, distortion=distortion)
        for name, links in made.items():
            found[name] += links
        text.notes.extend(_told(vectors, part))
        advance(len(vectors[0]))
    return found


def score(text: Text, found: dict[str, list[Links]], **where: Any) -> Scores:
    """Agreement with the gold links, every method."""
    from isogloss.measure.word_alignment import alignment_scores

    rows = Scores()
    for name, links in found.items():
        rows += alignment_scores(
            [one.pairs for one in links],
            [g.sure for g in text.gold],
            [g.possible for g in text.gold],
            [one.lengths for one in links],
            settings={"method": name},
            dataset=text.name,
            **where,
        )
    return rows


def write(folder: str | Path, text: Text, found: dict[str, list[Links]], title: str) -> list[Path]:
    """Each method's links as Pharaoh, TSV, JSON lines and a page of grids; gives the files."""
    from isogloss.report.alignment_page import write_alignment_page

    made = []
    for name, links in found.items():
        pairs = [
            Aligned(key, s, t, [(i, j, float(at)) for (i, j), at in
                                zip(one.pairs, one.scores, strict=True)], one.score)
            for key, s, t, one in zip(text.ids, text.source, text.target, links, strict=True)
        ]  # fmt: skip
        files = [Path(folder) / f"{name}.{kind}" for kind in ("pharaoh", "tsv", "jsonl", "html")]
        linked = {pair.id: pair for pair in pairs}
        write_pharaoh(files[0], [linked.get(key) for key in text.rows or text.ids])
        write_links_tsv(files[1], pairs)
        write_links_jsonl(files[2], pairs)
        write_alignment_page(files[3], pairs, title=f"{title}: {name}", gold=text.gold)
        made += files
    return made


def run(
    model: str,
    text: str | Path,
    out: str | Path,
    *,
    languages: Sequence[str] = (),
    gold: str | Path | None = None,
    start: Start = silent,
    **how: Any,
) -> tuple[list[Path], Scores, list[str]]:
    """Read, align, write: the files made, scores where there is gold, and notes."""
    refuse_file(out)
    pairs = read_text(text, languages, gold=gold)
    found = align(model, pairs, start=start, **how)
    files = write(out, pairs, found, f"{pairs.name}, {model}")
    rows = Scores()
    if len(pairs.gold) == 1:
        pairs.notes.append("one pair is linked and not scored: an interval needs 2")
    elif pairs.gold:
        rows = score(pairs, found, system=model)
    if rows:
        write_json(Path(out) / SCORES, rows.to_rows())
    else:
        (Path(out) / SCORES).unlink(missing_ok=True)  # those of an earlier run are of other links
    return files, rows, list(dict.fromkeys(pairs.notes))


def _parts(total: int) -> Iterator[slice]:
    for at in range(0, total, PAIRS):
        yield slice(at, at + PAIRS)


def _told(vectors: Sequence, part: slice) -> Iterator[str]:
    where = f"pairs {part.start + 1} to {part.start + len(vectors[0])}"
    if windowed := sum(side.windowed for side in vectors):
        yield f"{where}: {windowed} sentences over the model's window were read in parts"
    if silent_words := sum(side.silent for side in vectors):
        yield f"{where}: {silent_words} words have no token and so no link"


def _is_gold(path: Path) -> bool:
    from isogloss.corpus.text_files import read_blocks

    if not path.name.removesuffix(".gz").endswith(".tsv"):
        return False
    _, lines = next(read_blocks(path))
    return lines[0].split("\t")[:3] == ["source", "target", "sure"]

"""Students by name: the parameters that train and the mixture that feeds them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from isogloss.errors import ModelError, UsageError
from isogloss.files import atomic_write
from isogloss.registry import full_name

if TYPE_CHECKING:
    from pathlib import Path

    from isogloss.corpus.records import Corpus
    from isogloss.recipe.step import Workplace
    from isogloss.recipe.steps import Distil


def build_student(
    step: Distil, teacher: Any, corpus: Corpus, targets: np.ndarray, place: Workplace
) -> tuple[Any, Any]:
    """The student's parameters and its mixture.

    Raises:
        UsageError: a student that no builder is known for.
    """
    name = full_name("parameters", step.student)
    if name not in _BUILDERS:
        raise UsageError(f"no student is built from {name!r}; there is {', '.join(_BUILDERS)}")
    return _BUILDERS[name](step, teacher, corpus, targets, place)


def _static(
    step: Distil, teacher: Any, corpus: Corpus, targets: np.ndarray, place: Workplace
) -> tuple[Any, Any]:
    from tokenizers import Tokenizer

    from isogloss.language import read_language
    from isogloss.train.mixtures.parallel import ParallelViews
    from isogloss.train.parameters.static import StaticStudent
    from isogloss.vocabulary.learn import UNKNOWN, learn_unigram

    begin = _teacher_words(teacher, step.words, place)
    texts = {str(language): corpus.texts(language) for language in corpus.languages}
    present = {lang: [t for t in column if t is not None] for lang, column in texts.items()}
    advance = place.start("learn the tokenizer", 1)
    kept = place.scratch / "tokenizer.json"  # a run that goes on must not learn another one
    if kept.is_file():
        tokenizer = Tokenizer.from_file(str(kept))
    else:
        tokenizer = learn_unigram(
            present, size=step.vocabulary, seed=place.seed, words=begin,
            scripts={read_language(lang).script for lang in texts},
        )  # fmt: skip
        with atomic_write(kept) as file:
            file.write(tokenizer.to_str())
    advance(1)
    unknown = tokenizer.token_to_id(UNKNOWN)
    tokens: dict[str, list[np.ndarray | None]] = {}
    for language, column in texts.items():
        encoded = iter(tokenizer.encode_batch(present[language]))
        rows = [None if t is None else np.array(next(encoded).ids, np.int32) for t in column]
        tokens[language] = [ids if ids is not None and len(ids) else None for ids in rows]
        if all((ids == unknown).all() for ids in tokens[language] if ids is not None):
            raise ModelError(f"{language}: the learned tokenizer gives only unknown tokens")
    spell = tokenizer.normalizer.normalize_str
    spelled = {spell(word): row for word, row in begin.items()}
    student = StaticStudent(tokenizer, targets.shape[1], place.seed, spelled)
    mixture = ParallelViews(
        tokens, targets, place.pivot, size=step.batch, views=step.views, drop=step.drop
    )
    return student, mixture


def _teacher_words(teacher: Any, size: int, place: Workplace) -> dict[str, np.ndarray]:
    """Whole words of the teacher's vocabulary and its unit vectors of them."""
    from tokenizers import Tokenizer

    from isogloss.encode import encode_cached
    from isogloss.encode.cache import cache_root
    from isogloss.encode.resolve import find_model
    from isogloss.match.neighbours import unit
    from isogloss.vocabulary.words import whole_words

    if not size:
        return {}
    path = find_model(teacher.name).body / "tokenizer.json"
    words = whole_words(Tokenizer.from_file(str(path)), size=size) if path.is_file() else []
    if not words:
        place.notes.append("no whole words in the teacher's tokenizer.json: rows begin at random")
        return {}
    advance = place.start("teacher reads its words", len(words))
    layers = encode_cached(
        teacher, words, language=place.pivot, progress=advance, cache=cache_root()
    )
    vectors = next(iter(layers.values()))
    rows = unit(vectors.array)
    return {words[i]: row for i, row in zip(vectors.rows, rows, strict=True)}


def _full(
    step: Distil, teacher: Any, corpus: Corpus, targets: np.ndarray, place: Workplace
) -> tuple[Any, Any]:
    from isogloss.train.mixtures.parallel import ParallelViews
    from isogloss.train.student import student_of

    build = _replaced if step.surgery == "replace" else _extended
    folder, tokenizer, rows = build(step, teacher, corpus, place)
    student = student_of(step.student, folder, tokenizer, rows, **_settings(step, teacher))
    tokens, long = _short_ids(tokenizer, corpus, step.longest)
    place.notes += [
        f"{n} rows of {lang} over {step.longest} tokens were not trained on"
        for lang, n in long.items()
        if n
    ]
    mixture = ParallelViews(
        tokens, targets, place.pivot, size=step.batch, views=step.views, drop=step.drop
    )
    return student, mixture


def _settings(step: Distil, teacher: Any) -> dict[str, Any]:
    """What a student's parameters are told beside the model."""
    from isogloss.encode.resolve import find_model

    told: dict[str, Any] = {}
    table = input_rows(find_model(teacher.name).body) if step.student != "full.v1" else None
    if step.student == "factors.v1":
        told |= {"rank": step.rank, "source": table}
    if step.rows == "new" and table is not None:
        told["first"] = len(table)
    return told


def _replaced(
    step: Distil, teacher: Any, corpus: Corpus, place: Workplace
) -> tuple[Path, Any, np.ndarray | None]:
    """The folder of the teacher with a vocabulary learned from the text, and its tokenizer."""
    from isogloss.encode.resolve import find_model
    from isogloss.recipe.initial_rows import Aids, Parallel
    from isogloss.recipe.learning import learn_like
    from isogloss.recipe.replacement import replace_vocabulary
    from isogloss.vocabulary.trim import untruncated

    name = full_name("initialiser", step.initialise or "trans_tokenization")
    tags = [place.pivot, *place.languages]
    texts = {tag: [t for t in corpus.texts(tag) if t is not None] for tag in tags}
    learned = place.scratch / "tokenizer"
    learn_like(
        find_model(teacher.name), texts, learned, size=step.vocabulary, seed=place.seed,
        start=place.start,
    )  # fmt: skip
    replaced = replace_vocabulary(
        teacher.name, place.scratch / "vocabulary", tokenizer=learned, initialise=name,
        aids=Aids(parallel=Parallel(corpus, place.pivot, tags)), seed=place.seed, start=place.start,
    )  # fmt: skip
    how = ", ".join(f"{n:,} {what}" for what, n in replaced.facts["rows made"].items())
    place.notes += [f"rows of the new vocabulary by {name}: {how}", *replaced.facts["notes"]]
    tokenizer = untruncated(_tokenizer(replaced.folder))
    return replaced.folder, tokenizer, None


def _tokenizer(folder: Any) -> Any:
    from tokenizers import Tokenizer

    return Tokenizer.from_file(str(folder / "tokenizer.json"))


def _extended(
    step: Distil, teacher: Any, corpus: Corpus, place: Workplace
) -> tuple[Path, Any, np.ndarray | None]:
    """The teacher's folder, its tokenizer with frequent words of the text, and their rows."""
    from isogloss.encode.resolve import find_model
    from isogloss.language import read_language
    from isogloss.vocabulary.extend import extend_wordpiece, new_words, with_romanisation
    from isogloss.vocabulary.trim import untruncated
    from isogloss.vocabulary.words import words

    folder = find_model(teacher.name).body
    scripts = {read_language(lang).script for lang in place.languages}
    romanised = with_romanisation(untruncated(_tokenizer(folder)), scripts)
    advance = place.start("align words of the parallel text", len(place.languages))
    cut = {
        str(lang): [None if t is None else words(romanised, t) for t in corpus.texts(lang)]
        for lang in corpus.languages
    }
    table = input_rows(folder)
    if step.initialise is not None:
        sentences = [s for lang in place.languages for s in cut[lang] if s]
        names = new_words(romanised, sentences, size=step.vocabulary * len(place.languages))
        advance(len(place.languages))
        tokenizer = extend_wordpiece(romanised, sorted(names))
        rows = _initialised(step, corpus, place, (table, romanised), tokenizer)
        return folder, tokenizer, rows
    added: dict[str, np.ndarray] = {}
    weights: dict[str, float] = {}
    for language in place.languages:
        sentences = [s for s in cut[language] if s]
        wanted = new_words(romanised, sentences, size=step.vocabulary)
        rows = translated_rows(wanted, cut[language], cut[place.pivot], romanised, table)
        for word, row in rows.items():  # a word of two languages gets the mean of both
            weights[word] = weights.get(word, 0) + 1
            added[word] = added.get(word, 0) + (row - added.get(word, 0)) / weights[word]
        place.notes.append(
            f"{language}: {len(rows)} of {len(wanted)} new words begin as the mean of their "
            "translations; the others were left to the pieces they have"
        )
        advance(1)
    names = sorted(added)
    tokenizer = extend_wordpiece(romanised, names)
    rows = np.stack([added[n] for n in names]).astype("f4")
    return folder, tokenizer, rows


def _initialised(
    step: Distil, corpus: Corpus, place: Workplace, source: tuple[np.ndarray, Any], target: Any
) -> np.ndarray:
    """Rows of the words behind the teacher's, by the initialiser that is asked for."""
    from isogloss.recipe.initial_rows import Aids, Parallel, first_rows
    from isogloss.vocabulary.initialise.rows import Rows, Source

    aids = Aids(parallel=Parallel(corpus, place.pivot, place.languages))
    advance = place.start(f"first rows by {step.initialise}", 1)
    made = first_rows(str(step.initialise), Source(*source), target, aids, place.seed)
    advance(1)
    new = slice(len(source[0]), None)
    counts = Rows(*(part[new] for part in made)).counts()
    how = ", ".join(f"{n:,} {what}" for what, n in counts.items())
    place.notes += [f"rows of the new words by {step.initialise}: {how}", *aids.notes]
    return made.rows[new]


def input_rows(folder: Any) -> np.ndarray:
    """The teacher's table of token vectors `[V, d]`."""
    from isogloss.train.readers import open_body

    return open_body(folder).get_input_embeddings().weight.detach().numpy()


def translated_rows(
    wanted: list[str], source: list[Any], target: list[Any], tokenizer: Any, table: np.ndarray
) -> dict[str, np.ndarray]:
    """Row of each new word: the mean of its translations' vectors, at the length rows have.

    row(f) = sum_e p(e|f) v(e), v(e) the mean row of the pieces of e, p from both directions of
    IBM Model 1. Words without a translation are left out.
    Source: WECHSEL (Minixhofer et al. 2022) and Tik-to-Tok (Remy et al. 2023), whose lexica are
    here learned from the parallel text itself.
    """
    from isogloss.match.translation_table import sharpen, translation_tables

    both = [(f[:60], e[:60]) for f, e in zip(source, target, strict=True) if f and e]
    ids = [{}, {}]
    arrays = [
        [np.array([ids[side].setdefault(w, len(ids[side])) for w in pair[side]]) for pair in both]
        for side in (0, 1)
    ]
    sizes = (len(ids[0]), len(ids[1]))
    p = sharpen(*translation_tables(*arrays, sizes))
    vectors = np.stack(
        [
            table[tokenizer.encode(e, add_special_tokens=False).ids].mean(0)
            if e.strip()
            else np.zeros(table.shape[1])
            for e in ids[1]
        ]
    )
    length = np.linalg.norm(table, axis=1).mean()
    rows = {}
    for word in wanted:
        if word not in ids[0]:  # only seen far into a long sentence
            continue
        row = p[ids[0][word]] @ vectors  # [1, d]
        size = np.linalg.norm(row)
        if size > 0:
            rows[word] = np.asarray(row).ravel() * (length / size)
    return rows


def _short_ids(
    tokenizer: Any, corpus: Corpus, longest: int
) -> tuple[dict[str, list[np.ndarray | None]], dict[str, int]]:
    """Token ids without special tokens, and how many rows were too long to train on."""
    tokens, long = {}, {}
    for language in map(str, corpus.languages):
        texts = corpus.texts(language)
        encoded = iter(
            tokenizer.encode_batch([t for t in texts if t is not None], add_special_tokens=False)
        )
        ids = [None if t is None else np.array(next(encoded).ids, np.int32) for t in texts]
        long[language] = sum(i is not None and len(i) > longest for i in ids)
        tokens[language] = [i if i is not None and 0 < len(i) <= longest else None for i in ids]
    return tokens, long


BODIES = ("full.v1", "embeddings.v1", "factors.v1")
"""Students that are the teacher's own body with its vocabulary changed."""
_BUILDERS = {"static.v1": _static, **dict.fromkeys(BODIES, _full)}
_BODY = {"vocabulary": 20_000, "steps": 30, "batch": 48, "views": 2, "drop": 0.0, "words": 0}
DEFAULTS: dict[str, dict[str, Any]] = {
    "static.v1": {"vocabulary": 64_000, "steps": 400, "batch": 512, "views": 3, "drop": 0.1,
                  "words": 30_000,
                  "learning_rate": 0.01},
    "full.v1": {**_BODY, "learning_rate": 3e-5},
    "embeddings.v1": {**_BODY, "learning_rate": 3e-4},
    "factors.v1": {**_BODY, "learning_rate": 3e-4},
}  # fmt: skip

"""The steps of the main job: measure, distil, compare."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from pydantic import Field, field_validator, model_validator

from isogloss import registry
from isogloss.encode import encode_cached
from isogloss.errors import ModelError, TrainingError
from isogloss.files import write_json
from isogloss.match.neighbours import unit
from isogloss.measure.measured import item_key
from isogloss.recipe.maps import FitMaps, read_fit, through, unseen
from isogloss.recipe.pixel_fallback import told_of
from isogloss.recipe.step import Step, Workplace
from isogloss.registry import full_name, register
from isogloss.score import Score, Scores, holm, paired_test

if TYPE_CHECKING:
    from isogloss.corpus.records import Corpus


@register("step", "measure.v1")
class Measure(Step):
    """Score a model's languages against the pivot on one text.

    Attributes:
        model: `teacher`, or the name of a step that made a model.
        text: the corpus.
        stage: written beside each score: before, after, or nothing.
        layers: `all`, `last` or a list of layers.
        pooling: how token vectors become one; the model's own way by default.
        probe_layers: the layers whose language-ID probe is trained.
        measures: registered measures, all of them by default.
        through: a map step whose maps the vectors go through first; only rows that it was not
            fitted on are measured, and the tokenizer is not measured again.
        unseen_by: a map step; measure the rows that it was not fitted on, as they are, to compare
            with those of `through`.
        pivot_model: what reads the pivot, `teacher` or a step, if it is not the model: for models
            that hold the table of other languages over the same body. Tokenizers are not measured.
    """

    model: str = "teacher"
    text: str
    stage: Literal["before", "after"] | None = None
    layers: Literal["all", "last"] | tuple[int, ...] = "last"
    pooling: str | None = None
    probe_layers: Literal["all", "last"] | tuple[int, ...] = "last"
    measures: tuple[str, ...] | None = None
    through: str | None = None
    unseen_by: str | None = None
    pivot_model: str | None = None

    def needs(self) -> dict[str, str]:
        """The models, the text, and the map steps it names."""
        steps = {
            "through": self.through, "unseen_by": self.unseen_by, "pivot_model": self.pivot_model
        }  # fmt: skip
        return {"model": self.model, "text": self.text} | {k: v for k, v in steps.items() if v}

    def key_settings(self) -> dict[str, Any]:
        """Settings without the names of other steps, which are inputs."""
        left_out = ("through", "unseen_by", "pivot_model")
        return {k: v for k, v in super().key_settings().items() if k not in left_out}

    def check(self, earlier: Mapping[str, Step]) -> list[str]:
        """`through` and `unseen_by` must be map steps that leave rows of this text."""
        problems = []
        for field in ("through", "unseen_by"):
            step = earlier.get(getattr(self, field) or "")
            if step is None:
                continue
            if not isinstance(step, FitMaps):
                problems.append(f"{field}: {step.name!r} is a {step.use}, not a map step")
            elif step.text == self.text and step.fit_share is None:
                problems.append(
                    f"{field}: {step.name!r} is fitted on {self.text!r}, which is measured; name "
                    "another text, or set fit_share there"
                )
        return problems

    def run(self, place: Workplace) -> None:
        """Measure layers and tokenizer."""
        from isogloss.encode.cache import cache_root
        from isogloss.measure.languages import measure_languages
        from isogloss.vocabulary.audit import audit
        from isogloss.vocabulary.tokenization import of_encoder

        encoder, corpus = place.encoder(self.model), place.texts[self.text]
        for name in (self.unseen_by, self.through):
            if name:
                corpus = unseen(read_fit(place.done[name]), corpus, place)
        about: dict[str, Any] = {"pivot": place.pivot, "languages": place.languages}
        advance = place.start(f"{self.name}: audit and measure", 2 * len(place.languages) + 1)
        scores = Scores()
        if not (self.through or self.pivot_model):
            audited = audit([of_encoder(encoder)], corpus, **about, seed=place.seed)
            scores += audited.scores
            place.notes += audited.notes
        advance(len(place.languages))
        measured = measure_languages(
            encoder, corpus, **about, layers=self.layers, pooling=self.pooling,
            probe_layers=self.probe_layers, measures=self.measures, strict=place.strict,
            seed=place.seed, cache=cache_root(), progress=advance,
            through=through(read_fit(place.done[self.through])) if self.through else None,
            pivot_encoder=place.encoder(self.pivot_model) if self.pivot_model else None,
        )  # fmt: skip
        scores = (scores + measured.scores).having(
            system=f"{encoder.name} through {self.through}" if self.through else encoder.name,
            stage=self.stage,
            dataset=corpus.name,
            seed=place.seed,
        )
        place.notes += told_of(encoder, corpus, [place.pivot, *place.languages])
        place.write(scores, measured.items)


@register("step", "distil.v1")
class Distil(Step):
    """Build a student and train it toward the teacher's vectors of the pivot, on parallel text.

    Attributes:
        text: the parallel corpus.
        student: `static.v1`, a table of token vectors; `full.v1`, the teacher's own body with its
            vocabulary changed; `embeddings.v1` or `factors.v1`, that body frozen under its table.
        tuning_rows: the last rows of the text, kept out of training to watch it; by default a
            twentieth, at most 300.
        vocabulary: wanted number of pieces (static, or `surgery` replace) or of new words a
            language.
        surgery: of students with the teacher's body, `extend` its vocabulary, or `replace` it by
            one that is learned from the text of all languages.
        initialise: a registered initialiser of its new rows; extended words begin as the mean of
            their translations by default, replaced vocabularies by `trans_tokenization.v1`.
        steps: optimiser steps.
        batch: sentences in a batch.
        views: languages in a batch, the pivot included.
        drop: share of tokens left out at random.
        learning_rate: its peak.
        objectives: registered objectives and their weights.
        threads: CPU threads, a setting because sums depend on it.
        precision: of products in training, `float32` or `bfloat16`; see `train.loop`.
        checkpoint_every: steps between checkpoints.
        words: words of the teacher's vocabulary whose rows begin as its vectors of them (static).
        longest: longer rows, in tokens, are not trained on (but static); they are counted.

    What is not given is the student's own default, see `students.DEFAULTS`.
    """

    together: ClassVar[bool] = True
    text: str
    student: str = "static.v1"
    tuning_rows: int | None = Field(default=None, ge=2)
    vocabulary: int = Field(ge=100)
    surgery: Literal["extend", "replace"] = "extend"
    initialise: str | None = None
    rows: Literal["all", "new"] = "all"
    rank: int = Field(default=100, ge=1)
    steps: int = Field(ge=1)
    batch: int = Field(ge=2)
    views: int = Field(ge=2)
    drop: float = Field(ge=0, lt=1)
    learning_rate: float = Field(gt=0)
    words: int = Field(ge=0)
    longest: int = Field(default=40, ge=4)
    objectives: dict[str, float] = Field(default={"contrast.v1": 1.0, "distil.v1": 1.0})
    threads: int = Field(default=2, ge=1)
    precision: Literal["float32", "bfloat16"] = "float32"
    checkpoint_every: int = Field(default=100, ge=1)

    @model_validator(mode="before")
    @classmethod
    def _own_defaults(cls, values: dict[str, Any]) -> dict[str, Any]:
        from isogloss.recipe.students import DEFAULTS

        student = full_name("parameters", values.get("student", "static.v1"))
        return {**DEFAULTS.get(student, {}), **values, "student": student}

    @field_validator("initialise")
    @classmethod
    def _known_initialiser(cls, name: str | None) -> str | None:
        return None if name is None else full_name("initialiser", name)

    @model_validator(mode="after")
    def _has_a_vocabulary_to_change(self) -> Distil:
        from isogloss.recipe.students import BODIES

        if self.student not in BODIES and (self.surgery == "replace" or self.initialise):
            raise ValueError(
                "surgery and initialise are settings of the students full, embeddings and factors"
            )
        if self.rows == "new" and (self.surgery == "replace" or self.student not in BODIES[1:]):
            raise ValueError(
                "rows = 'new' is for embeddings and factors with an extended vocabulary"
            )
        return self

    def needs(self) -> dict[str, str]:
        """The teacher and the text."""
        return {"teacher": "teacher", "text": self.text}

    def key_settings(self) -> dict[str, Any]:
        """All but how often a checkpoint is written."""
        return {k: v for k, v in super().key_settings().items() if k != "checkpoint_every"}

    def run(self, place: Workplace) -> None:
        """Build, train, check and save the student."""
        from isogloss.recipe.students import build_student
        from isogloss.train.contracts import Lesson
        from isogloss.train.loop import LoopSettings, train

        corpus = place.texts[self.text].keep([place.pivot, *place.languages])
        held = self.tuning_rows or min(300, max(2, len(corpus) // 20))
        train_text, tuning = corpus.split(held)
        teacher = place.encoder("teacher")
        targets = pivot_vectors(teacher, train_text, place)
        student, mixture = build_student(self, teacher, train_text, targets, place)
        advance = place.start(f"{self.name}: train {self.student}", self.steps)
        loop = LoopSettings(
            steps=self.steps, learning_rate=self.learning_rate, seed=place.seed,
            threads=self.threads, precision=self.precision,
            checkpoint_every=self.checkpoint_every,
        )  # fmt: skip
        objectives = [(w, registry.get("objective", name)()) for name, w in self.objectives.items()]
        trained = train(
            student,
            [Lesson(mixture, objectives)],
            loop,
            checkpoint=place.scratch / "checkpoint",
            advance=advance,
        )
        place.keep_log(self.name, trained)
        model = place.folder / "model"
        model.mkdir()
        student.save(model)
        place.done[self.name] = place.folder
        watched = watch(place.encoder(self.name), tuning, place)
        place.encoders.pop(self.name)
        write_json(
            place.folder / "training.json",
            {
                "parameters": self.student,
                "objectives": self.objectives,
                "steps": trained.steps,
                "sentences": len(train_text),
                "tuning_sentences": len(tuning),
                "tuning_p1": watched,
                "final_loss": trained.final_loss,
                "tokens_by_language": trained.read,
                "log": trained.log,
                "teacher": teacher.name,
                "teacher_fingerprint": teacher.fingerprint,
            },
        )
        place.write(Scores())


def pivot_vectors(teacher: Any, corpus: Corpus, place: Workplace) -> np.ndarray:
    """The teacher's unit vectors of the pivot `[rows, d]`; rows without a pivot text are zero."""
    from isogloss.encode.cache import cache_root

    texts = corpus.texts(place.pivot)
    advance = place.start("teacher reads the pivot", sum(t is not None for t in texts))
    layers = encode_cached(
        teacher,
        texts,
        language=place.pivot,
        strict=place.strict,
        progress=advance,
        cache=cache_root(),
    )
    vectors = next(iter(layers.values()))
    if vectors.truncated:
        place.notes.append(
            f"{vectors.truncated} of {len(vectors)} training sentences of the pivot were cut to "
            f"the teacher's window of {teacher.window} tokens"
        )
    full = np.zeros((len(texts), vectors.array.shape[1]), np.float32)
    full[vectors.rows] = unit(vectors.array)
    return full


def watch(
    student: Any, tuning: Corpus, place: Workplace, *, refuse: bool = True
) -> dict[str, float]:
    """Retrieval on the rows kept from training; also where a collapse shows.

    Raises:
        TrainingError: the student gives nearly the same vector for every sentence; told in a note
            where it is not to `refuse` that.
    """
    from isogloss.encode.vectors import pair_rows

    read = {
        lang: next(iter(student.encode(tuning.texts(lang), language=lang).values()))
        for lang in (place.pivot, *place.languages)
    }
    found = {}
    for language in place.languages:
        i, j, _ = pair_rows(read[language], read[place.pivot])
        if len(i) < 2:
            continue
        left, right = (unit(read[x].array[k]) for x, k in ((language, i), (place.pivot, j)))
        scores = left @ right.T  # [n, n], n is a few hundred
        found[language] = float((scores.argmax(1) == np.arange(len(i))).mean())
        if np.mean(scores) > 0.98:
            said = f"unrelated sentences have a mean cosine of {scores.mean():.2f}"
            if refuse:
                raise TrainingError(
                    f"the student collapsed: {said}",
                    remedy="lower the learning rate, or train with contrast",
                )
            place.notes.append(f"{student.name}: {said} in {language}")
    return found


@register("step", "pivot.v1")
class Pivot(Step):
    """What happened to the pivot: the student's vectors of it against the teacher's.

    Attributes:
        model: the step that made the student.
        text: the held-out corpus.
    """

    model: str
    text: str

    def needs(self) -> dict[str, str]:
        """The teacher, the student and the text."""
        return {"teacher": "teacher", "model": self.model, "text": self.text}

    def run(self, place: Workplace) -> None:
        """Mean cosine and retrieval of the teacher's vector, sentence by sentence."""
        from isogloss.encode.cache import cache_root
        from isogloss.measure.pivot import pivot_kept

        corpus = place.texts[self.text]
        vectors = [
            next(
                iter(
                    encode_cached(
                        place.encoder(name), corpus.texts(place.pivot), language=place.pivot,
                        strict=place.strict, cache=cache_root(),
                    ).values()
                )
            )
            for name in (self.model, "teacher")
        ]  # fmt: skip
        if vectors[0].array.shape[1] != vectors[1].array.shape[1]:
            raise ModelError("student and teacher have vectors of different sizes")
        measured = pivot_kept(vectors[0], vectors[1], seed=place.seed)
        student = place.encoder(self.model).name
        place.write(
            measured.scores.having(
                system=student, stage="after", dataset=corpus.name, seed=place.seed
            ),
            measured.items,
        )


@register("step", "compare.v1")
class Compare(Step):
    """Before against after on the same items: a paired test per language, Holm over languages.

    Where `before` is not the start but another thing that was tried, the rows name its system
    (`against`), so that a report shows what was compared.

    Layers of one number are compared where `after` has several, else the last of either.

    Attributes:
        before: the measuring step of the first model.
        after: the measuring step of the second.
    """

    before: str
    after: str

    def needs(self) -> dict[str, str]:
        """The two measuring steps."""
        return {"before": self.before, "after": self.after}

    def check(self, earlier: Mapping[str, Step]) -> list[str]:
        """Tests of tasks have no items of a measure; their runs are compared."""
        told = {name: earlier[name].use for name in (self.before, self.after) if name in earlier}
        return [
            f"compare_runs.v1 and `isogloss compare` pair runs of {use}, not this step"
            for use in dict.fromkeys(told.values()) if use in ("evaluate.v1", "transfer.v1")
        ]  # fmt: skip

    def run(self, place: Workplace) -> None:
        """One row of stage `change` for each score that both steps have item by item."""
        before, after = place.items_of(self.before), place.items_of(self.after)
        partners = {_place(key): key for key in before}
        layers = Counter(map(_place, after))
        was, rows = (
            {item_key(row): row for row in place.scores_of(name)}
            for name in (self.before, self.after)
        )
        families: dict[tuple[str, bool, int | None], list[Score]] = {}
        for key in sorted(after):
            at, row = _place(key), rows.get(key)
            layered = layers[at] > 1 and key in before
            if at not in partners or row is None:
                continue
            partner = key if layered else partners[at]
            test = paired_test(before[partner], after[key], seed=place.seed)
            layer = row.layer if layered else None
            start = was.get(partner)
            other = start is not None and start.stage != "before" and start.system
            changed = Score(
                measure=row.measure, value=test.difference, low=test.low, high=test.high,
                interval="bootstrap of paired differences", n=len(after[key]),
                language=row.language, pivot=row.pivot, direction=row.direction, layer=layer,
                dropped=row.dropped, system=row.system, stage="change", dataset=row.dataset,
                seed=place.seed, corpus_fingerprint=row.corpus_fingerprint,
                settings={"test": "sign flip", "p": test.p}
                | ({"against": start.system} if start and other else {}),
            )  # fmt: skip
            outward = bool(row.direction and row.direction.startswith(f"{row.language}>"))
            families.setdefault((row.measure, outward, layer), []).append(changed)
        made: list[Score] = []
        for family in families.values():
            for row, p in zip(family, holm([r.settings["p"] for r in family]), strict=True):
                made += Scores([row]).having(settings={**row.settings, "p_holm": p})
        place.write(Scores(made))


def _place(key: str) -> tuple[str, ...]:
    """Measure, language and direction of an item key: what two models have in common."""
    return tuple(key.split("|")[:3])

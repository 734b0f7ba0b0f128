"""Choices told by how likely a language model finds them, without being taught."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from isogloss.errors import ModelError, UsageError
from isogloss.files import write_json
from isogloss.settings import Settings
from isogloss.task.contracts import Guess
from isogloss.task.cutting import Cutter, cutter_of
from isogloss.task.examples import Examples
from isogloss.task.probe import softmax
from isogloss.task.solver import TASK, Told
from isogloss.task.tasks.choices import readable
from isogloss.train.batch import UNKNOWN

if TYPE_CHECKING:
    from isogloss.encode.folder import ModelFolder
    from isogloss.train.body import Body

_TOKENS = 4096  # of texts that are read at once
Unit = Literal["sum", "token", "character", "byte"]


class By(Settings):
    """How choices are compared.

    Attributes:
        unit: by which log p of a choice is divided: nothing, its tokens, its characters, or its
            bytes in UTF-8.
        against: a text in whose stead the choice is told once more, to be subtracted, such as
            `Answer:`, or nothing at all (``""``); None compares log p as it is.
        between: stands between text and choice; nothing where a language writes no spaces.
    """

    unit: Unit = "byte"
    against: str | None = None
    between: str = " "


def choice_scores(
    told: np.ndarray,
    choices: Sequence[str],
    tokens: Sequence[int],
    unit: Unit = "byte",
    alone: np.ndarray | None = None,
) -> np.ndarray:
    """(log p(choice | text) - log p(choice | other text)) / length of the choice.

    `sum` favours short choices. Tokens of a language with a bad tokenizer are many and each is
    easy, so `byte` or `character` compare better over languages; bytes count a letter of most
    scripts two or three times. Against another text is pointwise mutual information: what is likely
    anyway, whatever is asked, gains nothing.

    Args:
        told: `[c]` log p of each choice behind the text, summed over its tokens.
        choices: the c texts.
        tokens: of each.
        unit: what lengths are counted in, `sum` for 1.
        alone: `[c]` log p behind another text; 0 by default.

    Returns:
        `[c]`, the more the better.

    Source: `sum`, `character` and `byte` as acc, acc_norm and acc_bytes of lm-evaluation-harness;
    `token` as in Brown et al. (2020), GPT-3, section 2.4; against another text Holtzman et al.
    (2021), Surface Form Competition, section 3 (PMI_DC).
    """
    lengths = {
        "sum": [1] * len(choices),
        "token": tokens,
        "character": [len(one) for one in choices],
        "byte": [len(one.encode()) for one in choices],
    }[unit]
    told = np.asarray(told, float) - (0 if alone is None else np.asarray(alone, float))
    return told / np.array(lengths, float)


class _Line(NamedTuple):
    """Ids of a text with a choice, and where the choice begins."""

    ids: np.ndarray
    start: int


@dataclass
class Choosing:
    """A language model that is asked how likely each choice is.

    A decoder tells log p(choice | text), token by token. A model of hidden tokens tells each token
    of the choice with that one hidden and all others in sight, text and choice; their sum is the
    pseudo-log-likelihood, which is no probability, but compares.
    A text that is too long is cut at its beginning. A token that reaches from the text into the
    choice is of the choice.

    Source: Salazar et al. (2020), Masked Language Model Scoring, section 2.

    Attributes:
        module: the model with its language head; all ids are given to it.
        cutter: how texts become token ids.
        ends: ids around a text.
        hidden: id of the mask, None for a decoder.
        by: how choices are compared.
        begin: id that stands before a choice that is told behind nothing.
        name: of the model's folder, with its fingerprint.
        seconds: none, as nothing is taught.
        kept: which weights were kept.
        classes: none.
    """

    module: Body
    cutter: Cutter
    ends: tuple[list[int], list[int]]
    hidden: int | None
    by: By
    begin: int | None
    name: tuple[str, str]
    seconds: float = 0.0
    kept: str = "nothing was taught"
    classes: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Bytes of the weights."""
        return sum(one.numel() * one.element_size() for one in self.module.parameters())

    def tell(self, examples: Examples) -> Told:
        """The place of the best choice of each example, and shares by the softmax of the scores."""
        start = time.perf_counter()
        rows, dropped = readable(examples)
        self.module.now.languages = (examples.language,)  # the body may have modules of it
        texts, choices = examples.column("text"), examples.column("choices")
        behind, lines = [], []
        for row in rows:
            own = [one.strip() for one in choices[row]]
            lines += [(texts[row], one) for one in own]
            behind += [(self.by.against, one) for one in own] if self.by.against is not None else []
        told, tokens, cut = self.likelihoods(lines)
        alone = self.likelihoods(behind)[0] if behind else None
        guesses: list[Guess | None] = [None] * len(examples)
        lost, truncated, at = Counter(dropped), 0, 0
        for row in rows:
            part = slice(at, at + len(choices[row]))
            at = part.stop
            scores = choice_scores(
                told[part], [one for _, one in lines[part]], tokens[part].tolist(), self.by.unit,
                None if alone is None else alone[part],
            )  # fmt: skip
            if np.isfinite(scores).all():
                guesses[row] = Guess(int(scores.argmax()), softmax(scores))
                truncated += bool(cut[part].any())
            else:
                lost["a choice without a token, or over the window"] += 1
        return Told(guesses, dict(lost), truncated, time.perf_counter() - start)

    def likelihoods(
        self, lines: Sequence[tuple[str, str]]
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of texts with choices: log p of the choice, its tokens, whether the text was cut `[n]`.

        NaN where a choice has no token, or more than the window.

        Raises:
            UsageError: there is nothing before a choice, and no token that could stand there.
        """
        from isogloss.encode.batches import pack

        made, tokens, cut = self._lines(lines)
        told = np.full(len(lines), np.nan)
        sizes = [len(one.ids) if one else 0 for one in made]
        if self.hidden is not None:  # a reading a token
            sizes = [size * int(n) for size, n in zip(sizes, tokens, strict=True)]
        for at in pack(np.array(sizes, np.int64), _TOKENS):
            told[at] = self._read([one for i in at if (one := made[i])])
        return told, tokens, cut

    def _lines(
        self, lines: Sequence[tuple[str, str]]
    ) -> tuple[list[_Line | None], np.ndarray, np.ndarray]:
        heads = [text.rstrip() for text, _ in lines]
        whole = [
            head + (self.by.between if head else "") + choice
            for head, (_, choice) in zip(heads, lines, strict=True)
        ]
        made: list[_Line | None] = []
        tokens, cut = np.zeros(len(lines), np.int64), np.zeros(len(lines), bool)
        first, last = self.ends if self.hidden is not None else (self.ends[0], [])
        # What a decoder tells last it need not read.
        room = self.cutter.longest + (1 if self.hidden is None else 0)
        for i, (read, head) in enumerate(zip(self.cutter.texts(whole), heads, strict=True)):
            own = int((read.spans[:, 1] > len(head)).sum())
            before = first
            if self.hidden is None and not first and own == len(read.ids):
                before = [self._begin()]
            spare = room - (len(before) - len(first))
            tokens[i], cut[i] = own, len(read.ids) > spare
            # A decoder's choice needs one token before it.
            if not own or own + (self.hidden is None and not before) > spare:
                made.append(None)
                continue
            ids = np.array([*before, *read.ids[-spare:], *last], np.int64)
            made.append(_Line(ids, len(ids) - len(last) - own))
        return made, tokens, cut

    def _begin(self) -> int:
        if self.begin is None:
            raise UsageError(
                "a choice is to be told behind nothing, and the model has no token that begins one",
                remedy="give a text, or another `against` than the empty one",
            )
        return self.begin

    def _read(self, lines: Sequence[_Line]) -> np.ndarray:
        """Log p of the choices `[n]`."""
        import torch

        from isogloss.train.batch import stack_texts

        texts, gold, of = [], [], []
        for place, one in enumerate(lines):
            asked = self._asked(one)
            texts += [ids for ids, _ in asked]
            gold += [wanted for _, wanted in asked]
            of += [place] * len(asked)
        [tag] = self.module.now.languages or [""]
        batch = stack_texts(
            [texts], [[tag] * len(texts)], {tag: 0}, tokens={"gold": np.concatenate(gold)}
        ).to(next(self.module.parameters()).device)  # fmt: skip
        with torch.no_grad():
            found = self.module(batch, ("likelihoods",))["likelihoods"][0, :, 0]
        return np.bincount(of, found.double().cpu().numpy(), len(lines))

    def _asked(self, line: _Line) -> list[tuple[np.ndarray, np.ndarray]]:
        """What is read of a line, and what is to be told where."""
        ids, start = line
        if self.hidden is None:
            wanted = np.where(np.arange(1, len(ids)) >= start, ids[1:], UNKNOWN)
            return [(ids[:-1], wanted)]
        made = []
        for place in range(start, len(ids) - len(self.ends[1])):
            seen, wanted = ids.copy(), np.full(len(ids), UNKNOWN)
            seen[place], wanted[place] = self.hidden, ids[place]
            made.append((seen, wanted))
        return made

    def save(self, folder: Path) -> None:
        """How choices are compared; the model stays where it is, and is named."""
        (folder / TASK).mkdir(parents=True)
        about = {"classes": {}, "seconds": 0.0, **self.by.model_dump(),
                 "model": self.name[0], "model_fingerprint": self.name[1]}  # fmt: skip
        write_json(folder / TASK / "task.json", about)


def open_chooser(folder: ModelFolder, by: By | None = None) -> Choosing:
    """A decoder, or a model of hidden tokens, that tells choices by its own language head.

    Args:
        folder: of the model.
        by: how choices are compared.

    Raises:
        ModelError: no language head of its own; a model of source and target; no mask.
    """
    from isogloss.encode.weights import is_decoder, load_tokenizer
    from isogloss.train.readers import words
    from isogloss.train.reading import text_ends

    if folder.kind not in ("transformer.v1", "inserted.v1"):
        raise ModelError("only a transformer tells how likely a text is", file=folder.path)
    cutter, wrapper = cutter_of(folder), load_tokenizer(folder)
    module = words(folder.body, cutter.tokenizer)
    if module.head is not None or module.paired:
        raise ModelError(
            "does not tell how likely a choice is: "
            + ("it reads a source and tells a target" if module.paired else "it has no language "
               "head of its own"),
            file=folder.path, remedy="take a decoder or a masked language model, or teach a head",
        )  # fmt: skip
    hidden = None if is_decoder(folder.config) else wrapper.mask_token_id
    if hidden is None and not is_decoder(folder.config):
        raise ModelError("has no mask token", file=folder.path, remedy="teach it a head")
    begin = next((i for i in (wrapper.bos_token_id, wrapper.eos_token_id) if i is not None), None)
    module.eval()
    module.ends = ([], [])  # they are part of what is given
    name = (folder.name, folder.fingerprint)
    return Choosing(
        module, cutter, text_ends(cutter.tokenizer), hidden, by or By(), begin, name
    )  # fmt: skip

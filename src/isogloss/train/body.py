"""A model of transformers, read as training needs it: vectors, states or words of its texts."""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from isogloss import registry
from isogloss.encode.folder import open_folder, read_object
from isogloss.encode.inserted.files import Part, load_parts, put_in, save_parts
from isogloss.encode.inserted.now import Now
from isogloss.encode.weights import load_tokenizer, quiet
from isogloss.errors import ModelError, TrainingError
from isogloss.train.batch import UNKNOWN, spots
from isogloss.train.contracts import Batch
from isogloss.train.delta import save_delta
from isogloss.vocabulary.save import special_roles

if TYPE_CHECKING:
    from tokenizers import Tokenizer

TOGETHER = 24  # texts that go through the body at once
_COPIED = ("modules.json", "config_sentence_transformers.json", "sentence_bert_config.json")
_PER_TEXT = ("vectors", "layer_vectors", "likelihoods")
_LAYERED = ("layer_vectors", "layer_states")
OUTPUTS = ("vectors", "layer_vectors", "states", "layer_states", "logits", "likelihoods")
"""What `Body` can give: see there."""


class WordHead(nn.Module):
    """logits = norm(gelu(W h + a)) E^T + b, E the body's own token table.

    Source: Devlin et al. (2019), BERT, and Press and Wolf (2017) for the tied table.

    Args:
        width: of the body's states.
        columns: of its token table.
        tokens: in it.
    """

    def __init__(self, width: int, columns: int, tokens: int) -> None:
        super().__init__()
        self.dense, self.norm = nn.Linear(width, columns), nn.LayerNorm(columns)
        self.bias = nn.Parameter(torch.zeros(tokens))
        nn.init.normal_(self.dense.weight, std=0.02)
        nn.init.zeros_(self.dense.bias)

    def forward(self, states: torch.Tensor, table: Any) -> torch.Tensor:
        """States `[m, h]` and the module of the table to logits `[m, V]`."""
        found = self.norm(F.gelu(self.dense(states)))
        scores = table.score(found) if hasattr(table, "score") else found @ table.weight.T
        return scores + self.bias

    def transform(self) -> dict[str, torch.Tensor]:
        """All but what belongs to a vocabulary."""
        return {n: v.detach().clone() for n, v in self.state_dict().items() if n != "bias"}


class Body(nn.Module):
    """How texts are read with a model of transformers: a batch to what is wanted of it.

    - `vectors` `[views, B, d]`: the mean of the last states over the tokens of each text, with
      what stands around it; `layer_vectors` `[layers + 1, views, B, d]` of every layer, 0 being
      the embeddings.
    - `states` `[tokens, d]`: the last state of each token of the batch; `layer_states`
      `[layers + 1, tokens, d]`.
    - `logits` `[m, V]`: of the tokens that have a `gold`, so that no `[n, t, V]` is made.
    - `likelihoods` `[views, B, 1]`: the sum of log p of these golds in each text, 0 without any.

    Of an encoder-decoder, vectors and states are those of its encoder, and logits are told by the
    decoder: the first of two views is its source, the second, whose tokens have the `gold`, its
    target, ends included where they are to be told.

    Texts of like length are read together: in one piece 0.4 of all tokens are padding.

    Attributes:
        body: a model of transformers, as it will be saved.
        head: one that was made for it, None where it has its own or none is wanted.
        made: weights beside the body that begin here, and train whatever else does.
        tokenwise: weights beside the input table that have one row, or one value, a token.
        added: rows that were appended to its token table.
        aside: gives from the language `[m]` of tokens what is added `[m, h]` to their states before
            the language head; no part of the body.
        after: what the mean of each text goes through to be its vector.
        over: what makes the vectors instead, of all states; it may be `layered`.
        still: whether the body is read as it is used, without dropout, while what is beside trains.
        now: what is read at the moment, for modules put into the body: `language` `[n]` of the
            texts, as the batch numbers them, and `mask` `[n, t]`; and `rough`, whether products
            were of bfloat16.
        parts: what was put into the body, first to last.
        inserted: a module of each.
    """

    gives: ClassVar = OUTPUTS
    body: Any  # nn.Module knows nothing of saving

    def __init__(
        self,
        body: Any,
        ends: tuple[list[int], list[int]],
        head: WordHead | None = None,
        *,
        begun: bool = False,
        added: int = 0,
    ) -> None:
        super().__init__()
        self.body, self.head, self.ends, self.added = body, head, ends, added
        self.pad = body.config.pad_token_id or 0
        self.paired = bool(getattr(body.config, "is_encoder_decoder", False))
        self.aside: nn.Module | None = None
        self.after: nn.Module = nn.Identity()
        self.over: Any = None
        self.still = False
        self.now = Now(scores=head.norm if head else None)
        self.parts: list[Part] = []
        self.inserted = nn.ModuleList()
        self.made: tuple[nn.Parameter, ...] = ()
        self.tokenwise: tuple[nn.Parameter, ...] = ()
        if head is None:
            self.tokenwise = _of_tokens(body)
        elif begun:
            self.tokenwise = (head.bias,)
        else:
            self.made = tuple(head.parameters())

    @property
    def width(self) -> int:
        """Numbers of a vector."""
        return self.body.config.hidden_size

    @property
    def languages(self) -> tuple[str, ...]:
        """Tags of the run, in the order of the numbers in the column `language`."""
        return self.now.languages

    def insert(self, part: Part) -> nn.Module:
        """Put one more part into the body, on those that are there."""
        made = put_in(self.body, self.now, part)
        self.parts.append(part)
        self.inserted.append(made)
        return made

    def bring_back(self, folder: Path) -> Body:
        """Put in what the folder of the body says was inserted; gives itself."""
        self.parts, self.inserted = load_parts(folder, self.body, self.now)
        return self

    def train(self, mode: bool = True) -> Body:
        """A body that is `still` has no dropout."""
        super().train(mode)
        if self.still:
            self.body.eval()
        return self

    def forward(self, batch: Batch, wanted: Collection[str] = ("vectors",)) -> dict[str, Any]:
        """Columns `ids`, `offsets` and `views`, for logits `gold`, for some modules `language`."""
        if "logits" in wanted and self.paired:
            others = [name for name in wanted if name != "logits"]
            return {**(self(batch, others) if others else {}), "logits": self._told(batch)}
        ids, mask = padded(batch, *self.ends, self.pad)  # [n, t]
        own = _own_places(batch, len(self.ends[0]), mask.shape[1], ids.device)  # [n, t]
        sought = torch.zeros(len(batch["ids"]), dtype=torch.bool, device=ids.device)
        asked_of = {*wanted}
        if "likelihoods" in wanted:
            asked_of = asked_of - {"likelihoods"} | {"logits"}
        if "logits" in asked_of:
            sought[spots(batch)] = True
        self.now.rough = torch.is_autocast_enabled(ids.device.type)
        parts, back = by_length(mask.sum(1), TOGETHER)
        found: dict[str, list[torch.Tensor]] = {name: [] for name in wanted}
        places, asked = [], []
        for rows in parts:
            longest = int(mask[rows].sum(1).max())
            place = own[rows, :longest]
            here = place >= 0
            chosen = here & sought[place.clamp(min=0)]
            self.now.mask = mask[rows, :longest]
            self.now.language = batch["language"][rows] if "language" in batch else None
            made = self._read(ids[rows, :longest], self.now.mask, here, chosen, asked_of)
            if "likelihoods" in wanted:
                gold = batch["gold"][place[chosen]]
                made["likelihoods"] = likelihoods(made["logits"], gold, chosen)
            for name in found:
                found[name].append(made[name])
            places.append(place[here])
            asked.append(place[chosen])
        inside = torch.cat(places).argsort()
        orders = dict.fromkeys(_PER_TEXT, back) | {"logits": torch.cat(asked).argsort()}
        outputs = {}
        for name, values in found.items():
            dimension = 1 if name in _LAYERED else 0
            value = torch.cat(values, dimension)
            value = value.index_select(dimension, orders.get(name, inside))
            if name in _PER_TEXT:
                shape = (int(batch["views"]), -1, value.shape[-1])
                value = value.view(*value.shape[:dimension], *shape)
            outputs[name] = value
        return outputs

    def _told(self, batch: Batch) -> torch.Tensor:
        """Logits `[m, V]` of a decoder for the second view, given the first."""
        source, target = _sides(batch)
        ids, mask = padded(source, *self.ends, self.pad)  # [B, s]
        labels, there = padded(target, [], [], UNKNOWN)  # [B, t]
        before = self.body.prepare_decoder_input_ids_from_labels(labels=labels)  # [B, t]
        place = _own_places(target, 0, there.shape[1], ids.device)  # [B, t]
        sought = torch.zeros(len(target["ids"]), dtype=torch.bool, device=ids.device)
        sought[spots(target)] = True
        lengths = mask.sum(1), there.sum(1)
        parts, _ = by_length(lengths[0] + lengths[1], TOGETHER)
        found, asked = [], []
        for rows in parts:
            longest = [int(length[rows].max()) for length in lengths]
            here = place[rows, : longest[1]]
            chosen = (here >= 0) & sought[here.clamp(min=0)]
            tags = batch["language"][len(lengths[1]) :][rows] if "language" in batch else None
            hook = self.body.get_decoder().register_forward_hook(
                partial(_select, at=chosen, kept=[], more=self._more(tags, chosen))
            )
            try:
                made = self.body(
                    input_ids=ids[rows, : longest[0]],
                    attention_mask=mask[rows, : longest[0]].long(),
                    decoder_input_ids=before[rows, : longest[1]], return_dict=True,
                )  # fmt: skip
            finally:
                hook.remove()
            found.append(made.logits[0])
            asked.append(here[chosen])
        return torch.cat(found)[torch.cat(asked).argsort()]

    def _more(self, language: torch.Tensor | None, at: torch.Tensor) -> torch.Tensor | float:
        """What is added to the states at `[n, t]` of texts of languages `[n]`: `[m, h]`, or 0."""
        if self.aside is None:
            return 0.0
        if language is None:
            raise TrainingError("the mixture does not say of which language its texts are")
        return self.aside(language[:, None].expand(at.shape)[at])

    def _read(
        self,
        ids: torch.Tensor,
        mask: torch.Tensor,
        own: torch.Tensor,
        sought: torch.Tensor,
        wanted: Collection[str],
    ) -> dict[str, torch.Tensor]:
        """What is wanted of padded ids `[n, t]`; `own` and `sought` `[n, t]` say where."""
        over = self.over if "vectors" in wanted else None
        stacked = any(name in _LAYERED for name in wanted)
        layered = stacked or getattr(over, "layered", False)
        inputs = {
            "input_ids": ids, "attention_mask": mask.long(), "return_dict": True,
            "output_hidden_states": layered,
        }  # fmt: skip
        base = self.body.get_encoder() if self.paired else self.body.base_model
        logits = None
        more = self._more(self.now.language, sought) if "logits" in wanted else 0.0
        if "logits" in wanted and self.head is None:
            # Every architecture has a head of its own; all read what the body gives.
            kept: list[Any] = []
            hook = base.register_forward_hook(partial(_select, at=sought, kept=kept, more=more))
            try:
                logits = self.body(**inputs).logits[0]
            finally:
                hook.remove()
            [(last, hidden)] = kept
        else:
            read = base(**inputs)
            last, hidden = read.last_hidden_state, read.get("hidden_states")
            if "logits" in wanted and self.head is not None:
                logits = self.head(last[sought] + more, self.body.get_input_embeddings())
        every: Any = torch.stack(hidden) if stacked else None  # [layers + 1, n, t, d]
        given: dict[str, Any] = {
            "vectors": lambda: (
                over(last, hidden, mask) if over else self.after(mean_of(last, mask))
            ),
            "states": lambda: last[own],
            "layer_vectors": lambda: mean_of(every, mask),
            "layer_states": lambda: every[:, own],
            "logits": lambda: logits,
        }
        return {name: given[name]() for name in wanted}


def _select(
    module: nn.Module,
    inputs: Any,
    output: Any,
    *,
    at: torch.Tensor,
    kept: list,
    more: torch.Tensor | float,
) -> Any:
    kept.append((output.last_hidden_state, output.get("hidden_states")))
    output.last_hidden_state = (output.last_hidden_state[at] + more)[None]  # [1, m, h]
    return output


def _sides(batch: Batch) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """The first and the second of two views, each as a batch of its own.

    Raises:
        TrainingError: other than two views, or gold tokens in the first.
    """
    ids, offsets, gold = batch["ids"], batch["offsets"], batch["gold"]
    if int(batch["views"]) != 2:
        raise TrainingError(
            f"a model of source and target reads two views a row, and the mixture gives "
            f"{int(batch['views'])}",
            remedy="name a mixture for such models, such as span_denoise.v1",
        )
    half = len(offsets) // 2
    cut = int(offsets[half])
    if len(found := spots(batch)) and int(found[0]) < cut:
        raise TrainingError("the source of a pair has gold tokens; only the target is told")
    return (
        {"ids": ids[:cut], "offsets": offsets[:half]},
        {"ids": ids[cut:], "offsets": offsets[half:] - cut, "gold": gold[cut:]},
    )


def _of_tokens(body: Any) -> tuple[nn.Parameter, ...]:
    """What the last layer of a body's own head has a token, but for a tied table."""
    last, table = body.get_output_embeddings(), body.get_input_embeddings().weight
    if last is None:
        return ()
    found = [] if last.weight is table else [last.weight]
    return tuple(found if getattr(last, "bias", None) is None else [*found, last.bias])


def _own_places(batch: Batch, before: int, width: int, device: torch.device) -> torch.Tensor:
    """Where each padded token stands in `ids`, -1 for what is around a text: `[n, t]`."""
    starts = batch["offsets"][:, None]  # [n, 1]
    ends = torch.cat([batch["offsets"][1:], batch["offsets"].new_tensor([len(batch["ids"])])])
    found = starts + torch.arange(width, device=device)[None] - before
    return torch.where((found >= starts) & (found < ends[:, None]), found, -1)


def by_length(lengths: torch.Tensor, size: int) -> tuple[list[torch.Tensor], torch.Tensor]:
    """Texts of like length in parts of `size`, and the order that undoes them."""
    order = lengths.argsort(stable=True)
    return list(order.split(size)), order.argsort()


def padded(
    batch: Batch, first: list[int], last: list[int], pad: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids `[n, t]` of the texts of a batch with their ends around them, and where they are."""
    bounds = [*batch["offsets"].tolist(), len(batch["ids"])]
    parts = [batch["ids"][a:b] for a, b in itertools.pairwise(bounds)]
    ends = [torch.tensor(side, dtype=torch.long) for side in (first, last)]
    rows = [torch.cat([ends[0], part, ends[1]]) for part in parts]
    ids = nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=pad)  # [n, t]
    lengths = torch.tensor([len(row) for row in rows])
    return ids, torch.arange(ids.shape[1])[None] < lengths[:, None]


def mean_of(states: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """The mean over the tokens of each text: `[..., n, t, d]` to `[..., n, d]`, in float32."""
    states = states if states.dtype == torch.float64 else states.float()
    return (states * mask[..., None]).sum(-2) / mask.sum(-1)[:, None]


def likelihoods(logits: torch.Tensor, gold: torch.Tensor, at: torch.Tensor) -> torch.Tensor:
    """Sums of log p of golds `[m]` by text `[n, 1]`, from logits `[m, V]` at places `[n, t]`."""
    found = -F.cross_entropy(logits, gold, reduction="none")  # [m]
    rows = at.nonzero()[:, 0]  # [m]
    return found.new_zeros(len(at)).index_add(0, rows, found)[:, None]


Reader = Callable[..., Body]
"""From a folder, a tokenizer and rows behind those of the table to how texts are read."""


def sentences(folder: Path, tokenizer: Tokenizer, rows: np.ndarray | None = None) -> Body:
    """The body of a folder with more rows, without a head: for vectors and states."""
    body = open_body(folder)
    return Body(body, text_ends(tokenizer), added=_append(body, rows)).bring_back(folder)


def words(
    folder: Path,
    tokenizer: Tokenizer,
    rows: np.ndarray | None = None,
    *,
    seed: int = 0,
    head: Mapping[str, torch.Tensor] | None = None,
) -> Body:
    """A body with a language head: the folder's own where all of it is there, else one made here.

    Args:
        folder: of the model.
        tokenizer: that goes with its rows.
        rows: `[new, d]` rows appended to the table.
        seed: of a head that is made.
        head: what a head that was made for this body begins with, `WordHead.transform`; it is then
            part of the model, and frozen where that is.

    Raises:
        ModelError: a head of another width.
    """
    import transformers

    torch.manual_seed(seed)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    ends = text_ends(tokenizer)
    named = str((config.get("architectures") or [""])[0])
    opened = next((cls for end, cls in _HEADS.items() if named.endswith(end)), None)
    if head is None and opened:
        with quiet():
            model, found = getattr(transformers, opened).from_pretrained(
                folder, local_files_only=True, dtype=torch.float32, output_loading_info=True
            )
        if not found["missing_keys"]:
            return Body(model, ends, added=_append(model, rows)).bring_back(folder)
    body = open_body(folder, seed)
    added = _append(body, rows)
    tokens, columns = body.get_input_embeddings().weight.shape
    made = WordHead(body.config.hidden_size, columns, tokens)
    if head is not None:
        try:
            made.load_state_dict(dict(head), strict=False)
        except RuntimeError:
            raise ModelError(
                "the head was made for a body of another width", file=folder,
                remedy="make it with word_head.v1 for the body that is trained",
            ) from None  # fmt: skip
    return Body(body, ends, made, begun=head is not None, added=added).bring_back(folder)


_HEADS = {"ForMaskedLM": "AutoModelForMaskedLM", "ForCausalLM": "AutoModelForCausalLM",
          "LMHeadModel": "AutoModelForCausalLM",
          "ForConditionalGeneration": "AutoModelForSeq2SeqLM"}  # fmt: skip


def open_body(folder: Path, seed: int = 0) -> Any:
    """The body of a folder in float32; the seed is of what it may lack, such as a pooler."""
    from transformers import AutoModel

    torch.manual_seed(seed)
    with quiet():
        return AutoModel.from_pretrained(folder, local_files_only=True, dtype=torch.float32)


def _append(body: Any, rows: np.ndarray | None) -> int:
    """Put rows behind those of the token table, and say how many."""
    if rows is None:
        return 0
    old = len(body.get_input_embeddings().weight)
    body.resize_token_embeddings(old + len(rows), mean_resizing=False)
    with torch.no_grad():
        body.get_input_embeddings().weight[old:] = torch.from_numpy(rows)
    return len(rows)


def text_ends(tokenizer: Tokenizer) -> tuple[list[int], list[int]]:
    """The special tokens that a tokenizer puts before and behind a text."""
    from tokenizers import Tokenizer

    plain = Tokenizer.from_str(tokenizer.to_str())
    plain.no_padding()
    plain.no_truncation()
    found = plain.encode("a")
    inside = [i for i, added in enumerate(found.special_tokens_mask) if not added]
    return found.ids[: inside[0]], found.ids[inside[-1] + 1 :]


@dataclass(frozen=True)
class Change:
    """What may change of a body, as the loop and the saving need it.

    Attributes:
        groups: of the optimiser; what is in none is frozen.
        plain: called before the body is saved as a plain model; gives what undoes it.
        beside: writes into the folder of a delta what other programs read of it.
        places: of weights that change in part, by name, the flat places `[k]` that do.
        tokenizer: called before `plain`; gives the tokenizer that the plain model is saved with.
        more: writes into the folder of the plain model what stands behind its body.
    """

    groups: list[dict[str, Any]] = field(default_factory=list)
    plain: Callable[[], Callable[[], None]] | None = None
    beside: Callable[[Path], None] | None = None
    places: Mapping[str, torch.Tensor] = field(default_factory=dict)
    tokenizer: Callable[[Tokenizer], Tokenizer] | None = None
    more: Callable[[Path], None] | None = None


class Student:
    """A body that trains, and how it is saved: the parameters of the loop.

    Args:
        folder: of the model that it began as.
        tokenizer: that goes with its rows.
        module: how texts are read with it.
        change: what may change.
    """

    def __init__(self, folder: Path, tokenizer: Tokenizer, module: Body, change: Change) -> None:
        self.folder, self.tokenizer, self.module, self.change = folder, tokenizer, module, change

    def groups(self) -> list[dict[str, Any]]:
        """Optimiser groups."""
        return self.change.groups

    def save(self, folder: Path) -> None:
        """Write a folder that `transformers` and `sentence_transformers` load unchanged.

        What was put into the body stands beside it, for `load_encoder`; they leave it out.
        """
        own = self.change.tokenizer
        tokenizer = own(self.tokenizer) if own else self.tokenizer
        undo = self.change.plain() if self.change.plain else None
        save_body(self.module.body, self.folder, tokenizer, folder)
        if self.module.parts:
            save_parts(folder, self.module.body, self.module.parts, self.module.inserted)
        if self.change.more:
            self.change.more(folder)
        if undo:
            undo()

    def save_delta(self, folder: Path, base: str, parameters: Mapping[str, Any]) -> None:
        """Write what changed alone; `load_delta` puts it onto the model of fingerprint `base`."""
        about = {"base": base, "parameters": dict(parameters)}
        save_delta(folder, self.module, about, self.change.beside, self.change.places)


def student_of(
    name: str,
    folder: Path,
    tokenizer: Tokenizer,
    rows: np.ndarray | None = None,
    *,
    reader: Reader = sentences,
    tags: Sequence[str] = (),
    **settings: Any,
) -> Student:
    """The student that registered parameters make of a model.

    Args:
        name: of the parameters, such as `embeddings.v1`.
        folder: of the model.
        tokenizer: that goes with its rows.
        rows: `[new, d]` embedding rows of added tokens, appended to the table; none if the folder
            has a row for every token.
        reader: what texts are read for.
        tags: canonical, of the languages as batches number them, for modules of languages.
        settings: of the parameters.
    """
    module = reader(folder, tokenizer, rows)
    module.now.languages = tuple(tags)
    return Student(folder, tokenizer, module, registry.get("parameters", name)(module, **settings))


def save_body(body: Any, like: Path, tokenizer: Tokenizer, folder: Path) -> None:
    """Write a body and a tokenizer as the folder `like` has its own, with what stands around."""
    with quiet():
        body.save_pretrained(folder, safe_serialization=True)
    for name in _COPIED:
        if (like / name).is_file():
            shutil.copy2(like / name, folder / name)
    for module in like.glob("[0-9]_*"):
        shutil.copytree(module, folder / module.name)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.save(str(folder / "tokenizer.json"))
    about = like / "tokenizer_config.json"
    own = read_object(about) if about.is_file() else {}
    # Roles that the class of old folders implies are written, as the general class has none.
    roles = special_roles(load_tokenizer(open_folder(like, like.name, weights=False)))
    settings = {f"{role}_token": token for role, token in roles.items()} | own
    # The saved tokenizer.json is the truth; the slow class would read vocab.txt instead.
    settings["tokenizer_class"] = "PreTrainedTokenizerFast"
    text = json.dumps(settings, ensure_ascii=False, indent=1) + "\n"
    (folder / "tokenizer_config.json").write_text(text, encoding="utf-8")

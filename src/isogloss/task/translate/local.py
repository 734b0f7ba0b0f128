"""Translation by a sequence-to-sequence model of a local folder."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from isogloss.encode.batches import pack
from isogloss.encode.folder import ModelFolder, open_folder
from isogloss.encode.weights import (
    check_finite_weights,
    load_network,
    load_tokenizer,
    read_window,
)
from isogloss.errors import LanguageError, ModelError, UnknownLanguage, UsageError
from isogloss.files import fingerprint, sha256_file
from isogloss.language import Language, read_language, resolve
from isogloss.registry import register
from isogloss.task.solver import read_task
from isogloss.task.translate.contract import Told, check_texts, cut_lines, join_lines, pair

TRUNCATED, CUT = "truncated", "translation cut"
_BESIDE = ("source.spm", "target.spm", "generation_config.json")
# Tokens of languages: M2M100 `__de__`, mBART `de_DE`, NLLB `deu_Latn`, Marian `>>deu<<`,
# MADLAD-400 `<2de>`.
_SWITCHED = re.compile(
    r"__([a-z]{2,3}(?:_[A-Za-z]{4})?)__|([a-z]{2,3}_[A-Z]{2}|[a-z]{3}_[A-Z][a-z]{3})"
)
_TAGGED = re.compile(r">>([A-Za-z_-]+)<<|<2([A-Za-z_-]+)>")

_OWN_CODES = {"ns": "nso"}  # M2M100; the other codes of these families are read as they are


class Speech(NamedTuple):
    """How a model is told the languages.

    Attributes:
        way: `switch`, where the tokenizer marks the source and the first token that is made is that
            of the target; `tag`, where the token of the target stands before the text; `prompt`,
            where words do; `pair`, where the model translates one pair.
        tokens: of languages.
    """

    way: str
    tokens: dict[Language, str]


class Asked(NamedTuple):
    """A model of one direction, as it is asked token by token.

    Attributes:
        model: of transformers, in evaluation mode.
        read: a source text to the ids that its encoder reads, with all that frames them.
        write: a text of the target to its ids, without what frames them.
        start: ids that stand before a translation, behind where decoding starts.
    """

    model: Any
    read: Callable[[str], list[int]]
    write: Callable[[str], list[int]]
    start: tuple[int, ...]


@register("translator", "local.v1")
class LocalTranslator:
    """Translations of a model that `transformers` opens as one from sequence to sequence.

    Marian, NLLB, M2M100, mBART and MADLAD-400 are told the languages by the tokens that their
    tokenizer has for them. A T5 is told in words, those of its own configuration where it has them.
    Any other model translates the pair it was made for. Decoding is greedy or by beams, never
    sampled. Lines of a text are translated one by one. What is over the model's window is cut off
    and counted, and so are translations that did not end.

    Args:
        folder: the model, with safetensors.
        beams: 1 is greedy.
        longest: tokens of a translation.
        tokens: a batch of sources may hold, padding included.
        window: tokens of a source; the model's own if not given.
        prompt: put before every line, with `{source}` and `{target}` for names of languages; in
            place of what the model would be told.
        device: where it runs.
        batch: texts a call, when work is kept after each.

    Raises:
        ModelError: no such folder, or not a model of that kind.
        UsageError: a setting that cannot be.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        beams: int = 1,
        longest: int = 256,
        tokens: int = 2048,
        window: int | None = None,
        prompt: str | None = None,
        device: str = "cpu",
        batch: int = 256,
    ) -> None:
        if min(beams, longest, tokens, batch) < 1 or (window is not None and window < 4):
            raise UsageError("beams, longest, tokens, batch are 1 at least, and window is 4")
        path = Path(folder).expanduser()
        if not path.is_dir():
            raise ModelError(
                "there is no such model folder", file=path,
                remedy="give the folder that save_pretrained wrote, such as a download of opus-mt",
            )  # fmt: skip
        self._folder = open_folder(path, str(folder))
        if not self._folder.config.get("is_encoder_decoder"):
            raise ModelError(
                "is not a model from sequence to sequence", file=path,
                remedy="give a Marian, NLLB, M2M100, mBART or T5",
            )  # fmt: skip
        self.name, self.batch, self.device = path.name, batch, device
        self._tokenizer = load_tokenizer(self._folder)
        own = read_window(self._folder, self._tokenizer)
        self.window = own if window is None else min(window, own)
        self.beams, self.tokens = beams, tokens
        tagged = read_task(path).get("tagged")  # of one that was taught to translate
        if prompt is None and tagged is False:
            prompt = ""  # it reads nothing but the text
        self.longest = min(longest, _positions(self._folder) or longest)
        self.prompt = prompt
        self.speech = _speech(self._tokenizer, self._folder, prompt)
        self._apart = not (tagged and _touch(self._tokenizer, self.speech))
        beside = [sha256_file(path / one) for one in _BESIDE if (path / one).is_file()]
        self.fingerprint = fingerprint(
            "local.v1", self._folder.fingerprint, beside, beams, self.longest, self.window, prompt
        )
        self.calls = 0
        self.told: list[Told] = []
        self._model: Any = None

    @property
    def languages(self) -> list[Language]:
        """Those that the model has tokens for; none where it knows them otherwise."""
        return sorted(self.speech.tokens)

    def translate(self, texts: Sequence[str], source: str, target: str) -> list[str]:
        """See `Translator`.

        Raises:
            UnknownLanguage: the model has no token for a language.
            UsageError: the model is of another pair.
        """
        source, target = pair(source, target)
        check_texts(texts)
        before, options = self._told_languages(source, target)
        parts, lines = cut_lines(texts)
        ids, truncated = self._read([before + line for line in lines])
        lengths = np.array([len(one) for one in ids], np.int64)
        made: dict[int, str] = {}
        cut: set[int] = set()
        for rows in pack(lengths, self.tokens):
            for row, (text, ended) in zip(
                rows, self._run([ids[i] for i in rows], options), strict=True
            ):
                made[int(row)] = text
                cut |= set() if ended else {int(row)}
        done = [made.get(i, "") for i in range(len(lines))]  # a line may have no token
        self.told = _by_text(parts, truncated, cut)
        return join_lines(parts, done)

    def asked(self, source: str, target: str) -> Asked:
        """The model as one asks it for probabilities of translations from source to target.

        Both may be the same language, as far as the model can be told so.

        Raises:
            UnknownLanguage: the model has no token for a language.
            UsageError: the model is of another pair, or begins translations otherwise than its
                configuration says.
        """
        source, target = str(read_language(source)), str(read_language(target))
        _, options = self._told_languages(source, target)
        if "decoder_start_token_id" in options:
            raise UsageError(
                f"the model {self.name} is not asked token by token: its decoding starts with the "
                "target language",
                remedy="give a Marian, NLLB, M2M100, mBART-50 or T5",
            )
        first = options.get("forced_bos_token_id")

        def read(text: str) -> list[int]:
            before, _ = self._told_languages(source, target)  # the tokenizer is told anew
            return list(self._tokenizer(before + text)["input_ids"])

        def write(text: str) -> list[int]:
            told = self._tokenizer(text_target=text, add_special_tokens=False)
            return list(told["input_ids"])

        return Asked(self._opened(), read, write, () if first is None else (int(first),))

    def _told_languages(self, source: str, target: str) -> tuple[str, dict[str, Any]]:
        """What goes before a text, and what generation is told."""
        way = self.speech.way
        if self.prompt is not None:
            return _filled(self.prompt, source, target), {}
        if way == "switch":
            first, last = self._token(source), self._token(target)
            self._tokenizer.src_lang = _spelling(self._tokenizer, first)
            number = self._tokenizer.convert_tokens_to_ids(last)
            # The first mBART begins with the language where the others end a text first.
            began = "decoder_start" if _begins_with_language(self._tokenizer) else "forced_bos"
            return "", {f"{began}_token_id": number}
        if way == "tag":
            return self._token(target) + " " * self._apart, {}
        if way == "prompt":
            return _own_prompt(self._folder, source, target), {}
        _check_pair(self._folder, self._tokenizer, source, target)
        return "", {}

    def _token(self, tag: str) -> str:
        try:
            found = resolve([tag], self.speech.tokens)[0]
        except UnknownLanguage as error:
            raise UnknownLanguage(
                f"the model {self.name} has no token for {tag} ({read_language(tag).name})",
                remedy=f"{error.remedy}" if error.remedy else None,
            ) from None
        return self.speech.tokens[found]

    def _read(self, lines: list[str]) -> tuple[list[list[int]], set[int]]:
        """Token ids of lines, cut to the window, and which of them were."""
        if not lines:
            return [], set()
        ids = self._tokenizer(lines, truncation=False, verbose=False)["input_ids"]
        long = {i for i, one in enumerate(ids) if len(one) > self.window}
        for i in long:
            ids[i] = self._tokenizer(lines[i], truncation=True, max_length=self.window)["input_ids"]
        return ids, long

    def _run(self, ids: list[list[int]], options: dict[str, Any]) -> list[tuple[str, bool]]:
        """Translations of a batch, and whether each came to an end."""
        import torch

        self.calls += 1
        model = self._opened()
        pad = self._tokenizer.pad_token_id
        width = max(map(len, ids))
        given = torch.full((len(ids), width), pad)  # [b, t]
        mask = torch.zeros((len(ids), width), dtype=torch.long)
        for row, one in enumerate(ids):
            given[row, : len(one)] = torch.tensor(one)
            mask[row, : len(one)] = 1
        config = copy.deepcopy(model.generation_config)
        for name, value in options.items():
            setattr(config, name, value)
        with torch.inference_mode():
            out = model.generate(
                input_ids=given.to(self.device), attention_mask=mask.to(self.device),
                generation_config=config,
            ).cpu()  # fmt: skip
        ends = (
            config.eos_token_id if isinstance(config.eos_token_id, list) else [config.eos_token_id]
        )
        # The first is where decoding starts, which in some models is the end of a text too.
        ended = torch.isin(out[:, 1:], torch.tensor(ends)).any(1).tolist()
        texts = self._tokenizer.batch_decode(self._words(out[:, 1:]), skip_special_tokens=True)
        return [(" ".join(text.split()), end) for text, end in zip(texts, ended, strict=True)]

    def _words(self, out: Any) -> list[list[int]]:
        """Generated ids without tokens of languages, which some tokenizers do not call special."""
        gone = {
            self._tokenizer.convert_tokens_to_ids(token) for token in self.speech.tokens.values()
        }
        return [[one for one in row if one not in gone] for row in out.tolist()]

    def _opened(self) -> Any:
        if self._model is None:
            from transformers import AutoModelForSeq2SeqLM

            model = load_network(AutoModelForSeq2SeqLM, self._folder)
            check_finite_weights(model, self._folder)
            self._settle(model.generation_config)
            self._model = model.eval().to(self.device)
        return self._model

    def _settle(self, config: Any) -> None:
        """Put what is ours to say in the place of the model's own settings.

        In place, since `generate` fills what a configuration leaves open from that of the model.
        """
        ours = {
            "num_beams": self.beams, "do_sample": False, "max_new_tokens": self.longest,
            "max_length": None, "min_length": 0, "temperature": None, "top_k": None, "top_p": None,
            "num_return_sequences": 1, "return_dict_in_generate": False,
            "forced_eos_token_id": None,  # else every translation would seem to have ended
        }  # fmt: skip
        for name, value in ours.items():
            setattr(config, name, value)
        if config.eos_token_id is None:
            config.eos_token_id = self._tokenizer.eos_token_id


def _by_text(parts: Sequence[Sequence[str]], truncated: set[int], cut: set[int]) -> list[Told]:
    """What became of texts, from what became of their lines."""
    told, at = [], 0
    for part in parts:
        count = sum(bool(line.strip()) for line in part[::2])
        lines = set(range(at, at + count))
        found = {TRUNCATED: len(lines & truncated), CUT: len(lines & cut)}
        told.append({why: number for why, number in found.items() if number})
        at += count
    return told


def _speech(tokenizer: Any, folder: ModelFolder, prompt: str | None) -> Speech:
    """How a model is told the languages, by the tokens it has.

    Raises:
        ModelError: it is told by tokens, and none is that of a language we know.
    """
    if prompt is not None:
        return Speech("prompt", {})
    if hasattr(tokenizer, "src_lang"):
        special = [
            *tokenizer.all_special_tokens,
            *getattr(tokenizer, "lang_code_to_token", {}).values(),
            *getattr(tokenizer, "lang_code_to_id", {}),
        ]
        if tokens := _languages(special, _SWITCHED):
            return Speech("switch", tokens)
        raise ModelError("its tokenizer has no tokens of languages", file=folder.path)
    if tokens := _languages(tokenizer.get_vocab(), _TAGGED):
        return Speech("tag", tokens)
    five = folder.config.get("model_type") in ("t5", "mt5", "umt5")
    return Speech("prompt" if five else "pair", {})


def _touch(tokenizer: Any, speech: Speech) -> bool:
    """Whether a text must touch a tag to have the tokens behind it that it has alone.

    It does where a space is part of the word behind it, as in bytes.
    """
    tag = next(iter(speech.tokens.values()), "")
    texts = ("a", f"{tag}a", f"{tag} a")
    alone, near, apart = (tokenizer(t, add_special_tokens=False)["input_ids"] for t in texts)
    return near[1:] == alone != apart[1:]


def _languages(tokens: Any, pattern: re.Pattern[str]) -> dict[Language, str]:
    """Tokens by the language that they mean; of two that mean the same the plainer one."""
    found: dict[Language, str] = {}
    for token in sorted(map(str, tokens), key=lambda one: (len(one), one)):
        match = pattern.fullmatch(token)
        code = next((group for group in match.groups() if group), "") if match else ""
        if not code:
            continue
        if re.fullmatch(r"[a-z]{2,3}_[A-Z]{2}", code):  # mBART: the region is only a habit
            code = code[:-3]
        code = _OWN_CODES.get(code, code)
        try:
            found.setdefault(read_language(code), token)
        except LanguageError:
            continue
    return found


def _spelling(tokenizer: Any, token: str) -> str:
    """A token as `src_lang` wants it: M2M100 has `__de__` and wants `de`."""
    codes = getattr(tokenizer, "lang_code_to_token", {})
    return next((code for code, own in codes.items() if own == token), token)


def _begins_with_language(tokenizer: Any) -> bool:
    return type(tokenizer).__name__ in ("MBartTokenizer", "MBartTokenizerFast")


def _filled(prompt: str, source: str, target: str) -> str:
    names = {"{source}": read_language(source).name, "{target}": read_language(target).name}
    for name, value in names.items():
        prompt = prompt.replace(name, value)
    return prompt


def _own_prompt(folder: ModelFolder, source: str, target: str) -> str:
    """What a T5 was trained to read before a text, by its configuration.

    Raises:
        UsageError: its configuration names pairs, and this is none of them.
    """
    given = folder.config.get("task_specific_params") or {}
    pairs: dict[tuple[str, str], str] = {}
    for name, settings in given.items():
        if match := re.fullmatch(r"translation_([a-z]{2,3})_to_([a-z]{2,3})", name):
            tags = str(read_language(match[1])), str(read_language(match[2]))
            pairs[tags] = str(settings.get("prefix", ""))
    if (source, target) in pairs:
        return pairs[source, target]
    if pairs:
        known = ", ".join(f"{a} to {b}" for a, b in pairs)
        raise UsageError(
            f"the model was not trained from {source} to {target}",
            remedy=f"it has {known}; or say what stands before a text with prompt=",
        )
    return _filled("translate {source} to {target}: ", source, target)


def _check_pair(folder: ModelFolder, tokenizer: Any, source: str, target: str) -> None:
    """Refuse another pair than the one that a tokenizer names; few do.

    Raises:
        UsageError: it names another.
    """
    for asked, key in ((source, "source_lang"), (target, "target_lang")):
        named = getattr(tokenizer, key, None)
        try:
            own = read_language(str(named)) if named else None
        except LanguageError:  # a group, such as ROMANCE
            own = None
        wanted = read_language(asked)
        if own and wanted.iso != own.iso and wanted.macrolanguage != (own.macrolanguage or own.iso):
            raise UsageError(
                f"the model {folder.path.name} is for {key.removesuffix('_lang')} {own}, "
                f"not {asked}",
                remedy="give the model of this pair",
            )


def _positions(folder: ModelFolder) -> int | None:
    """Tokens that a translation may have by the table of positions, less where it starts."""
    found = folder.config.get("max_position_embeddings")
    return found - 2 if isinstance(found, int) and found > 4 else None

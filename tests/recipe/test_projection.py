"""Labels carried to translations as a job and as a command: what is written, what is refused."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from typer.testing import CliRunner

from isogloss.cli.main import app
from isogloss.errors import CorpusError, UsageError
from isogloss.recipe.projection import Means, Proposing, run, write
from isogloss.task.examples import INTENTS, TREES, WORDS, make_examples
from isogloss.task.projection.aligned import Rules
from isogloss.task.solver import Tuning

NAMES = "Ann\tB-PER\nsaw\tO\nKano\tB-LOC\n\nKano\tB-LOC\n\nyes\tO\n\n"
UPOS = "the\tDET\ndog\tNOUN\n\nthe\tDET\ncat\tNOUN\n\n"


def read_conll(path, shape, *, language, split=""):
    """Stands in where the readers of tasks are not there."""
    blocks = Path(path).read_text(encoding="utf-8").strip().split("\n\n")
    cells = [[line.split("\t") for line in block.splitlines()] for block in blocks]
    columns = {"words": [[c[0] for c in one] for one in cells],
               "tags": [[c[1] for c in one] for one in cells]}  # fmt: skip
    return make_examples(Path(path).name, language, shape, columns, source=str(path))


@pytest.fixture(autouse=True)
def readers(monkeypatch):
    try:
        import isogloss.task.readers  # noqa: F401
    except ImportError:
        module = ModuleType("isogloss.task.readers")
        module.read_examples = read_conll
        monkeypatch.setitem(sys.modules, "isogloss.task.readers", module)


@pytest.fixture
def text(tmp_path):
    (tmp_path / "eng.conll").write_text(NAMES, encoding="utf-8")
    (tmp_path / "hau.txt").write_text("Kano Anna ta ga.\nKano\nna'am\n", encoding="utf-8")
    (tmp_path / "links").write_text("0-1 1-3 2-0\n0-0\n\n", encoding="utf-8")
    return tmp_path


def call(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=True)


def command(text, *more):
    return call("project-labels", "--labels", text / "eng.conll", "--source", "eng", "--target",
                "hau", "--out", text / "out", *more)  # fmt: skip


def test_labels_are_projected_and_counted(text):
    made = command(text, "--translations", text / "hau.txt", "--links", text / "links")
    assert made.exit_code == 0, made.output
    assert "3 examples projected" in made.stdout and "3 spans projected" in made.stdout
    rows = [json.loads(line) for line in (text / "out" / "labels.jsonl").read_text().splitlines()]
    assert rows[0]["words"] == ["Kano", "Anna", "ta", "ga", "."]
    assert rows[0]["tags"] == ["B-LOC", "B-PER", "O", "O", "O"]
    lines = (text / "out" / "labels.conll").read_text(encoding="utf-8").split("\n")
    assert lines[:3] == ["# sent_id = 1", "Kano\tB-LOC", "Anna\tB-PER"]
    facts = json.loads((text / "out" / "counts.json").read_text())
    assert facts["from"] == "eng_Latn" and facts["counts"]["spans projected"] == 3
    told = command(text, "--translations", text / "hau.txt", "--links", text / "links", "--json")
    assert json.loads(told.stdout) == facts


def test_sentences_are_written_for_a_translator(text):
    made = call("project-labels", "--labels", text / "eng.conll", "--source", "eng", "--texts",
                text / "eng.txt")  # fmt: skip
    assert made.exit_code == 0 and "3 sentences" in made.stdout
    assert (text / "eng.txt").read_text() == "Ann saw Kano\nKano\nyes\n"


def test_a_statistical_aligner_makes_links(tmp_path):
    pytest.importorskip("thot", reason="needs pip install isogloss[align-stat]")
    words = [["a", "b", "c"], ["b", "c"], ["c", "a"], ["a"], ["b"], ["c"]] * 20
    lines = ["\n".join(f"{w}\tB-{w.upper()}" for w in one) for one in words]
    (tmp_path / "eng.conll").write_text("\n\n".join(lines) + "\n", encoding="utf-8")
    (tmp_path / "hau.txt").write_text(
        "".join(" ".join(f"x{w}" for w in one[::-1]) + "\n" for one in words), encoding="utf-8"
    )
    _, facts = run(
        tmp_path / "eng.conll", tmp_path / "out", ("eng", "hau"),
        Means(translations=tmp_path / "hau.txt", model="ibm1", extraction="intersection"),
    )  # fmt: skip
    rows = (tmp_path / "out" / "labels.jsonl").read_text().splitlines()
    assert json.loads(rows[0])["tags"] == ["B-C", "B-B", "B-A"] and len(rows) == 120
    assert any("few to align" in note for note in facts["notes"])


def test_an_encoder_makes_links_or_judges_candidates(text, minilm):
    for method in ("aligned", "candidates"):
        _, facts = run(
            text / "eng.conll", text / method, ("eng", "hau"), method=method,
            means=Means(translations=text / "hau.txt", model=str(minilm)),
            rules=Rules(lost="span"),
        )  # fmt: skip
        assert facts["counts"]["examples projected"] == 3


class Upper:
    """A translator that keeps marks, but for sentences of one word."""

    name, fingerprint, sent = "upper", "5" * 16, 0

    def translate(self, texts, source, target):
        self.sent += len(texts)
        self.told = [{"odd": int(at == 0)} for at in range(len(texts))]
        assert (source, target) == ("eng_Latn", "hau_Latn")
        return [t.upper() if len(t.split()) > 3 else t.replace("<a>", "") for t in texts]


def test_marks_are_carried_by_a_translator_and_links_by_what_it_loses(text, monkeypatch):
    from isogloss.task.translate import read

    upper = Upper()
    monkeypatch.setenv("ISOGLOSS_CACHE", str(text / "cache"))
    monkeypatch.setattr(read, "read_translator", lambda name, *, network: upper)
    means = Means(translator="local:x")
    for _ in range(2):
        _, facts = run(
            text / "eng.conll", text / "out", ("eng", "hau"), means, method="markers"
        )  # fmt: skip
    assert upper.sent == 3  # the second time none is translated again
    assert any(
        "texts translated from eng_Latn into hau_Latn: 1 odd" in one for one in facts["notes"]
    )
    assert facts["counts"]["spans projected"] == 2
    assert facts["counts"]["translations not used: a mark was lost"] == 1


def test_a_translator_of_a_folder_places_spans_in_a_finished_translation(text, model_folder):
    """As its own model says: the projections, asked directly, give the same."""
    from isogloss.task.projection.candidates import by_translation
    from isogloss.task.projection.project import project
    from isogloss.task.projection.seq2seq import decoder_of, probability_of
    from isogloss.task.readers import read_examples
    from isogloss.task.translate.local import LocalTranslator

    local, languages = str(model_folder("t5")), ("eng_Latn", "hau_Latn")
    means = Means(translations=text / "hau.txt", translator=f"local:{local}")
    translator = LocalTranslator(local)
    asked = {
        "codec": {"decoder": decoder_of(translator, languages)},
        "candidates": {"score": by_translation(probability_of(translator), languages)},
    }
    examples = read_examples(text / "eng.conll", WORDS, language="eng")
    lines = (text / "hau.txt").read_text(encoding="utf-8").splitlines()
    for method, how in asked.items():
        files, facts = run(text / "eng.conll", text / method, ("eng", "hau"), means, method=method,
                           rules=Rules(lost="span"))  # fmt: skip
        made, counts = project(
            examples, lines, method, language="hau", unit="spans", lost="span", **how
        )
        rows = [json.loads(line) for line in files[0].read_text(encoding="utf-8").splitlines()]
        assert [row["tags"] for row in rows] == made.column("tags")
        assert facts["counts"] == counts and counts["spans projected"] == 3


def test_a_proposer_is_taught_by_the_labels_kept_and_used_again(text, model_folder):
    """What it proposes, asked directly, is what was judged."""
    from isogloss.encode.folder import open_folder
    from isogloss.task.projection.candidates import by_translation
    from isogloss.task.projection.project import project
    from isogloss.task.projection.proposing import open_proposer
    from isogloss.task.projection.seq2seq import probability_of
    from isogloss.task.readers import read_examples
    from isogloss.task.translate.local import LocalTranslator

    local = str(model_folder("t5"))
    means = Means(translations=text / "hau.txt", translator=f"local:{local}")
    asked = {"method": "candidates", "rules": Rules(lost="span")}
    told = []
    for folder in (local, text / "first" / "proposer"):
        tuning = Tuning(epochs=40, learning_rate=1e-2, threads=1)
        own = Proposing(folder, 4, unproposed="all", tuning=tuning)
        out = text / ("second" if told else "first")
        files, facts = run(
            text / "eng.conll", out, ("eng", "hau"), means._replace(proposing=own), **asked
        )  # fmt: skip
        told.append((files[0].read_text(encoding="utf-8"), facts["counts"]))
    assert told[0] == told[1] and not (text / "second" / "proposer").exists()
    assert any("did not learn from: 1 with no span" in note for note in
               json.loads((text / "first" / "counts.json").read_text())["notes"])  # fmt: skip
    proposer = open_proposer(open_folder(text / "first" / "proposer", "x"))
    proposer.beams = 4
    seen = []

    def propose(source, target):
        seen.extend(proposer.propose(source, target, language="hau"))
        return seen

    examples = read_examples(text / "eng.conll", WORDS, language="eng")
    score = by_translation(probability_of(LocalTranslator(local)), ("eng_Latn", "hau_Latn"))
    made, counts = project(
        examples, (text / "hau.txt").read_text(encoding="utf-8").splitlines(), "candidates",
        language="hau", unit="spans", lost="span", score=score, propose=propose, unproposed="all",
    )  # fmt: skip
    rows = [json.loads(line) for line in told[0][0].splitlines()]
    assert [row["tags"] for row in rows] == made.column("tags") and counts == told[0][1]
    named = {(n, text) for n, row in enumerate(seen) for texts in row for text in texts}
    assert counts["proposals"] == len(named) > 0  # no sentence has two spans of a kind
    shown = command(
        text, "--translations", text / "hau.txt", "--translator", f"local:{local}", "--method",
        "candidates", "--lost", "span", "--proposer", text / "first" / "proposer", "--beams", 4,
        "--unproposed", "all",
    )  # fmt: skip
    assert f"{counts['proposals']:>9,} proposals\n" in shown.stdout


def test_a_proposer_is_of_candidates(text):
    means = {"translations": text / "hau.txt", "model": "x"}
    with pytest.raises(UsageError, match="only candidates are proposed"):
        run(
            text / "eng.conll",
            text / "out",
            ("eng", "hau"),
            Means(**means, proposing=Proposing("y")),
        )
    made = command(text, "--translations", text / "hau.txt", "--model", "x", "--beams", 3)
    assert "there is no proposer to set up" in str(made.exception)


def test_tags_and_a_hidden_markov_model(tmp_path):
    (tmp_path / "eng.conll").write_text(UPOS, encoding="utf-8")
    (tmp_path / "fra.txt").write_text("le chien\nle chat\n", encoding="utf-8")
    (tmp_path / "links").write_text("0-0 1-1\n1-1\n", encoding="utf-8")
    means = Means(translations=tmp_path / "fra.txt", links=tmp_path / "links")
    for hmm, wanted in ((False, "_"), (True, "DET")):
        run(tmp_path / "eng.conll", tmp_path / "out", ("eng", "fra"), means, hmm=hmm)
        rows = [json.loads(x) for x in (tmp_path / "out" / "labels.jsonl").read_text().splitlines()]
        assert rows[1]["tags"] == [wanted, "NOUN"]


def test_trees_and_intents_are_written(tmp_path):
    tree = make_examples("t", "fra", TREES, {
        "words": [["chiens", "courent"]], "tags": [["NOUN", "VERB"]], "features": [["_", "_"]],
        "heads": [[2, 0]], "relations": [["nsubj", "root"]],
    })  # fmt: skip
    lines = write(tmp_path, tree)[1].read_text(encoding="utf-8").split("\n")
    assert lines[2] == "1\tchiens\t_\tNOUN\t_\t_\t2\tnsubj\t_\t_" and lines[-2:] == ["", ""]
    slots = {"words": [["a"]], "tags": [["O"]], "label": ["go"]}
    intent = make_examples("t", "fra", INTENTS, slots)
    assert "# intent = go\na\tO" in write(tmp_path, intent)[1].read_text(encoding="utf-8")


@pytest.mark.parametrize("means, how, said", [
    ({}, {}, "no translations"),
    ({"translations": "hau.txt"}, {}, "no links"),
    ({"translations": "hau.txt"}, {"method": "candidates"}, "vectors of an encoder"),
    ({"translations": "hau.txt", "translator": "openai:x#y"}, {"method": "candidates"}, "local"),
    ({"translations": "hau.txt"}, {"method": "codec"}, "token by token"),
    ({"translator": "openai:x#y"}, {"method": "codec"}, "token by token"),
    ({"translator": "local:x", "model": "y"}, {"method": "codec"}, "leave out --model"),
    ({"translator": "local:x"}, {"method": "codec", "rules": Rules(1)}, "no gap"),
    ({"translations": "hau.txt"}, {"method": "markers"}, "there is none"),
    ({"translations": "hau.txt", "translator": "x"}, {}, "one of the two"),
    ({"links": "links", "model": "x"}, {}, "one of the two"),
    ({"translator": "x", "links": "links"}, {}, "belong to translations of a file"),
    ({}, {"method": "guess"}, "no method 'guess'"),
    ({}, {"shape": "bush"}, "no shape 'bush'"),
    ({}, {"segment": "bytes"}, "no segment 'bytes'"),
    ({"translations": "x", "model": "y"}, {"method": "candidates", "shape": "trees"}, "by links"),
    ({"translations": "x", "model": "y"}, {"hmm": True}, "leave out --hmm"),
    ({"translations": "x", "links": "y"}, {"style": "brackets"}, "a style is of marks"),
    ({"translations": "x", "links": "y", "layer": 3}, {}, "of a model that makes links"),
    ({"translations": "x", "links": "y", "extraction": "itermax"}, {}, "of a model that makes"),
    ({"translations": "x", "model": "y"}, {"method": "candidates", "rules": Rules(1)}, "no gap"),
])  # fmt: skip
def test_what_is_missing_is_told(text, means, how, said):
    with pytest.raises(UsageError, match=said):
        run(text / "eng.conll", text / "out", ("eng", "hau"), Means(**means), **how)


def test_files_that_do_not_fit(text):
    means = Means(translations=text / "hau.txt", links=text / "links")
    (text / "hau.txt").write_text("Kano\nKano\n", encoding="utf-8")
    with pytest.raises(CorpusError, match=r"hau.txt:3: has 2 lines for 3 examples"):
        run(text / "eng.conll", text / "out", ("eng", "hau"), means)
    (text / "hau.txt").write_text("Kano\nKano\nx\n", encoding="utf-8")
    with pytest.raises(CorpusError, match="the link 0-1 lies outside"):
        run(text / "eng.conll", text / "out", ("eng", "hau"), means)
    (text / "hau.txt").write_text("\nKano\nx\n", encoding="utf-8")
    (text / "links").write_text("\n0-0 0-7\n\n", encoding="utf-8")
    with pytest.raises(CorpusError, match=r"sentence 2 \('.*'\): the link 0-7 lies outside"):
        run(text / "eng.conll", text / "out", ("eng", "hau"), means)
    made = call("project-labels", "--labels", "x", "--source", "eng")
    assert "no --target" in str(made.exception)


def test_help_teaches():
    made = subprocess.run(
        [sys.executable, "-m", "isogloss", "project-labels", "--help"], capture_output=True,
        text=True, env={**os.environ, "COLUMNS": "100"}, check=True,
    )  # fmt: skip
    assert "Example: isogloss project-labels --labels train.tsv" in made.stdout
    assert "markers" in made.stdout and "Pharaoh" in made.stdout

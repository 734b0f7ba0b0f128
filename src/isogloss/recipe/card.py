"""The model card: what a saved model is, from what it came, and how it scored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from isogloss.language import read_language
from isogloss.report.rows import compared
from isogloss.score import Score, Scores


def write_card(folder: Path, scores: Scores, provenance: dict[str, Any]) -> None:
    """Write `README.md` with the hub's front matter, scores, teacher and the data's licences."""
    inputs, training = provenance["inputs"], provenance["training"]
    teacher = inputs.get("teacher")  # none where the run made its own model
    texts = {name: facts for name, facts in inputs.items() if facts["kind"] == "text"}
    codes = sorted(
        {read_language(tag).bcp47 for facts in texts.values() for tag in facts["languages"]}
    )
    lines = [
        "---",
        "library_name: sentence-transformers",
        "pipeline_tag: sentence-similarity",
        "tags: [sentence-transformers, feature-extraction, isogloss]",
        "language:",
        *(f"- {_quoted(code)}" for code in codes),
        "---",
        f"# {provenance['title']}",
        "",
        f"A `{training['parameters']}` student of {_name(teacher)}, trained by "
        f"{' and '.join(training['objectives'])} on "
        f"{training.get('on', 'parallel text')} with Isogloss {provenance['code_version']}.",
        "",
        "```python",
        "from sentence_transformers import SentenceTransformer",
        'vectors = SentenceTransformer("path/to/this/folder").encode(["Kia ora"])',
        "```",
        "",
        "## Scores on held-out text",
        "",
        provenance["protocol"] + " Intervals are 95% bootstrap intervals over sentences.",
        "",
        "| language | measure | direction | before | after | change | p (Holm) | n |",
        "|---|---|---|---|---|---|---|---|",
        *_score_lines(scores),
        "",
        "## From what",
        "",
        _from(teacher),
        *(
            f"- {name}: `{Path(facts['name']).name or facts['name']}`, {facts['rows']:,} rows, "
            f"fingerprint `{facts['fingerprint']}`, licence: {facts['licence'] or 'not stated'}"
            for name, facts in texts.items()
        ),
        f"- {training['steps']} steps over {training['sentences']:,} rows, "
        f"seed {provenance['seed']}",
        "",
    ]
    (folder / "README.md").write_text("\n".join(lines), encoding="utf-8")


def _name(teacher: dict[str, Any] | None) -> str:
    return "random weights" if teacher is None else f"`{teacher['name']}`"


def _from(teacher: dict[str, Any] | None) -> str:
    if teacher is None:
        return "- random weights"
    return (
        f"- teacher `{teacher['name']}`, fingerprint `{teacher['fingerprint']}`, "
        f"licence: {teacher['licence'] or 'not stated'}"
    )


def _score_lines(scores: Scores) -> list[str]:
    lines = []
    for change in scores.where(stage="change", measure="retrieval_p1"):
        before, after = compared(scores, change)
        cells = (
            change.language, change.measure, change.direction, _cell(before), _cell(after),
            _cell(change), f"{change.settings['p_holm']:.4f}", change.n,
        )  # fmt: skip
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    for kept in scores:
        if kept.measure.startswith("pivot_"):
            lines.append(
                f"| {kept.language} | {kept.measure} | {kept.direction or ''} | | {_cell(kept)} "
                f"| | | {kept.n} |"
            )
    return lines


def _cell(row: Score) -> str:
    return f"{row.value:.3f} [{row.low:.3f}, {row.high:.3f}]"


def _quoted(code: str) -> str:
    return f'"{code}"' if code in ("no", "yes", "on", "off") else code

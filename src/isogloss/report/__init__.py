"""Pages people look at."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from isogloss.score import Scores

__all__ = ["write_report"]


def write_report(
    folder: Path, scores: Scores, provenance: dict[str, Any], *, figures: bool = True
) -> Path:
    """Write `report.html` and, unless told not to, its figures as SVG and PNG.

    Returns:
        The page's path.
    """
    from isogloss.report.page import write

    return write(Path(folder), scores, provenance, figures=figures)

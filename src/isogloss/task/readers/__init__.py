"""Reading labelled examples, one file per format."""

from __future__ import annotations

from isogloss.task.readers.door import read_examples, read_from

__all__ = ["read_examples", "read_from"]

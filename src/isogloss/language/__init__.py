"""Languages: tags, names, scripts, speakers, macrolanguages."""

from isogloss.language.describe import describe
from isogloss.language.macrolanguages import DEFAULT_MEMBER
from isogloss.language.resolve import resolve
from isogloss.language.tags import Language, read_language

__all__ = ["DEFAULT_MEMBER", "Language", "describe", "read_language", "resolve"]

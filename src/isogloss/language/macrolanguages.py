"""Macrolanguages, the member each one means unless told otherwise, and codes that moved.

ISO 639-3 calls some codes macrolanguages: `swa` covers Congo Swahili and Swahili proper. Corpora
mix both levels (NTREX says `swa`, FLORES says `swh`), so a macrolanguage is read as its default
member, and whoever reads it is told. The members chosen are those of FLORES-200, and Mandarin and
standard Estonian where FLORES writes the macrolanguage too (`zho`, `est`). Macrolanguages
without one obvious member, or that corpora write one way only (`grn`, `kon`, `aka`, `bik`), and
whole groups (`hmn`, `ber`) are left as they are. `fil` and `tgl` are two codes of one standard,
Dari `prs` is a language of its own beside `pes`: neither is merged away.
"""

DEFAULT_MEMBER = {
    "ara": "arb", "aym": "ayr", "aze": "azj", "din": "dik", "est": "ekk", "fas": "pes",
    "ful": "fuv", "kau": "knc", "kur": "kmr", "lav": "lvs", "mlg": "plt", "mon": "khk",
    "msa": "zsm", "nep": "npi", "nor": "nob", "ori": "ory", "orm": "gaz", "pus": "pbt",
    "que": "quy", "sqi": "als", "swa": "swh", "uzb": "uzn", "yid": "ydd", "zho": "cmn",
}  # fmt: skip

MACROLANGUAGE = {member: macro for macro, member in DEFAULT_MEMBER.items()}

# BCP-47 writes these languages as a macrolanguage in a country; the country is part of the name.
REGIONAL_MEMBER = {("fas", "AF"): "prs", ("swa", "CD"): "swc"}

# Never given in place of another member of the same macrolanguage.
KEPT_APART = frozenset({"prs"})

# One code for languages that every corpus keeps apart.
SEVERAL = {"hbs": ("bos_Latn", "cnr_Latn", "hrv_Latn", "srp_Cyrl")}

# Retired codes and the codes that took their place: the same language, respelled.
RESPELLED = {
    "in": "id", "iw": "he", "ji": "yi", "jw": "jv", "mo": "ro", "mol": "ro", "scc": "sr",
    "scr": "hr", "sh": "hbs",
}  # fmt: skip

# Retired codes of languages that ISO 639-3 merged into another. Corpora have files of both, so
# these stay apart; `resolve` gives one for the other when only that one is there.
MERGED = {"ajp": "apc", "kzj": "dtp"}

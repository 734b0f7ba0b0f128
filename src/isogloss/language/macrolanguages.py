"""Macrolanguages and the member each one means unless told otherwise.

ISO 639-3 calls some codes macrolanguages: `swa` covers Congo Swahili and Swahili proper. Corpora
mix both levels (NTREX says `swa`, FLORES says `swh`), so a macrolanguage is read as its default
member, and whoever reads it is told. The members chosen are those of FLORES-200. Macrolanguages
without one obvious member (`fil` and `tgl` are two codes of one standard, Dari `prs` is a language
of its own beside `pes`, `hmn` and `ber` are whole groups) are left as they are.
"""

DEFAULT_MEMBER = {
    "ara": "arb", "aym": "ayr", "aze": "azj", "din": "dik", "est": "ekk", "fas": "pes",
    "ful": "fuv", "kau": "knc", "kur": "kmr", "lav": "lvs", "mlg": "plt", "mon": "khk",
    "msa": "zsm", "nep": "npi", "nor": "nob", "ori": "ory", "orm": "gaz", "pus": "pbt",
    "que": "quy", "sqi": "als", "swa": "swh", "uzb": "uzn", "yid": "ydd", "zho": "cmn",
}  # fmt: skip

MACROLANGUAGE = {member: macro for macro, member in DEFAULT_MEMBER.items()}

"""What can begin a statement, by the block it stands in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from invarlock.authoring.server.analysis import Analysis
from invarlock.authoring.server.answers import Choice
from invarlock.authoring.server.cursor import Cursor
from invarlock.authoring.server.words import KEYWORDS, setting_page
from invarlock.policy.catalogue import SETTINGS
from invarlock.policy.names import PREFIXES

SIGNER_PARTS: Final = {
    "key": "sha256 digest of a public key",
    "repository": "glob of the source repository's address",
    "workflow": "glob of the workflow that signed",
    "ref": "glob of the git ref, such as `refs/tags/*`",
    "issuer": "the identity provider's address",
}
_TOP: Final = ("require", "warn", "tier", "profile", "test", "include", "signer", *PREFIXES)


def keyword(word: str) -> Choice:
    """A word of the language."""
    return Choice(word, "keyword", page=KEYWORDS[word])


def starters(analysis: Analysis, cursor: Cursor) -> Iterable[Choice]:
    """What can begin a statement at the cursor."""
    match cursor.block:
        case "":
            return _top(analysis, cursor)
        case "tier" | "profile":
            return [*map(keyword, ("require", "warn", *PREFIXES)), *_settings("")]
        case "test":
            names = [Choice(f"{name} =", "keyword", f"the {name}") for name in ("tier", "profile")]
            return [*names, keyword("given"), keyword("expect")]
        case "signer":
            return [Choice(f"{part} =", "setting", text) for part, text in SIGNER_PARTS.items()]
        case block if block in PREFIXES:
            return _settings(f"{block}.")
        case _:
            return ()


def _top(analysis: Analysis, cursor: Cursor) -> Iterator[Choice]:
    kinds = [s.kind for s in analysis.statements if s.tokens and s.start < cursor.start]
    if "invar" not in kinds:
        yield Choice("invar 1", "keyword", page=KEYWORDS["invar"])
        return
    if "policy" not in kinds:
        yield keyword("policy")
        return
    yield from map(keyword, _TOP)
    for name in ("task", "about"):
        if name not in kinds:
            yield Choice(f"{name} =", "keyword", page=KEYWORDS[name])
    yield from _settings("")


def _settings(prefix: str) -> Iterator[Choice]:
    for name, setting in SETTINGS.items():
        if name.startswith(prefix):
            label = f"{name.removeprefix(prefix)} ="
            yield Choice(label, "setting", setting.summary, setting_page(setting))

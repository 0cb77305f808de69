"""Checks ``signer`` blocks: who may sign, by key or by workflow identity (DESIGN section 3)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from invarlock.policy.checked import PlacedSigner
from invarlock.policy.diagnostics import shown
from invarlock.policy.intervals import without_covered
from invarlock.policy.ir import Signers
from invarlock.policy.names import did_you_mean, one_of
from invarlock.policy.problems import Problem, Problems
from invarlock.policy.signers import KeySigner, SignerRule, WorkflowSigner, covers
from invarlock.policy.syntax import Block, DigestText, Scalar, Setting, Statement, Text, Word

MAX_SIGNERS: Final = 64

_PARTS: Final = ("repository", "workflow", "ref", "issuer")
_KNOWN: Final = ("key", *_PARTS)
_MAX_GLOB: Final = 256
_HINT: Final = "give `key`, or all of `repository`, `workflow`, `ref` and `issuer`"
# Stands for a signer whose error is reported, so that its uses are not reported too.
_BROKEN: Final = KeySigner(key="sha256:" + "0" * 64)


class SignerTable:
    """The signers of one file by name, and which of them are used."""

    def __init__(self, statements: Iterable[Statement], problems: Problems) -> None:
        self.placed: dict[str, PlacedSigner] = {}
        self.used: set[str] = set()
        self.problems = problems
        for statement in statements:
            if isinstance(statement, Block) and statement.kind.text == "signer":
                with problems.collecting():
                    self._add(statement, problems)

    def _add(self, block: Block, problems: Problems) -> None:
        label = block.label
        if not isinstance(label, Word) or "." in label.text or block.refines is not None:
            place = (block.refines or label or block.kind).span
            message = "a `signer` has a plain name and refines nothing"
            raise Problem("E101", message, "write `signer NAME { … }`", place)
        earlier = self.placed.get(label.text)
        if earlier is not None:
            message = f"the signer `{shown(label.text)}` stands twice"
            hint = "rename or merge one of the two"
            raise Problem("E105", message, hint, label.span, earlier.span)
        if len(self.placed) >= MAX_SIGNERS:
            message = f"more than {MAX_SIGNERS} of `signer`"
            raise Problem("E115", message, "split the policy", label.span)
        self.placed[label.text] = PlacedSigner(_BROKEN, label.span)
        before = len(problems.found)
        parts = _parts(block, problems)
        if len(problems.found) == before and block.whole:
            self.placed[label.text] = PlacedSigner(_rule(label, parts), label.span)

    def use(self, value: Scalar) -> SignerRule:
        """The rule of the signer that ``value`` names. Raises :class:`Problem` E103 or E126."""
        if not isinstance(value, Word):
            message = f"a signer is named, and `{shown(value.text)}` is no name"
            raise Problem("E103", message, "declare `signer NAME { … }` and write NAME", value.span)
        placed = self.placed.get(value.text)
        if placed is None:
            hint = did_you_mean(value.text, self.placed, "declare it: `signer NAME { … }`")
            raise Problem("E126", f"unknown signer `{shown(value.text)}`", hint, value.span)
        self.used.add(value.text)
        return placed.rule

    def warn_covered(
        self, items: Sequence[Scalar], rules: Sequence[SignerRule], together: Signers
    ) -> None:
        """Warn (E119) of each of the ``items`` of a set, who stand for ``rules``, that another one
        covers, so that the canonical form of the set leaves it out."""
        kept = without_covered(together).rules
        first: dict[SignerRule, Scalar] = {}
        for item, rule in zip(items, rules, strict=True):
            if rule in kept:
                first.setdefault(rule, item)
        for item, rule in zip(items, rules, strict=True):
            wide = next(by for other, by in first.items() if covers(other, rule))
            if wide is not item and rule != _BROKEN:
                name = shown(item.text)
                message = f"`{wide.text}` in the same set allows everyone whom `{name}` allows"
                self.problems.warn("E119", message, "remove it", item.span, wide.span)

    def warn_unused(self, problems: Problems) -> None:
        """Warn (E122) of every signer that no gate and no test names."""
        for name, placed in self.placed.items():
            if name not in self.used:
                message = f"no gate names the signer `{shown(name)}`"
                hint = f"write `require signature.by in {{{shown(name)}}}`, or remove it"
                problems.warn("E122", message, hint, placed.span)


def _parts(block: Block, problems: Problems) -> dict[str, tuple[Setting, str]]:
    """The parts of one signer, each checked by itself; errors go to ``problems``."""
    found: dict[str, tuple[Setting, str]] = {}
    for statement in block.body:
        with problems.collecting():
            if not isinstance(statement, Setting):
                message = "a `signer` block holds settings only"
                raise Problem("E101", message, "move the statement out", statement.span)
            name = statement.name.text
            if name not in _KNOWN:
                hint = did_you_mean(name, _KNOWN, f"write {one_of(_KNOWN)}")
                message = f"a signer has no `{shown(name)}`"
                raise Problem("E102", message, hint, statement.name.span)
            if name in found:
                message = f"`{name}` stands twice in one signer"
                earlier = found[name][0].span
                raise Problem("E105", message, "keep one of the two", statement.span, earlier)
            found[name] = statement, _value(name, statement)
    return found


def _value(name: str, statement: Setting) -> str:
    value = statement.value
    if name == "key":
        if not isinstance(value, DigestText):
            hint = "write `sha256:` and 64 hex digits, as `invarlock key new` prints them"
            raise Problem("E103", "the `key` of a signer is a digest", hint, value.span)
        return value.text
    if not isinstance(value, Text):
        message = f"the `{name}` of a signer is a text"
        raise Problem("E103", message, "write it in quotes", value.span)
    fault = glob_fault(value.text)
    if fault is not None:
        raise Problem("E127", f"the `{name}` of the signer {fault[0]}", fault[1], value.span)
    return value.text


def glob_fault(glob: str) -> tuple[str, str] | None:
    """What is wrong with a glob and what mends it; ``None`` if nothing is."""
    if not glob:
        return "is empty", "write what it must be"
    if len(glob) > _MAX_GLOB:
        return f"has more than {_MAX_GLOB} characters", "write a shorter one"
    if "**" in glob:
        return "holds `**`", "`*` stands for any characters but `/`; write `*/*` for two steps"
    odd = next((c for c in glob if not "!" <= c <= "~"), None)
    if odd is not None:
        # A look-alike letter would name another repository than the one a reader sees.
        return f"holds the character U+{ord(odd):04X}", "write visible ASCII, without spaces"
    return None


def _rule(label: Word, parts: dict[str, tuple[Setting, str]]) -> SignerRule:
    name = shown(label.text)
    if not parts:
        raise Problem("E127", f"the signer `{name}` is empty", _HINT, label.span)
    if "key" in parts:
        others = [part for part in parts if part != "key"]
        if others:
            message = f"the signer `{name}` has a `key` and a `{others[0]}`"
            places = parts[others[0]][0].span, parts["key"][0].span
            raise Problem("E127", message, "declare one signer for each", *places)
        return KeySigner(key=parts["key"][1])
    missing = [part for part in _PARTS if part not in parts]
    if missing:
        listed = " and ".join(f"`{part}`" for part in missing)
        raise Problem("E127", f"the signer `{name}` has no {listed}", _HINT, label.span)
    texts = {part: parts[part][1] for part in _PARTS}
    return WorkflowSigner(
        repository=texts["repository"],
        workflow=texts["workflow"],
        ref=texts["ref"],
        issuer=texts["issuer"],
    )

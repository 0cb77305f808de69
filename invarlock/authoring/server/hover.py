"""What the word or gate under the cursor means."""

from __future__ import annotations

from invarlock.authoring.server.analysis import Analysis, outcome
from invarlock.authoring.server.answers import Hover
from invarlock.authoring.server.inherited import bound_text, gate_page
from invarlock.authoring.server.names import Occurrence
from invarlock.authoring.server.placed import gate_at, key_at, place_of_gate
from invarlock.authoring.server.statements import Statement
from invarlock.authoring.server.words import (
    KEYWORDS,
    POINT,
    measure_named,
    measure_page,
    setting_named,
    setting_page,
)
from invarlock.policy.compile import Compiled
from invarlock.policy.lex import Token
from invarlock.present.markdown_text import code


def hover(analysis: Analysis, offset: int) -> Hover | None:
    """What stands at ``offset``: a name, a gate, a measure or setting, a digest, a keyword."""
    statement = analysis.statement(offset)
    token = next((t for t in statement.tokens if t.start <= offset <= t.end), None)
    if token is None:
        return None
    name = analysis.name(offset)
    if name is not None:
        return Hover(_name_page(analysis, name), name.start, name.end)
    text = _page(analysis, statement, token, offset)
    return Hover(text, token.start, token.end) if text else None


def _page(analysis: Analysis, statement: Statement, token: Token, offset: int) -> str:
    pages = []
    gate = gate_at(analysis, offset)
    if gate is not None:
        pages.append(gate_page(analysis, gate))
    elif (key := key_at(analysis, offset)) is not None:
        pages.append(_bound_in_bar(analysis, statement, key))
    measure = measure_named(token.text) if token.type == "NAME" else None
    if measure is not None:
        pages.append(measure_page(measure, point=token.text.endswith(POINT)))
    elif token.type == "DIGEST":
        pages.append(_digest_page(analysis, statement, token))
    elif not pages:
        pages.append(_word_page(statement, token))
    return "\n\n".join(page for page in pages if page)


def _word_page(statement: Statement, token: Token) -> str:
    block = "" if statement.block is None else statement.block.kind
    setting = setting_named(statement.kind, block) if statement.word(1) == "=" else None
    if setting is not None:
        return setting_page(setting)
    return KEYWORDS.get(token.text, "") if token.type == "NAME" else ""


def _bound_in_bar(analysis: Analysis, statement: Statement, key: str) -> str:
    found = place_of_gate(analysis, statement, key)
    if found is None:
        return ""
    bar, _, placed = found
    return f"in the bar {code(bar)}: **{placed.gate.level}** {bound_text(placed.gate)}"


# --- names ----------------------------------------------------------------------------------


def _name_page(analysis: Analysis, name: Occurrence) -> str:
    match name.kind:
        case "tier":
            return _tier_page(analysis, name.name)
        case "profile":
            return f"profile {code(name.name)}: tightens any tier\n\n" + _bars(analysis, name.name)
        case "signer":
            return _signer_page(analysis, name.name)
        case "include":
            read = analysis.included(name.name)
            return f"tiers of {code(read[0])}" if read else "an included file that cannot be read"
        case "foreign":
            read = analysis.included(name.alias)
            return f"tier {code(name.name)}" + (f" of {code(read[0])}" if read else "")


def _tier_page(analysis: Analysis, tier: str) -> str:
    checked = analysis.read.checked
    scope = None if checked is None else checked.tiers.get(tier)
    if scope is None:
        return f"tier `{tier}`, which this file does not declare"
    refines = f", refines `{scope.refines.text}`" if scope.refines is not None else ""
    lines = [f"tier `{tier}`{refines}: {len(scope.gates)} gates of its own"]
    if isinstance(analysis.outcome, Compiled) and tier in analysis.outcome.ir.bars:
        bar = analysis.outcome.ir.bars[tier]
        lines += ["", f"bar `{tier}`: {len(bar.gates)} gates in all, digest `{bar.digest}`"]
    return "\n".join(lines)


def _bars(analysis: Analysis, profile: str) -> str:
    if not isinstance(analysis.outcome, Compiled):
        return ""
    bars = analysis.outcome.ir.bars
    rows = [f"- `{bar}`: `{ir.digest}`" for bar, ir in bars.items() if bar.endswith(f"+{profile}")]
    return "\n".join(rows)


def _signer_page(analysis: Analysis, signer: str) -> str:
    lines = [f"signer `{signer}`", ""]
    for statement in analysis.statements:
        head = statement.block
        if head is None or head.kind != "signer" or head.word(1) != signer:
            continue
        if statement.word(1) == "=":
            value = statement.word(2).strip('"')
            lines.append(f"- {statement.kind}: {code(value)}")
    return "\n".join(lines)


# --- digests --------------------------------------------------------------------------------


def _digest_page(analysis: Analysis, statement: Statement, token: Token) -> str:
    if statement.kind == "include":
        return _pin_page(analysis, statement, token.text)
    if statement.kind == "key":
        return "sha256 of a public key (DER SubjectPublicKeyInfo)"
    return ""


def _pin_page(analysis: Analysis, statement: Statement, pin: str) -> str:
    read = analysis.include_at(statement)
    if read is None:
        return "policy digest of a file that cannot be read"
    found = outcome(read[1], filename=read[0], reader=analysis.reader_from(read[0]))
    if not isinstance(found, Compiled):
        return f"policy digest of {code(read[0])}, which has errors"
    if found.ir.digest == pin:
        return f"policy digest of {code(read[0])}: it is that file's"
    return f"policy digest of {code(read[0])}: that file's is now `{found.ir.digest}`"

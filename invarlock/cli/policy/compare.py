"""``invarlock policy compare``: is the new bar stricter or weaker than the old one?"""

from __future__ import annotations

from typing import Final

import click

from invarlock.cli.policy.forms import format_choice, print_json
from invarlock.cli.policy.sources import Side, open_side
from invarlock.errors import EXIT_FAIL, EXIT_INCONCLUSIVE, EXIT_PASS, UsageFault
from invarlock.policy.compare import (
    PolicyComparison,
    Strictness,
    compare_bars,
    compare_policies,
)
from invarlock.present.policy_compare import (
    Compared,
    Origin,
    compare_document,
    compare_sarif,
    text_lines,
)

EXITS: Final = {
    Strictness.EQUAL: EXIT_PASS,
    Strictness.STRICTER: EXIT_PASS,
    Strictness.WEAKER: EXIT_FAIL,
    Strictness.MIXED: EXIT_FAIL,
    Strictness.INCOMPARABLE: EXIT_INCONCLUSIVE,
}


@click.command()
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="NEW")
@format_choice("text", "json", "sarif", "markdown")
@click.pass_context
def compare(ctx: click.Context, old: str, new: str, form: str) -> None:
    """Say what NEW is, held against OLD, with a witness for every difference.

    Each is a policy F, a bar F#TIER[+PROFILE], either of them in a git revision as REV:F, an IR
    file, a run's folder, or its attestation. Exit 0: equal or stricter; 1: weaker or mixed;
    3: incomparable.
    """
    compared = compare_sides(open_side(old), open_side(new))
    match form:
        case "json":
            print_json(compare_document(compared))
        case "sarif":
            print_json(compare_sarif(compared))
        case "markdown":
            from invarlock.present.markdown import compare_markdown

            click.echo(compare_markdown(compared), nl=False)
        case _:
            for line in text_lines(compared):
                click.echo(line)
    ctx.exit(EXITS[compared.found.relation])


def compare_sides(old: Side, new: Side) -> Compared:
    """Compare two policies by their bars' names, or one bar of each.

    Where only one side names a bar, the other's of that name is meant, or its only one. Raises
    :class:`UsageFault` E701 where there is neither.
    """
    if old.bar is None and new.bar is None and old.policy and new.policy:
        found = compare_policies(old.policy, new.policy)
        return Compared(
            Origin(old.name, old.kind, old.policy.digest),
            Origin(new.name, new.kind, new.policy.digest),
            found,
            old.places,
            new.places,
        )
    before, after = _meant(old, new), _meant(new, old)
    one = compare_bars(old.bars[before], new.bars[after])
    label = after or before or "the bar"
    return Compared(
        Origin(old.name, old.kind, old.bars[before].digest, before or None),
        Origin(new.name, new.kind, new.bars[after].digest, after or None),
        PolicyComparison(one.relation, ((label, one),)),
        {label: old.places.get(before, {})},
        {label: new.places.get(after, {})},
    )


def _meant(side: Side, other: Side) -> str:
    if side.bar is not None:
        return side.bar
    if other.bar is not None and other.bar in side.bars:
        return other.bar
    if len(side.bars) == 1:
        return next(iter(side.bars))
    message = f"`{side.name}` is a policy, and `{other.name}` one bar"
    raise UsageFault("E701", message, f"name a bar: `{side.name}#TIER[+PROFILE]`")

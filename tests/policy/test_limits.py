"""Policies as large as they may be: every command takes them, quickly and in little memory."""

from __future__ import annotations

import re
import time
import tracemalloc

import pytest

from invarlock.canonical import canonical_bytes
from invarlock.policy import compile_policy
from invarlock.policy.check import MAX_CASES, MAX_GATES
from invarlock.policy.check_gate import MAX_MEMBERS
from invarlock.policy.units import MAX_BAR_GATES
from tests.policy.support import HEAD, errors, policy

TIERS, PROFILES = 16, 8
# Of a chain: the last tier has all gates of the ones before, in nine bars each.
PER_TIER = MAX_BAR_GATES // (sum(range(TIERS + 1)) * (PROFILES + 1)) - 1


def chain(tiers: int, gates: int, profiles: int) -> str:
    """Tiers of ``gates`` each, every one refining the one before."""
    blocks = [HEAD]
    for tier in range(tiers):
        refines = f" refines t{tier - 1}" if tier else ""
        own = "".join(f'  require kl.p99 on "{tier}-{n}" <= 1\n' for n in range(gates))
        blocks.append(f"tier t{tier}{refines} {{\n{own}}}\n")
    blocks += [f"profile p{n} {{ require kl.mean <= {n + 1} }}\n" for n in range(profiles)]
    return "".join(blocks)


def cases(number: int) -> str:
    one = 'test "{}" {{ tier = t; given perplexity.ratio = 1; expect incomplete }}\n'
    return policy(rest="".join(one.format(n) for n in range(number)))


def values(number: int) -> str:
    listed = ", ".join(f"sha256:{n:064x}" for n in range(number))
    return policy(f"require data.digest in {{{listed}}}")


FULL = {
    "a chain": chain(TIERS, PER_TIER, PROFILES),
    "a thousand gates": chain(4, 250, 2),
    "blocks": re.sub(" refines t[0-9]+", "", chain(TIERS, MAX_GATES, 0)),
    "tests": cases(MAX_CASES),
    "values": values(MAX_MEMBERS),
}


@pytest.mark.parametrize("name", FULL)
def test_a_policy_at_the_limits_compiles_in_a_second(name: str) -> None:
    source = FULL[name].encode()
    begun = time.process_time()
    done = compile_policy(source, filename="p.invar")
    written, digests = canonical_bytes(done.ir.document()), done.ir.digests
    assert time.process_time() - begun < 3  # a third of it where nothing else runs
    assert digests == (done.ir.digest, {name: bar.digest for name, bar in done.ir.bars.items()})
    assert len(written) < 4 << 20


def test_a_policy_at_the_limits_takes_little_memory() -> None:
    tracemalloc.start()
    compile_policy(FULL["a thousand gates"].encode(), filename="p.invar")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 64 << 20


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (chain(TIERS, PER_TIER + 2, PROFILES), "the 144 bars have more than 10000 gates in all"),
        (chain(TIERS, MAX_GATES, PROFILES), "the 144 bars have more than 10000 gates in all"),
        (cases(MAX_CASES + 1), "more than 1000 of `test`"),
        (values(MAX_MEMBERS + 1), "the set has more than 1000 values"),
    ],
)
def test_one_more_is_refused(text: str, message: str) -> None:
    assert [(found.code, found.message) for found in errors(text)] == [("E115", message)]


def test_two_tests_have_two_names() -> None:
    one = 'test "{}" {{ tier = t; expect incomplete }}\n'
    assert errors(policy(rest=one.format("a") + one.format("b"))) == []
    (found,) = errors(policy(rest=one.format("a") + one.format("a")))
    assert (found.code, found.span.line) == ("E105", 9)
    assert found.other is not None
    assert found.other.line == 8
    (found,) = errors(policy(rest=one.format(" ")))
    assert (found.code, found.message) == ("E103", "the name of a test is empty")

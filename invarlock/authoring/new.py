"""A starting policy for a task: complete, in the house style, and tested from the first line. Each
of its bars can be run, and its tests notice every gate that is weakened.

Its numbers are those of the standard policy's balanced tier; a comment says so, and asks for
better ones.
"""

from __future__ import annotations

import re
from typing import Final

from invarlock.errors import UsageFault
from invarlock.policy.catalogue import TASKS
from invarlock.policy.diagnostics import shown
from invarlock.policy.names import one_of

_NAME: Final = re.compile(r"[a-z][a-z0-9_]*")
_OTHER: Final = re.compile(r"[^a-z0-9]+")
_LONGEST: Final = 64

_CAUSAL_LM: Final = """\
invar 1
policy NAME "0.1.0"

about = "Did a weight edit make a causal language model worse than its baseline?"
task  = causal_lm

windows  { schedule = baseline; length = 512 tokens; beacon = none }
estimate { confidence = 95%; seed = 7 }  # any seed would do: it is fixed to repeat the resamples

# What holds for every tier: nothing broken, both arms measured alike, the boundary closed.
require invariants.non_finite == 0
require invariants.structure  == 0
require tokenizer.same        == yes
require windows.match         == 100%
require windows.overlap       == 0%
require estimate.resamples    >= 1_200
require evidence.origin       == measured
require runtime.isolation     in {sandbox}
require runtime.network       == off
require runtime.remote_code   == off
require runtime.pickle        == off
require runtime.plugins       == off
require windows.preview       >= 64  # minutes: enough to try an edit with
require windows.final         >= 64  # as many

# How much worse is too much. Starting values: put your own, and the reason beside each.
tier balanced {
  require perplexity.ratio    <= 1.10
  require perplexity.tail.p95 <= 0.20 nats
  require top1.agreement      >= 90%
}

# How much evidence it takes: without a profile, enough to be run at all; `ci` is for a release.
# Pin your data and your baseline in it: `require data.digest in {sha256:…}`,
# `require baseline.digest in {sha256:…}`.
profile ci {
  require windows.preview >= 240
  require windows.final   >= 240
}

test "nothing wrong" {
  tier = balanced
  expect pass
}

test "on every bound" {
  tier = balanced
  given perplexity.ratio    = 1.10
  given perplexity.tail.p95 = 0.20 nats
  given top1.agreement      = 90%
  expect pass
}

test "an interval across the bound proves nothing" {
  tier = balanced
  given perplexity.ratio = 1.09 in [1.07, 1.12]
  expect inconclusive because perplexity.ratio
}

# One step beyond each bound. A gate that you change or drop is missed here.
test "perplexity rises too far" {
  tier = balanced
  given perplexity.ratio = 1.11
  expect fail because perplexity.ratio
}

test "the worst tokens are worse" {
  tier = balanced
  given perplexity.tail.p95 = 0.21 nats
  expect fail because perplexity.tail.p95
}

test "too few first choices agree" {
  tier = balanced
  given top1.agreement = 89%
  expect fail because top1.agreement
}

test "one number that is not finite" {
  tier = balanced
  given invariants.non_finite = 1
  expect fail because invariants.non_finite
}

test "one tensor lost" {
  tier = balanced
  given invariants.structure = 1
  expect fail because invariants.structure
}

test "another tokenizer" {
  tier = balanced
  given tokenizer.same = no
  expect fail because tokenizer.same
}

test "one window in a hundred is cut otherwise" {
  tier = balanced
  given windows.match = 99%
  expect fail because windows.match
}

test "one window in a hundred stands twice" {
  tier = balanced
  given windows.overlap = 1%
  expect fail because windows.overlap
}

test "one resample too few" {
  tier = balanced
  given estimate.resamples = 1_199
  expect incomplete because estimate.resamples
}

test "numbers from nowhere" {
  tier = balanced
  given evidence.origin = missing
  expect incomplete because evidence.origin
}

test "no sandbox" {
  tier = balanced
  given runtime.isolation = host
  expect fail because runtime.isolation
}

test "network is open" {
  tier = balanced
  given runtime.network = on
  expect fail because runtime.network
}

test "code of the model's own can run" {
  tier = balanced
  given runtime.remote_code = on
  expect fail because runtime.remote_code
}

test "pickles can load" {
  tier = balanced
  given runtime.pickle = on
  expect fail because runtime.pickle
}

test "plugins can load" {
  tier = balanced
  given runtime.plugins = on
  expect fail because runtime.plugins
}

test "too few preview windows" {
  tier = balanced
  given windows.preview = 63
  expect incomplete because windows.preview
}

test "too few final windows" {
  tier = balanced
  given windows.final = 63
  expect incomplete because windows.final
}

test "ci: too few preview windows" {
  tier    = balanced
  profile = ci
  given windows.preview = 239
  expect incomplete because windows.preview
}

test "ci: too few final windows" {
  tier    = balanced
  profile = ci
  given windows.final = 239
  expect incomplete because windows.final
}
"""
_TEMPLATES: Final = {"causal_lm": _CAUSAL_LM}
BAR: Final = "balanced+ci"
"""The bar of a starting policy that is for a release."""


def starting_policy(task: str, name: str) -> str:
    """The source of a new policy. Raises :class:`UsageFault` E701 on an unknown task or a name
    that the language does not allow."""
    template = _TEMPLATES.get(task)
    if template is None:
        message = f"no starting policy for the task `{shown(task)}`"
        raise UsageFault("E701", message, f"write {one_of(TASKS)}")
    if not _NAME.fullmatch(name) or len(name) > _LONGEST:
        hint = f"use 1 to {_LONGEST} lowercase letters, digits and `_`, a letter first"
        raise UsageFault("E701", f"`{shown(name)}` is no name of a policy", hint)
    return template.replace("NAME", name, 1)


def name_from(stem: str) -> str:
    """A name for the policy in a file of this stem; ``my_policy`` where it suggests none."""
    found = _OTHER.sub("_", stem.lower()).strip("_")[:_LONGEST]
    return found if _NAME.fullmatch(found) else "my_policy"

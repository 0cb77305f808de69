"""What starting policies are put together from: text, and what differs from task to task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_HEAD: Final = """\
invar 1
policy NAME "0.1.0"

about = "ABOUT"
task  = TASK

windows  { schedule = baseline; WINDOWS; beacon = none }
model    { dtype = float32 }
# Any seed would do: it is fixed to repeat the resamples. An interval over fewer documents than
# `minimum` is inconclusive. One look: a run is judged once, at its end.
estimate { ESTIMATE }

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
FLOORS
# How much worse is too much. Starting values: put your own, and the reason beside each.
"""
_PROFILE: Final = """\
# How much evidence it takes: without a profile, enough to be run at all; `ci` is for a release.
# Pin your data and your baseline in it: `require data.digest in {sha256:…}`,
# `require baseline.digest in {sha256:…}`.
profile ci {
CI}

test "nothing wrong" {
  tier = balanced
  expect pass
}

"""
_COMMON: Final = """\
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

test "numbers from a log of another program" {
  tier = balanced
  given evidence.origin = imported
  expect fail because evidence.origin
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

"""
_LOSSES: Final = """\
tier balanced {
  require perplexity.ratio    <= 1.10
  require perplexity.tail.p95 <= 0.20 nats
  require top1.agreement      >= 90%
}

"""
_LOSS_TESTS: Final = """\
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

"""
_CHOICES: Final = """\
tier balanced {
  require accuracy.delta    >= -3 pp
  require accuracy.recovery >= 95%
  require flips.lost        <= 6%
}

"""
_CHOICE_TESTS: Final = """\
test "on every bound" {
  tier = balanced
  given accuracy.delta    = -3 pp
  given accuracy.recovery = 95%
  given flips.lost        = 6%
  expect pass
}

test "an interval across the bound proves nothing" {
  tier = balanced
  given accuracy.delta = -1 pp in [-3.5 pp, 1 pp]
  expect inconclusive because accuracy.delta
}

# One step beyond each bound. A gate that you change or drop is missed here.
test "accuracy falls too far" {
  tier = balanced
  given accuracy.delta = -3.1 pp
  expect fail because accuracy.delta
}

test "too little of the accuracy is left" {
  tier = balanced
  given accuracy.recovery = 94%
  expect fail because accuracy.recovery
}

test "too many answers are lost" {
  tier = balanced
  given flips.lost = 6.1%
  expect fail because flips.lost
}

"""
_LOSS_FLOORS: Final = """\
require windows.preview       >= 64  # minutes: enough to try an edit with
require windows.final         >= 64  # as many
"""
_CHOICE_FLOORS: Final = """\
require windows.final         >= 200  # fewer tell nothing of 3 pp
"""
_LOSS_CI: Final = """\
  require windows.preview >= 240
  require windows.final   >= 240
"""
_CHOICE_CI: Final = """\
  require windows.final >= 400
"""
_PREVIEW_TESTS: Final = """\
test "too few preview windows" {
  tier = balanced
  given windows.preview = 63
  expect incomplete because windows.preview
}

test "ci: too few preview windows" {
  tier    = balanced
  profile = ci
  given windows.preview = 239
  expect incomplete because windows.preview
}

"""
_FINAL_TESTS: Final = """\
test "too few final windows" {
  tier = balanced
  given windows.final = 63
  expect incomplete because windows.final
}

test "ci: too few final windows" {
  tier    = balanced
  profile = ci
  given windows.final = 239
  expect incomplete because windows.final
}
"""


@dataclass(frozen=True, slots=True)
class Starter:
    """What differs from task to task."""

    about: str
    windows: str
    estimate: str = "confidence = 95%; seed = 7; minimum = 32; looks = 1; spending = none"
    choices: bool = False


STARTERS: Final = {
    "causal_lm": Starter(
        "Did a weight edit make a causal language model worse than its baseline?",
        "content = text; length = 512 tokens",
    ),
    "masked_lm": Starter(
        "Did a weight edit make a masked language model worse than its baseline?",
        "length = 128 tokens",
    ),
    "seq2seq_lm": Starter(
        "Did a weight edit make a sequence-to-sequence model worse than its baseline?",
        "length = 256 tokens",
    ),
    "multiple_choice": Starter(
        "Does an edited language model answer as many questions rightly as its baseline?",
        "length = 512 tokens",
        "confidence = 95%; seed = 7; minimum = 32; looks = 1; spending = none; normalise = none",
        choices=True,
    ),
    "classification": Starter(
        "Does an edited classifier label as many texts rightly as its baseline?",
        "length = 128 tokens",
        choices=True,
    ),
}
"""By task."""


def starter(task: str) -> str:
    """The source of a starting policy for ``task``; its name stands as ``NAME``."""
    own = STARTERS[task]
    given = {
        "ABOUT": own.about,
        "TASK": task,
        "WINDOWS": own.windows,
        "ESTIMATE": own.estimate,
        "FLOORS": _CHOICE_FLOORS if own.choices else _LOSS_FLOORS,
    }
    head = _HEAD
    for word, text in given.items():
        head = head.replace(word, text)
    profile = _PROFILE.replace("CI}", (_CHOICE_CI if own.choices else _LOSS_CI) + "}")
    if not own.choices:
        return head + _LOSSES + profile + _LOSS_TESTS + _COMMON + _PREVIEW_TESTS + _FINAL_TESTS
    final = _FINAL_TESTS.replace("= 63", "= 199").replace("= 239", "= 399")
    return head + _CHOICES + profile + _CHOICE_TESTS + _COMMON + final

"""Every code of the language: where it points, and the same statement done right beside it."""

from __future__ import annotations

import pytest

from invarlock.errors import EXIT_USAGE, UsageFault
from invarlock.policy import PolicyFault, compile_policy
from invarlock.policy.problems import MAX_FOUND
from tests.policy.support import HEAD, TIER, compiled, errors, marked, policy

DIGEST = "sha256:" + "ab" * 32

# code, the faulty policy with the place marked, the same mended
CASES = [
    ("E101", policy("require tokenizer.same «=» yes"), policy("require tokenizer.same == yes")),
    ("E101", policy("tokenizer.same «==» yes"), policy("require tokenizer.same == yes")),
    ("E101", policy('about = «"open»'), policy('about = "closed"')),
    ("E101", policy("«Require» tokenizer.same == yes"), policy("require tokenizer.same == yes")),
    (
        "E101",
        policy("require data.digest == «sha256:ab»"),
        policy(f"require data.digest == {DIGEST}"),
    ),
    ("E101", policy(rest="«given kl.mean = 1»"), policy()),
    ("E101", HEAD + "tier «a.b» {\n  require kl.mean <= 1\n}", policy()),
    (
        "E101",
        HEAD + "tier t «{»\n  require kl.mean <= 1\n",
        HEAD + "tier t {\n  require kl.mean <= 1\n}",
    ),
    ("E101", policy(rest="«}»"), policy()),
    ("E101", '«policy» p "1"\ntask = causal_lm\n' + TIER, HEAD + TIER),
    ("E102", policy("require «perplexity.ratoi» <= 1.1"), policy()),
    ("E102", policy("«windows.lenght» = 128 tokens"), policy("windows.length = 128 tokens")),
    ("E102", policy("windows { «lenght» = 128 }"), policy("windows { length = 128 }")),
    ("E102", policy("require runtime.network == «of»"), policy("require runtime.network == off")),
    ("E102", policy("estimate.interval = «bcaa»"), policy("estimate.interval = bca")),
    (
        "E102",
        policy("require spectral.shift on «atn» <= 1"),
        policy("require spectral.shift on attn <= 1"),
    ),
    (
        "E102",
        policy("require spectral.shift on each «famly» <= 1"),
        policy("require spectral.shift on each family <= 1"),
    ),
    ("E102", policy("«tire» x { require kl.mean <= 1 }"), policy()),
    ("E102", policy().replace("causal_lm", "«causal_ml»"), policy()),
    ("E103", policy("require perplexity.ratio <= «5 pp»"), policy("require delta_p.rms <= 5 pp")),
    ("E103", policy("require delta_p.rms <= «5%»"), policy("require delta_p.rms <= 5 pp")),
    ("E103", policy("require delta_p.mean >= «-1»"), policy("require delta_p.mean >= -1 pp")),
    ("E103", policy("require windows.final >= «1.5»"), policy("require windows.final >= 2.0")),
    ("E103", policy("require windows.final >= «5%»"), policy("require windows.final >= 5")),
    (
        "E103",
        policy("require windows.tokens >= «9 windows»"),
        policy("require windows.tokens >= 9"),
    ),
    ("E103", policy("require kl.mean <= «low»"), policy("require kl.mean <= 1")),
    ("E103", policy("require kl.mean «in {a}»"), policy("require kl.mean in [0, 1)")),
    ("E103", policy("require tokenizer.same «<= yes»"), policy("require tokenizer.same == yes")),
    ("E103", policy('require tokenizer.same == «"yes"»'), policy("require tokenizer.same == yes")),
    ("E103", policy("require data.digest == «off»"), policy(f"require data.digest == {DIGEST}")),
    ("E103", policy("windows.length = «{1, 2}»"), policy("windows.length = 128")),
    ("E103", policy("estimate.seed = «1.5»"), policy("estimate.seed = 1")),
    ("E104", policy("require top1.agreement >= «105%»"), policy("require top1.agreement >= 97%")),
    (
        "E104",
        policy("require top1.agreement «in [0%, 100%]»"),
        policy("require top1.agreement in (0%, 100%]"),
    ),
    ("E104", policy("require windows.final «>= 0»"), policy("require windows.final >= 1")),
    ("E104", policy("require kl.mean <= «" + "9" * 41 + "»"), policy("require kl.mean <= 9")),
    ("E104", policy("estimate.confidence = «100%»"), policy("estimate.confidence = 99%")),
    (
        "E104",
        policy("estimate.confidence = «99.99999999999999999999%»"),
        policy("estimate.confidence = 99.99%"),
    ),
    (
        "E104",
        policy("require windows.final >= «99999999999999999999»"),
        policy("require windows.final >= 1_000_000"),
    ),
    (
        "E104",
        policy("require windows.preview == «1_000_001»"),
        policy("require windows.preview == 1_000_000"),
    ),
    (
        "E104",
        policy("require windows.tokens >= «1_000_000_000_001 tokens»"),
        policy("require windows.tokens >= 999_999_999_782 tokens"),
    ),
    (
        "E104",
        policy("require windows.final «<= 1_000_000»"),
        policy("require windows.final < 1_000_000"),
    ),
    (
        "E108",
        policy("require windows.final «> 1_000_000»"),
        policy("require windows.final > 999_999"),
    ),
    ("E104", policy("windows.length = «4» "), policy("windows.length = 8")),
    (
        "E104",
        policy("require estimate.resamples >= «99»"),
        policy("require estimate.resamples >= 101"),
    ),
    (
        "E104",
        policy("require estimate.resamples «>= 100»"),
        policy("require estimate.resamples > 100"),
    ),
    (
        "E105",
        policy("require kl.mean <= 1\n«require kl.mean <= 2»"),
        policy("require kl.mean <= 1\nrequire kl.mean.point <= 2"),
    ),
    (
        "E105",
        policy("windows.length = 64\nwindows { «length = 64» }"),
        policy("windows { length = 64 }"),
    ),
    (
        "E105",
        policy("require runtime.isolation in {host, «host»}"),
        policy("require runtime.isolation in {host, sandbox}"),
    ),
    ("E105", policy("«task = causal_lm»"), policy()),
    ("E105", HEAD + TIER + TIER.replace("tier t", "tier «t»"), HEAD + TIER),
    (
        "E106",
        policy(rest="tier u refines t { «require perplexity.ratio <= 1.11» }"),
        policy(rest="tier u refines t { require perplexity.ratio <= 1.10 }"),
    ),
    (
        "E106",
        policy(rest="tier u refines t { «warn perplexity.ratio <= 1.05» }"),
        policy(rest="tier u refines t { require perplexity.ratio < 1.10 }"),
    ),
    (
        "E106",
        policy("require runtime.isolation == sandbox", "«require runtime.isolation == host»"),
        policy("require runtime.isolation == sandbox", "require runtime.isolation == sandbox"),
    ),
    (
        "E107",
        policy(rest="tier u refines «tt» { require kl.mean <= 1 }"),
        policy(rest="tier u refines t { require kl.mean <= 1 }"),
    ),
    ("E108", policy("require kl.mean «in [2, 1]»"), policy("require kl.mean in [1, 2]")),
    ("E108", policy("require kl.mean «in (1, 1]»"), policy("require kl.mean in [1, 1]")),
    (
        "E108",
        policy("require perplexity.ratio «<= 0»"),
        policy(tier="require perplexity.ratio <= 0.01"),
    ),
    (
        "E108",
        policy("require windows.final «in (19, 20)»"),
        policy("require windows.final in (19, 21)"),
    ),
    ("E108", policy("require runtime.isolation «in {}»"), policy()),
    (
        "E108",
        policy(rest="profile p { «require perplexity.ratio >= 1.2» }"),
        policy(rest="profile p { require perplexity.ratio >= 1.1 }"),
    ),
    (
        "E108",
        policy(
            "require runtime.isolation == sandbox",
            rest="profile p { «require runtime.isolation == host» }",
        ),
        policy(
            "require runtime.isolation == sandbox",
            rest="profile p { require runtime.isolation in {host, sandbox} }",
        ),
    ),
    ("E109", HEAD + "tier a refines «a» { require kl.mean <= 1 }", HEAD + TIER),
    (
        "E109",
        HEAD
        + "tier a refines b { require kl.mean <= 1 }\n"
        + "tier b refines «a» { require kl.p99 <= 1 }",
        HEAD + "tier a refines b { require kl.mean <= 1 }\ntier b { require kl.p99 <= 1 }",
    ),
    ("E124", policy(f'include «"house.invar"» {DIGEST} as house'), policy()),
    (
        "E101",
        policy(rest="profile p {}\nprofile q refines «p» {}"),
        policy(rest="profile p {}\nprofile q {}"),
    ),
    ("E111", 'invar 1\npolicy «sample» "1.0.0"\n' + TIER, HEAD + TIER),
    ("E111", HEAD.replace("sample", "«sample»"), HEAD + TIER),
    ("E111", HEAD + "tier «t» { warn kl.mean <= 1 }", HEAD + "tier t { require kl.mean <= 1 }"),
    ("E112", "«invar 2»" + HEAD.removeprefix("invar 1") + TIER, HEAD + TIER),
    (
        "E113",
        policy("require «perplexity.drift.point» <= 1"),
        policy("require perplexity.ratio.point <= 1"),
    ),
    (
        "E113",
        policy('require windows.match on «"code"» == 1'),
        policy('require kl.mean on "code" <= 1'),
    ),
    (
        "E113",
        policy("require kl.mean on «attn» <= 1"),
        policy('require kl.mean on "attn" <= 1'),
    ),
    (
        "E114",
        policy("windows.length = 64", "windows { «length = 65» }\n  require kl.mean <= 1"),
        policy("windows.length = 64", "windows { length = 64.0 }\n  require kl.mean <= 1"),
    ),
]


@pytest.mark.parametrize(("code", "faulty", "mended"), CASES)
def test_each_code_points_at_its_place_and_the_mended_policy_compiles(
    code: str, faulty: str, mended: str
) -> None:
    text, *place = marked(faulty)
    found = errors(text)
    assert [d.code for d in found] == [code]
    span = found[0].span
    assert [span.line, span.column, span.end_line, span.end_column] == place
    assert errors(mended) == []


@pytest.mark.parametrize(("code", "faulty", "_mended"), CASES)
def test_messages_are_lowercase_single_lines_that_say_what_to_do(
    code: str, faulty: str, _mended: str
) -> None:
    (found,) = errors(marked(faulty)[0])
    for line in (found.message, found.hint):
        assert "\n" not in line
        assert not line.endswith(".")
        assert line[:1] == line[:1].lower()
    assert found.message
    assert str(found).startswith(f"p.invar:{found.span}: error [INVARLOCK:{code}] ")


def test_every_language_code_is_covered() -> None:
    covered = {code for code, _, _ in CASES} | {"E115", "E116", "E117", "E118"}
    # E110 is for commands. From E119 on each has tests of its own; so has what is not refused.
    assert covered - {"E124"} == {f"E1{n:02}" for n in range(1, 19)} - {"E110"}


@pytest.mark.parametrize(
    ("source", "place"),
    [
        (b"\xef\xbb\xbf" + policy().encode(), (1, 1)),
        (b"invar 1\npolicy \xff", (2, 8)),
        (b"invar 1\n\0", (2, 1)),
        (policy().encode() + b"#" * (1 << 20), (1, 1)),
    ],
)
def test_unreadable_bytes_are_one_error(source: bytes, place: tuple[int, int]) -> None:
    (found,) = errors(source)
    assert found.code == "E115"
    assert (found.span.line, found.span.column) == place


def test_a_file_of_just_the_allowed_size_compiles() -> None:
    text = policy().encode()
    assert compiled(text + b"#" * ((1 << 20) - len(text))).name == "sample"


def test_caps_on_tiers_profiles_and_gates() -> None:
    tiers = "".join(f"tier t{n} {{ require kl.mean <= 1 }}\n" for n in range(16))
    assert errors(HEAD + tiers) == []
    assert [d.code for d in errors(HEAD + tiers + TIER)] == ["E115"]
    profiles = "".join(f"profile p{n} {{}}\n" for n in range(8))
    assert errors(HEAD + TIER + profiles) == []
    assert [d.code for d in errors(HEAD + TIER + profiles + "profile q {}")] == ["E115"]
    gates = "\n".join(f'require kl.mean on "{n}" <= 1' for n in range(256))
    assert errors(policy(gates)) == []
    assert [d.code for d in errors(policy(gates + "\nrequire kl.mean <= 1"))] == ["E115"]


def test_diagnostics_are_capped_and_bounded_in_time() -> None:
    text = policy("\n".join(f"require kl.meann{n} <= 1" for n in range(6_000)))
    assert len(errors(text)) == MAX_FOUND


def test_both_places_of_a_weakened_gate_are_named() -> None:
    (found,) = errors(policy(rest="tier u refines t { require perplexity.ratio <= 120% }"))
    assert found.other is not None
    assert (found.other.line, found.span.line) == (6, 8)
    assert "`perplexity.ratio <= 1.2` accepts more than `<= 1.1` on line 6" in found.message


@pytest.mark.parametrize(
    ("statement", "hint"),
    [
        ("require perplexity.ratoi <= 1.1", "did you mean `perplexity.ratio`?"),
        ("require perplexity.ratio.poin <= 1.1", "did you mean `perplexity.ratio.point`?"),
        ("require windows.length >= 8", "write `windows.length = …`"),
        ("windows.final = 8", "write `require windows.final …`"),
        ("require runtime.isolation == sandox", "did you mean `sandbox`?"),
        ("require kl.mean on code <= 1", 'for a slice write `on "code"`'),
        ("tsk = causal_lm", "did you mean `task`?"),
    ],
)
def test_hints_name_what_was_probably_meant(statement: str, hint: str) -> None:
    assert [d.hint for d in errors(policy(statement))] == [hint]


@pytest.mark.parametrize(
    ("faulty", "meant"),
    [
        ("«requre» kl.mean <= 1 nats", "require"),
        ("«requires» kl.mean <= 1", "require"),
        ("«requre» kl.mean in [0, 1]", "require"),
        ('«requre» kl.mean on "code" <= 1', "require"),
        ("«requre» runtime.network in {on, off}", "require"),
        ("«requre» runtime.network in {\non,\noff\n}", "require"),
        ("«requre»", "require"),
        ("«warm» kl.mean <= 1", "warn"),
        ('«includ» "house.invar" as house', "include"),
        ('«policie» other "1.0.0"', "policy"),
        ('«profil» x "y" { require kl.p99 <= 1 }', "profile"),
        ("«teir» x refines { require kl.p99 <= 1 }", "tier"),
        ("«tets» x y {}", "test"),
    ],
)
def test_a_misspelt_keyword_is_named_with_the_one_meant(faulty: str, meant: str) -> None:
    """One error, on the word, at the top level and in a block; the keyword itself is known."""
    text, *place = marked(policy(faulty))
    (found,) = errors(text)
    span = found.span
    word = faulty[faulty.index("«") + 1 : faulty.index("»")]
    assert [span.line, span.column, span.end_line, span.end_column] == place
    assert (found.code, found.message) == ("E102", f"unknown word `{word}`")
    assert found.hint == f"did you mean `{meant}`?"
    inside = errors(marked(policy(tier=faulty + "\n  require kl.p99.nope <= 1"))[0])
    assert (inside[0].code, inside[0].span.line) == ("E102", 6)
    assert inside[-1].message == "unknown measure `kl.p99.nope`"
    right = marked(policy(faulty.replace(word, meant)))[0]
    assert not any("unknown word" in d.message for d in errors(right))


@pytest.mark.parametrize("word", ["tire", "teir", "tiers"])
def test_a_misspelt_block_is_named_with_the_one_meant(word: str) -> None:
    for body in (" ", "\n  require kl.mean <= 1\n"):
        text, *place = marked(policy(rest=f"«{word}» x {{{body}}}"))
        (found,) = errors(text)
        span = found.span
        assert [span.line, span.column, span.end_line, span.end_column] == place
        assert found.message == f"unknown block `{word}`"
        assert found.hint == "did you mean `tier`?"
    assert errors(policy(rest="tier x { require kl.mean <= 1 }")) == []


@pytest.mark.parametrize(
    ("line", "meant"), [("«inver» 1", "invar"), ('«polcy» sample "1.0.0"', "policy")]
)
def test_a_misspelt_header_is_named_with_the_word_meant(line: str, meant: str) -> None:
    whole = marked(line)[0].replace(line[1 : line.index("»")], meant)
    text, *place = marked(policy().replace(whole, line))
    (found,) = errors(text)
    span = found.span
    assert [span.line, span.column, span.end_line, span.end_column] == place
    assert found.message.startswith("unknown word")
    assert found.hint == f"did you mean `{meant}`?"


def test_words_that_no_keyword_resembles_are_told_how_a_statement_begins() -> None:
    (found,) = errors(policy("ensure_that kl.mean <= 1"))
    assert (found.message, found.span.column) == ("unknown word `ensure_that`", 1)
    assert found.hint.startswith("begin a statement")
    # A measure or setting at the start is no misspelt keyword, whatever it resembles.
    for statement in ("windows.final >= 8", "estimate.resamples >= 2_000"):
        (found,) = errors(policy(statement))
        assert found.message == "unexpected `>=`"
        assert found.hint == "begin a gate with `require` or `warn`"


@pytest.mark.parametrize("measure", ["kl.mean", "spectral.shift", "windows.match"])
def test_a_misspelt_family_is_named_whatever_the_measure(measure: str) -> None:
    text, *place = marked(policy(f"require {measure} on each «famly» <= 0.5"))
    (found,) = errors(text)
    span = found.span
    assert [span.line, span.column, span.end_line, span.end_column] == place
    assert found.message == "unknown word `famly` after `each`"
    assert found.hint == "did you mean `family`?"
    right = errors(text.replace("famly", "family"))
    if measure == "spectral.shift":
        assert right == []
    else:
        assert [(d.code, d.hint) for d in right] == [("E113", "remove `on …`")]


def test_all_errors_of_a_file_come_at_once_in_order() -> None:
    text = policy(
        "require perplexity.ratoi <= 1\nrequire = 3\nwindows.length = 1",
        "require perplexity.ratio <= 1.1\n  require kl.mean <= 5 pp\n  require\n"
        "  require tokenizer.same == maybe",
        "tier u refines t { require perplexity.ratio <= 2 }\nsigner s {}",
    )
    assert [d.code for d in errors(text)] == [
        "E102",
        "E101",
        "E104",
        "E103",
        "E101",
        "E102",
        "E106",
        "E127",
    ]


def test_a_fault_is_a_usage_fault_with_a_line_for_each_diagnostic() -> None:
    source = policy("require nonsense <= 1\nrequire more.nonsense <= 1").encode()
    with pytest.raises(PolicyFault) as caught:
        compile_policy(source, filename="dir/p.invar")
    assert isinstance(caught.value, UsageFault)
    assert caught.value.exit_code == EXIT_USAGE
    assert caught.value.code == "E102"
    lines = str(caught.value).split("\n")
    assert [line.split(": ")[0] for line in lines] == ["dir/p.invar:4:9", "dir/p.invar:5:9"]


def test_control_characters_of_the_source_never_reach_a_message() -> None:
    (found,) = errors(policy('require tokenizer.same == "\x1b[31m\u202e"'))
    assert found.code == "E115"
    assert found.message.isprintable()
    assert "U+001B" in found.message


def test_an_error_is_not_lost_behind_warnings() -> None:
    tiers = "".join(
        f"tier t{n} refines t {{ {'; '.join(gates)} }}\n"
        for n in range(3)
        for gates in [[f'require kl.p99 on "s{m}" <= 1' for m in range(100)]]
    )
    top = "\n".join(f'require kl.p99 on "s{n}" <= 1' for n in range(100))
    many = compiled(policy(top, rest=tiers)).warnings
    assert len(many) == MAX_FOUND
    found = errors(policy(top, rest=tiers + "tier u refines none { require kl.mean <= 1 }"))
    assert [each.code for each in found] == ["E107"]

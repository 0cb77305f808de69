"""What formatted policies look like, construct by construct, and what is refused."""

from __future__ import annotations

import pytest

from invarlock.authoring.format import ensure_same, format_checked, format_source
from invarlock.errors import InternalFault
from invarlock.policy import PolicyFault
from tests.conftest import ROOT

HEAD = 'invar 1\npolicy sample "1.0.0"\n\n'
D1, D2 = "sha256:" + "a" * 64, "sha256:" + "b" * 64


def formatted(body: str) -> str:
    """The formatted body of a policy, and the proof that formatting it again changes nothing."""
    out = format_checked((HEAD + body).encode(), filename="p.invar")
    assert format_source(out, filename="p.invar") == out
    text = out.decode()
    assert text.startswith(HEAD)
    return text.removeprefix(HEAD)


CASES = {
    "relations of consecutive gates are aligned": (
        "require kl.mean<=0.1\nwarn perplexity.ratio in(0.9,105 %]\n",
        "require kl.mean          <= 0.1\nwarn    perplexity.ratio in (0.9, 105%]\n",
    ),
    "a blank line parts paragraphs": (
        "require kl.mean <= 0.1\n\n\n\nrequire perplexity.ratio <= 1\n",
        "require kl.mean <= 0.1\n\nrequire perplexity.ratio <= 1\n",
    ),
    "a comment between lines does not": (
        "require kl.mean <= 0.1\n  # why\nrequire perplexity.ratio <= 1\n",
        "require kl.mean          <= 0.1\n# why\nrequire perplexity.ratio <= 1\n",
    ),
    "equals signs of settings and given values are aligned": (
        (
            'about="x"\na=1\ntest "t" { tier=a\nprofile =b\ngiven kl.mean=1 nats in [0,2]\n'
            'given perplexity.ratio on "c"=1\nexpect pass because kl.mean }'
        ),
        (
            'about = "x"\na     = 1\n\ntest "t" {\n  tier    = a\n  profile = b\n'
            "  given kl.mean                 = 1 nats in [0, 2]\n"
            '  given perplexity.ratio on "c" = 1\n  expect pass because kl.mean\n}\n'
        ),
    ),
    "semicolons become line ends": ("a = 1; bc = 2 ;; c = 3;\n", "a  = 1\nbc = 2\nc  = 3\n"),
    "trailing comments are aligned within a paragraph": (
        "require kl.mean <= 0.1 # a\nrequire kl.p99 <= 0.25\nrequire kl.mean <= 0.15 nats# b\n",
        (
            "require kl.mean <= 0.1        # a\nrequire kl.p99  <= 0.25\n"
            "require kl.mean <= 0.15 nats  # b\n"
        ),
    ),
    "a trailing comment goes on below": (
        "require kl.mean <= 0.1 # a\n                       # b\n# c\n",
        "require kl.mean <= 0.1  # a\n                        # b\n# c\n",
    ),
    "one-line blocks stay, aligned": (
        "windows{length=1;schedule = baseline}\nestimate { seed=1 }\nempty {\n\n}",
        "windows  { length = 1; schedule = baseline }\nestimate { seed = 1 }\nempty    {}\n",
    ),
    "a block with a comment or a line end is broken": (
        "windows { length = 1\n }\nestimate { seed = 1; # why\n}",
        "windows {\n  length = 1\n}\n\nestimate {\n  seed = 1  # why\n}\n",
    ),
    "a block that is too long is broken": (
        "windows { " + "; ".join(f"setting_{n} = {n}" for n in range(10)) + " }",
        "windows {\n" + "".join(f"  setting_{n} = {n}\n" for n in range(10)) + "}\n",
    ),
    "a broken block stands between blank lines, with its comments": (
        "a = 1\n# of x\n# and more\nx { # head\n\n\nb = 1\n\n} # foot\nc = 1\n",
        "a = 1\n\n# of x\n# and more\nx {  # head\n  b = 1\n}  # foot\n\nc = 1\n",
    ),
    "blocks inside blocks": (
        "x {\ny { z { b=1\nc { d=1 } } } }",
        "x {\n  y {\n    z {\n      b = 1\n      c { d = 1 }\n    }\n  }\n}\n",
    ),
    "a set on one line stays there": (
        "require runtime.isolation in{  sandbox ,host }\nm={a:1,b :2 nats}\ne = {\n}\n",
        "require runtime.isolation in {sandbox, host}\nm = {a: 1, b: 2 nats}\ne = {}\n",
    ),
    "a set that was broken stays broken": (
        "s = {a,\nb}\nm = {\na:1,b:2}\n",
        "s = {\n  a,\n  b\n}\nm = {\n  a: 1,\n  b: 2\n}\n",
    ),
    "a set that is too long is broken": (
        f"require data.digest in {{{D1},{D2}}}\nrequire data.digest in {{{D1}}}\n",
        f"require data.digest in {{\n  {D1},\n  {D2}\n}}\nrequire data.digest in {{{D1}}}\n",
    ),
    "comments in sets": (
        "s = { # open\n# own\na # of a\n,b, # of b\n\n# of c\nc\n# last\n} # close\n",
        (
            "s = {  # open\n  # own\n  a,  # of a\n  b,  # of b\n\n  # of c\n  c\n  # last\n"
            "}  # close\n"
        ),
    ),
    "comments at the end": ("a = 1\n\n\n# one\n#two\n\n", "a = 1\n\n# one\n#two\n"),
    "numbers and words stay as written": (
        "a = 1.50\nb = 1_0000 tokens\nc = 105 %\nd = -4.0pp\n",
        "a = 1.50\nb = 1_0000 tokens\nc = 105%\nd = -4.0 pp\n",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_style(name: str) -> None:
    before, after = CASES[name]
    assert formatted(before) == after
    assert formatted(after) == after


def test_header_with_comments_everywhere() -> None:
    source = b'\n\n# licence\ninvar  1 # v\r\n\r\n\n# name\n\tpolicy x   "1";task=causal_lm'
    expected = b'# licence\ninvar 1  # v\n\n# name\npolicy x "1"\n\ntask = causal_lm\n'
    assert format_checked(source, filename="p") == expected


def test_shipped_policies_are_formatted() -> None:
    found = sorted((ROOT / "policies").glob("**/*.invar"))
    assert found
    for path in found:
        source = path.read_bytes()
        assert format_checked(source, filename=path.name) == source, path.name


def test_syntax_errors_are_refused_with_all_of_them() -> None:
    with pytest.raises(PolicyFault) as caught:
        format_source((HEAD + "require = 2\na = 1\nwarn <= 3\n").encode(), filename="p.invar")
    codes = [(found.code, found.span.line) for found in caught.value.diagnostics]
    assert codes == [("E101", 4), ("E101", 6)]
    assert {found.filename for found in caught.value.diagnostics} == {"p.invar"}


@pytest.mark.parametrize("source", [b"\xff", b"invar 1\0", b"\xef\xbb\xbfinvar 1", b"a\rb"])
def test_what_is_no_text_is_refused(source: bytes) -> None:
    with pytest.raises(PolicyFault) as caught:
        format_source(source, filename="p.invar")
    assert caught.value.code == "E115"


def test_errors_of_meaning_do_not_stop_formatting() -> None:
    assert formatted("require kl.maen<=1\n") == "require kl.maen <= 1\n"


def test_what_would_outgrow_the_cap_is_refused() -> None:
    wide = f'require a on "{"x" * 50}" < {"1" * 32} # c\n'
    narrow = "require a < 1 #why\n"
    with pytest.raises(PolicyFault) as caught:
        format_source((HEAD + wide + narrow * 9_900).encode(), filename="p.invar")
    assert caught.value.code == "E115"
    assert len(formatted(wide + narrow * 9)) > 10 * 90


def test_one_very_long_name_does_not_push_the_others() -> None:
    long = f'require a on "{"x" * 5000}" < 1 # c\n'
    out = formatted(long + "require b <    1  # d\nwarn c < 1\n")
    assert out == long.replace(" # c", "  # c") + "require b < 1  # d\nwarn    c < 1\n"


def test_a_file_at_the_cap_is_formatted_soon() -> None:
    comments = f"# {'why ' * 24}\n" * 10_000
    source = (HEAD + comments + "a=1\n").encode()
    assert 2**20 > len(source) > 2**20 * 0.93
    assert format_source(source, filename="p") == (
        HEAD + comments.replace(" \n", "\n")
    ).encode() + (b"a = 1\n")


@pytest.mark.parametrize(
    ("formatted", "what"),
    [
        ("a = 1.50\nb = 2 # x\n# y\n", "the syntax tree"),
        ("a = 1.5\n# x\n# y\n", "the syntax tree"),
        ("require a = 1.5\nb = 2 # x\n# y\n", None),
        ("a = 1.5\nb = 2 # y\n# x\n", "the comments"),
        ("a = 1.5\nb = 2 # x y\n", "the comments"),
        ("a = 1.5\nb = 2 # x\n# y\n# z\n", "the comments"),
    ],
)
def test_a_change_of_meaning_is_never_written(formatted: str, what: str | None) -> None:
    source = (HEAD + "a = 1.5; b = 2 # x\n# y").encode()
    ensure_same(source, (HEAD + "a = 1.5\nb = 2  # x\n\n# y\n").encode(), filename="p")
    if what is None:
        with pytest.raises(PolicyFault):
            ensure_same(source, (HEAD + formatted).encode(), filename="p")
        return
    with pytest.raises(InternalFault, match=what) as caught:
        ensure_same(source, (HEAD + formatted).encode(), filename="p")
    assert caught.value.code == "E132"

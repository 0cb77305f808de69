"""What a reader cannot see is in no policy, and what looks like one name is one name."""

from __future__ import annotations

import pytest

from tests.policy.support import errors, policy

HIDDEN = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b\u180e\u180f\u200b\u200d\u2028\u202e\u2060"
    "\u2064\u206f\u2800\u3164\ufe00\ufe0f\ufeff\uffa0\ufff9\ufffc\U0001d173\U000e0001\U000e0041"
    "\U000e0fff"
)
FINE = ("code", "c-1 of_2", "café", "код", "κώδικας", "日本語 text", "код code", "µ", "नमस्ते")


@pytest.mark.parametrize("char", HIDDEN, ids=lambda char: f"U+{ord(char):04X}")
@pytest.mark.parametrize("text", ['require kl.mean on "a{}b" <= 1', "# a{}b", 'about = "a{}b"'])
def test_hidden_characters_are_refused_everywhere(text: str, char: str) -> None:
    (found,) = errors(policy(text.format(char)))
    assert found.code == "E115"
    assert f"U+{ord(char):04X}" in found.message
    assert errors(policy(text.format("-"))) == []


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("c\u043ede", "mixes letters of Cyrillic and Latin in one word"),
        ("\u03bfne", "mixes letters of Greek and Latin in one word"),
        ("\uff43ode", "mixes letters of Fullwidth and Latin in one word"),
        ("cafe\u0301", "is not in its composed form"),
        (" code", "begins or ends with a blank"),
        ("code ", "begins or ends with a blank"),
        ("co\u00a0de", "is empty, too long or not printable"),
        ("", "is empty, too long or not printable"),
    ],
)
def test_names_that_look_like_another_are_refused(name: str, fault: str) -> None:
    (found,) = errors(policy(f'require kl.mean on "{name}" <= 1'))
    assert found.code == "E103"
    assert found.message.endswith(fault)


@pytest.mark.parametrize("name", FINE)
def test_a_name_in_one_script_is_a_name(name: str) -> None:
    assert errors(policy(f'require kl.mean on "{name}" <= 1')) == []


@pytest.mark.parametrize("number", ["2", "10", "99999", "007"])
def test_a_newer_language_asks_for_a_newer_release(number: str) -> None:
    (found,) = errors(policy().replace("invar 1", f"invar {number}"))
    assert (found.code, "upgrade" in found.hint) == ("E112", True)


@pytest.mark.parametrize("number", ["0", "-1", "1.0", "01"])
def test_another_number_is_written_anew(number: str) -> None:
    (found,) = errors(policy().replace("invar 1", f"invar {number}"))
    assert (found.code, found.hint) == ("E112", "write `invar 1`")
    assert errors(policy()) == []

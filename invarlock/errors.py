"""The exception tree and the table of stable error codes.

    InvarlockError
    ├── UsageFault          exit 2   the command line or a policy is wrong
    │   └── PolicyFault              one or more policy diagnostics
    ├── Inconclusive        exit 3   the evidence cannot decide, or an artifact is lacking
    ├── VerificationFault   exit 4   signature, digest, identity or verdict does not hold
    ├── SafetyRefusal       exit 5   unsafe artifact, or no isolation
    ├── EnvironmentFault    exit 6   missing input, disk, permission, killed child
    └── InternalFault       exit 70  a defect of invarlock itself

Every instance has a code listed in :data:`CODES`, a lowercase one-line message that names the
thing in backticks, and a hint that says what to do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

EXIT_PASS: Final = 0
EXIT_FAIL: Final = 1
EXIT_USAGE: Final = 2
EXIT_INCONCLUSIVE: Final = 3
EXIT_VERIFICATION: Final = 4
EXIT_SAFETY: Final = 5
EXIT_ENVIRONMENT: Final = 6
EXIT_INTERNAL: Final = 70
EXIT_INTERRUPTED: Final = 130


class InvarlockError(Exception):
    """Root of everything invarlock raises on purpose.

    Args:
        code: a key of :data:`CODES`, such as ``"E001"``.
        message: one lowercase line naming the thing concerned, without a final period.
        hint: one lowercase line saying what to do; empty when there is nothing to add.
    """

    exit_code: ClassVar[int] = EXIT_INTERNAL

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        tail = f"; {self.hint}" if self.hint else ""
        return f"[INVARLOCK:{self.code}] {self.message}{tail}"

    def lines(self) -> tuple[str, ...]:
        """What ``str()`` says, by lines; a line break inside one is an untrusted word's."""
        return (str(self),)

    def document(self) -> dict[str, object]:
        """The error as JSON, in schema ``invarlock.error/1``."""
        return {
            "schema": "invarlock.error/1",
            "code": self.code,
            "message": self.message,
            "hint": self.hint,
            "exit": self.exit_code,
        }


class UsageFault(InvarlockError):
    """The command line, or a policy, cannot be used as written (exit 2)."""

    exit_code = EXIT_USAGE


class Inconclusive(InvarlockError):
    """Nothing is wrong and nothing is proven: evidence or an artifact is lacking (exit 3)."""

    exit_code = EXIT_INCONCLUSIVE


class VerificationFault(InvarlockError):
    """A signature, digest, identity or recomputed value does not hold (exit 4)."""

    exit_code = EXIT_VERIFICATION


class SafetyRefusal(InvarlockError):
    """Refused before anything could happen: unsafe artifact or missing isolation (exit 5)."""

    exit_code = EXIT_SAFETY


class EnvironmentFault(InvarlockError):
    """The surroundings failed: absent path, disk, permission, killed child (exit 6)."""

    exit_code = EXIT_ENVIRONMENT


class InternalFault(InvarlockError):
    """A defect in invarlock (exit 70)."""

    exit_code = EXIT_INTERNAL


@dataclass(frozen=True, slots=True)
class Code:
    """What a stable code stands for: a title and what usually mends it."""

    title: str
    remedy: str


def _c(title: str, remedy: str) -> Code:
    return Code(title, remedy)


# One table for the whole project. A code is never reused for another meaning.
CODES: Final[dict[str, Code]] = {
    # E0xx: pairing, schedule, data
    "E001": _c("pairing or schedule mismatch", "evaluate both arms on one schedule"),
    "E002": _c("too few windows for the bar", "give more data, or lower the floor in a profile"),
    "E003": _c("data line cannot be read", "mend or remove the line named"),
    "E004": _c("the bar sets no window floor", "choose a profile that requires `windows.final`"),
    "E005": _c("beacon lacking, or not asked for", "pass --beacon where the bar asks for one"),
    # E1xx: the policy language
    "E101": _c("syntax error", "compare the line with the grammar in grammar/REFERENCE.md"),
    "E102": _c("unknown word", "use a word of the catalogue"),
    "E103": _c("wrong unit or type", "write the value in the unit of the measure"),
    "E104": _c("value outside the natural range", "choose a bound the measure can reach"),
    "E105": _c("the same key twice", "keep one of the two statements"),
    "E106": _c("weaker than what it refines", "tighten the gate, or drop `refines`"),
    "E107": _c("unknown tier or profile", "use a name that the policy declares"),
    "E108": _c("empty or unreachable relation", "write an interval that holds some value"),
    "E109": _c("cyclic `refines`", "break the cycle"),
    "E110": _c("construct not available in this version", "remove it"),
    "E111": _c("missing statement", "add the statement named"),
    "E112": _c("unsupported language version", "write `invar 1`"),
    "E113": _c("the measure does not take this statistic or target", "see the catalogue"),
    "E114": _c("differing settings", "set the value once"),
    "E115": _c("the policy file cannot be read", "pass a UTF-8 text file under 1 MiB"),
    "E116": _c("a profile makes bars incomparable", "leave settings to the top level"),
    "E117": _c("nothing pins data or baseline", "require `data.digest` and `baseline.digest`"),
    "E118": _c("only the harmless side is bounded", "bound the side where the subject is worse"),
    "E119": _c("redundant statement", "remove it, or make it say more than the other"),
    "E120": _c("nothing can pass", "loosen one of the two statements named"),
    "E121": _c("a weaker word allowed, a stronger one not", "list the stronger word too"),
    "E122": _c("unused signer or include", "use it, or remove it"),
    "E123": _c("include not pinned, or its pin differs", "run `invarlock policy freeze`"),
    "E124": _c("include cannot be read", "name a file beside or below the policy"),
    "E125": _c("cyclic include", "break the circle"),
    "E126": _c("unknown signer", "name a signer that the policy declares"),
    "E127": _c("malformed signer", "give a key, or repository, workflow, ref and issuer"),
    "E128": _c("signer sets that cannot be combined", "let one set include the other"),
    # E13x: working on policies
    "E130": _c("a policy test failed", "mend the policy, or the test"),
    "E131": _c("no policy test ran", "write a `test` block, or choose another filter"),
    "E132": _c("formatting would change the meaning", "please report it with the file"),
    "E133": _c("lint finding", "see the rule named"),
    "E134": _c("cannot be compared", "name a policy, an IR file or an attestation"),
    "E135": _c("git revision cannot be read", "check the revision and the path in it"),
    "E136": _c("too large to compare exactly", "compare fewer or smaller bars"),
    "E137": _c("the file already exists", "choose another name, or pass --force"),
    "E138": _c("not for this task", "use a measure of the task; see grammar/REFERENCE.md"),
    "E139": _c("settings that do not go together", "set both, or neither"),
    # E2xx: untrusted artifacts
    "E201": _c("pickle where weights are expected", "convert the model to safetensors"),
    "E202": _c("malformed safetensors file", "fetch or write the file again"),
    "E203": _c("missing or unlisted shard", "make folder and index agree"),
    "E204": _c("remote code asked for", "remove `auto_map`, or use a built-in architecture"),
    "E205": _c("link or special file in a folder", "replace it by a regular file"),
    "E206": _c("malformed model configuration", "mend the file named"),
    "E207": _c("weights do not fit the architecture", "use the weights made for this config"),
    "E208": _c("artifact larger than its cap", "raise the memory budget, or use a smaller one"),
    "E209": _c("artifact changed while it was read", "stop whatever writes to it"),
    "E210": _c("unsupported architecture or tokenizer", "use a causal language model"),
    "E211": _c("file name that cannot be trusted", "rename or remove the file named"),
    # E3xx: the boundary
    "E301": _c("no sandbox on this machine", "install bubblewrap, or pass --execution-mode host"),
    "E302": _c("the boundary is not closed", "see which observation failed"),
    "E303": _c("the boundary's answer cannot be used", "run again; report it if it stays"),
    "E304": _c("the boundary ran out of time", "raise the limit, or use fewer windows"),
    "E305": _c("network access refused", "work offline, or set INVARLOCK_ALLOW_NETWORK=1"),
    # E4xx: verification
    "E401": _c(
        "signature does not verify",
        "do not deploy; get the producer's key by a way that you trust",
    ),
    "E402": _c("not an attestation of this kind", "pass the bundle that `attest` wrote"),
    "E403": _c("digest differs from what was signed", "fetch the artifact that was attested"),
    "E404": _c("recomputed value differs from what was signed", "do not deploy; ask the producer"),
    "E405": _c("a field is missing, unknown or malformed", "do not deploy; ask the producer"),
    "E406": _c("wrong kind of verification material", "name a key that fits the bundle"),
    "E407": _c("the schedule does not follow from its seed", "do not deploy; ask the producer"),
    "E408": _c("measured under another contract", "evaluate again under the consumer's bar"),
    "E409": _c("an artifact is needed for this level", "pass the artifact named"),
    "E410": _c("no bar applied", "pass --policy or --policy-digest"),
    "E411": _c("the run's bar is not the one pinned", "pin the digest of a bar you reviewed"),
    "E412": _c("the run's bar is not as strict as the reference", "have the change reviewed"),
    "E413": _c("older than allowed", "ask the producer to evaluate again"),
    "E414": _c("what --require asks for is not proven", "see the finding, or ask the producer"),
    "E415": _c("nothing stands in for the evidence", "pass the run's folder with --run"),
    "E416": _c("registered was another bar", "pass the registration of the run's bar"),
    "E417": _c("not a window of the signed run", "ask the producer to disclose it again"),
    "E420": _c(
        "signed by another identity",
        "do not deploy; get the producer's identity and issuer by a way that you trust",
    ),
    "E421": _c(
        "the certificate is not of this trust root",
        "do not deploy; get the root of the producer's Sigstore by a way that you trust",
    ),
    "E422": _c("no trusted time within the certificate's", "ask the producer to sign again"),
    "E423": _c("the log entry does not verify", "do not deploy; ask the producer"),
    "E424": _c("the trust root may be out of date", "pass a newer one with --trusted-root"),
    "E430": _c("measured again, it is something else", "do not deploy; ask the producer"),
    "E431": _c("the verdict does not survive the tolerance", "challenge all windows"),
    # E6xx: surroundings
    "E601": _c("path does not exist", "check the path"),
    "E602": _c("permission denied", "check the owner and mode"),
    "E603": _c("disk full or not writable", "free space, or choose another place"),
    "E604": _c("the boundary was killed", "free memory, or use a machine with more"),
    "E605": _c("an optional part is not installed", "install the extra named"),
    "E606": _c("the cache cannot be trusted", "remove the folder named"),
    "E607": _c("the workers did not finish", "use --executor local, or see what killed them"),
    "E608": _c("no such device here", "use --device cpu, or another machine"),
    "E609": _c("more memory needed than the budget", "raise --memory-budget"),
    "E620": _c("a signing service refused or did not answer", "sign again once it answers"),
    # E7xx: usage
    "E701": _c("conflicting or missing arguments", "see --help"),
    "E702": _c("output already exists", "choose another --out, or remove it"),
    "E703": _c("key cannot be used", "make one with `invarlock key new`"),
    # E9xx
    "E901": _c("internal error", "please report it with the command you ran"),
}

# What: a decision on a verifier's summary whose signature was checked before.
#   input = {"statement": the summary's payload, "subject": "sha256:" + root digest,
#            "not_before": "2027-01-01T00:00:00Z"}; data.bars = {hex of a bar's digest: its name}
#   opa eval -d opa/admission.rego -d bars.json -i input.json data.invarlock.admission
# run: on real summaries, good and bad ones, by rego-cpp (PyPI regopy).
# not run: by the opa command. OPA checks no signature of a bundle: do that first.
package invarlock.admission

import rego.v1

default allow := false

allow if count(deny) == 0

# Each rule asks for what must be there, so that what is missing denies.
deny contains "not a verification summary" if {
	not input.statement.predicateType == "https://slsa.dev/verification_summary/v1"
}

deny contains "not a summary of invarlock" if {
	not input.statement.predicate.verifier.id == "https://invarlock.dev/verify/v1"
}

deny contains "the verification did not pass" if {
	not input.statement.predicate.verificationResult == "PASSED"
}

deny contains "not verified under a bar of ours" if {
	not data.bars[input.statement.predicate.policy.digest.sha256]
}

deny contains "another model" if {
	not input.subject == concat(":", ["sha256", input.statement.subject[0].digest.sha256])
}

deny contains "more than one model" if {
	not count(input.statement.subject) == 1
}

# Both are UTC in one form, so their order as text is their order in time.
deny contains "verified too long ago" if {
	not input.statement.predicate.timeVerified >= input.not_before
}

"""The security boundary: tripwires, sandbox, probe, runtime manifest, secure paths.

The names exported here are the ones that documents promise; what launches and observes a boundary
lives in the modules below and is imported from there, so that this import stays cheap.
"""

from invarlock.security.guard import enforce_default_security, temporarily_allow_network
from invarlock.security.paths import is_secure_path, secure_tempdir

__all__ = [
    "enforce_default_security",
    "is_secure_path",
    "secure_tempdir",
    "temporarily_allow_network",
]

"""Verification to levels, under the consumer's own bar (DESIGN section 6).

No torch and no sigstore is imported on this path, and no network is used.
"""

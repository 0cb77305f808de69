"""Evidence: what was measured, as data. Reading it back is the gate for hostile input.

:mod:`~invarlock.evidence.schema` holds the records, :mod:`~invarlock.evidence.model` the whole in
memory, :mod:`~invarlock.evidence.store` the bytes, :mod:`~invarlock.evidence.schedule` which
windows are drawn.
"""

"""Guards on stored weights, a tensor at a time: what each arm records, judged later together.

:func:`scan.scan_tensor` gives one :class:`~invarlock.evidence.schema.Tensor` record. The judge
compares the subject's records with the baseline's; nothing here looks at one arm alone.
"""

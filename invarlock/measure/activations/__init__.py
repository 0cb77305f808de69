"""Guards on activations: what each arm records while it scores, judged later together.

The guard windows are the first of the schedule, a batch of them. The schedule's order is that of
a hash, so that these are as good a sample of the final windows as any spread over them, and they
pass the body together anyway: watching them takes no pass of its own.

:mod:`watch` looks at the outputs of a pass, :mod:`edge` and :mod:`lanczos` say how far a matrix of
them stands out of noise, :mod:`equalise` lends a subject the baseline's scales for one pass, and
:mod:`guarded` has the guard windows scored again, bare and with these scales.
"""

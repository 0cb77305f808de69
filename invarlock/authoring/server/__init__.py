"""The language server: what an editor asks about a policy, answered.

Every answer is a pure function of an :class:`~invarlock.authoring.server.analysis.Analysis` and a
character offset; none raises on broken text, for text is broken while it is typed. Only
``features``, ``shell`` and ``convert`` speak the protocol, and only they need pygls.
"""

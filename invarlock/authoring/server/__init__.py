"""The language server: what an editor asks about a policy, answered.

Every answer is a pure function of an :class:`~invarlock.authoring.server.analysis.Analysis` and a
character offset; none raises on broken text, for text is broken while it is typed. Only
:mod:`~invarlock.authoring.server.shell` speaks the protocol, and only it needs pygls.
"""

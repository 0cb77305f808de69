"""Logs of other programs into evidence: numbers that somebody else measured.

Read inside the boundary, one arm at a time, like a model: a log is hostile input. Evidence made so
says that it was imported, and a bar may refuse it for that.
"""

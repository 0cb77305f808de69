"""Null edits for calibration: changes of the baseline that nobody would call an edit.

They are made inside the boundary from the baseline's own files, in memory, and measured by the
same code as any subject.
"""

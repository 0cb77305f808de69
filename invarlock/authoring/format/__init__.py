"""The formatter: one layout for every policy, with each comment in its place.

Two spaces, one statement a line, relations and ``=`` aligned within a paragraph. Formatting
never rewrites a number or a word, so the semantic digest stays; :func:`format_checked` makes sure.
"""

from __future__ import annotations

from invarlock.authoring.format.checked import ensure_same, format_checked, format_source

__all__ = ["ensure_same", "format_checked", "format_source"]

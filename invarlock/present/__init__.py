"""Showing a report to people: terminal and HTML. Nothing here decides anything."""

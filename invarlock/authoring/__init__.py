"""What helps people write policies: format, lint, tests, explanations, the language server."""

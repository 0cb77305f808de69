"""Which edits of a real model does which gate see? Thirty-odd seeded edits, careful to reckless."""

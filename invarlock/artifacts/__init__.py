"""Untrusted model and data folders: safe opening, digests, strict headers, raw tensors."""

"""What runs inside the boundary: ingest, windows, scoring, guards on weights.

One process per arm reads a job and its inputs, and writes one answer and a few opaque files; the
parent parses nothing of the model or the data (DESIGN sections 4 and 7). Only this package imports
torch, transformers, tokenizers and safetensors, and only where a function needs them.
"""

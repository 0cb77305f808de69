"""Tests of the examples that travel in attest/examples."""

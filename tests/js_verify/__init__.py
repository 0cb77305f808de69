"""sigstore-js, from npm, as a second implementation that reads our bundles."""

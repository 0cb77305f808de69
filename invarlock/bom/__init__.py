"""Bills of materials in CycloneDX: of models, tokenizer and data, and of the software that ran.

Both are functions of what a report says and are built here as JSON, for the library knows neither
`modelCard` nor `data` and drops them when it reads (CycloneDX/cyclonedx-python-lib#912, #913). It
validates them, strictly, before they are written. A verifier builds them again without it.
"""

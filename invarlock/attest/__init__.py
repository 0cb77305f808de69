"""Statement, signature and bundle: what a run's report becomes when somebody signs it."""

"""The parts of scripts/faults: the service under test, what watches it, and one file a group."""

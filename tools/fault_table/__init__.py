"""The parts of ``tools faults``: the service under test, what watches it, and one file a group."""

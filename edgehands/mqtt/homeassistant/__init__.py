"""Home Assistant: how it finds a node, and what it makes of it."""

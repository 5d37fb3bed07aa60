"""Home Assistant: discovery of a node, and its entities."""

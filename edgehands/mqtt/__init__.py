"""Topics, messages and the way to the broker."""

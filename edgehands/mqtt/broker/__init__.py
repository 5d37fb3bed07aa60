"""A connection to a broker: opening, keeping, reading and closing it, for all its users."""

"""A connection to a broker: opened, kept, read from and closed, whoever uses it."""

"""The tests; each says in a sentence what a user would lose."""

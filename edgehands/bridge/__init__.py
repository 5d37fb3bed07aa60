"""Bridges from edgehands' messages to other protocols."""

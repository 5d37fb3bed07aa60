"""Shared by several tools and tests: a real broker, hostile clients, data sets, pages."""

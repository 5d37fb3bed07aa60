"""Correcting what the tracker said, on a page: served by a process of its own."""

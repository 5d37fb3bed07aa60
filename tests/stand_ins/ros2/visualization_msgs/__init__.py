"""Stands for the package of markers."""

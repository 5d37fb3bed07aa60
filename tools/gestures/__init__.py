"""Drawn hands for the tools that fit and measure gestures and pose, and the measurements' parts."""

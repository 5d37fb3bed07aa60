"""Pure functions on points, boxes and rotated squares: no I/O, no state."""

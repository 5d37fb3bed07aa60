"""The page for correcting the tracker's results, served by its own process."""

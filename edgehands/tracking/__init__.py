"""From frames to hands: find palms, read landmarks, follow each hand."""

from edgehands.tracking.tracker import HandTracker

__all__ = ["HandTracker"]

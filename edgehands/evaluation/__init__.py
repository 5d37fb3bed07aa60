"""Measures how well hands are tracked, on films with known truth.

from edgehands.evaluation.clips import load_clip
from edgehands.evaluation.runner import TrackerUnderTest
from edgehands.evaluation.metrics import score

clip = load_clip("crossing")
with TrackerUnderTest(TrackingConfig(model="lite")) as tracker:
    print(score(clip, tracker.run(clip)))
"""

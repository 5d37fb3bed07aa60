"""Converts public formats to and from a folder of labelled pictures: one file per format.

All of them number the 21 points as MediaPipe does, or are reordered here.
"""

"""Public formats, to and from a folder of labelled pictures: one file a format.

All of them number the 21 points as MediaPipe does, or are brought into that order here.
"""

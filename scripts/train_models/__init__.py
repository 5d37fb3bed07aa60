"""Hand models of our own, taught by MediaPipe's and by the exact truth of drawn hands.

``scripts/train_models/train NAME`` makes one of them; ``--help`` lists the names. Never part of the
package: what it writes is a float ``.tflite`` file that :mod:`build_models` quantises.
"""

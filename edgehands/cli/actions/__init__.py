"""The verbs' implementations, imported when run, so that ``--help`` loads no OpenCV or numpy."""

"""What the verbs do. Imported when a verb runs, so that ``--help`` loads no OpenCV or numpy."""

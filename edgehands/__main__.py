"""``python -m edgehands``: the command line, if the ``edgehands`` script isn't on the path."""

from edgehands.cli import main

if __name__ == "__main__":
    main()

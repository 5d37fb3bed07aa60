"""``python -m edgehands``: the command line, where the ``edgehands`` script isn't on the path."""

from edgehands.cli import main

if __name__ == "__main__":
    main()

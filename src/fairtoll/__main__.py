"""`python -m fairtoll` is the command `fairtoll`."""

from fairtoll.cli import main

if __name__ == "__main__":
    main()

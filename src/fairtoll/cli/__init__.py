"""The command line: thin commands, one file each."""

from fairtoll.cli.app import main as main

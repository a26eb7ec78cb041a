"""The command line: a module per command, which parses (``options``), calls, and ends with a code (``outcome``)."""

from topocraft.cli.app import app

__all__ = ["app"]

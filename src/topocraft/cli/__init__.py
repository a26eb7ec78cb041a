"""The command line: parse (``options``), call (``commands``), end with words and a code (``outcome``)."""

from topocraft.cli.commands import app

__all__ = ["app"]

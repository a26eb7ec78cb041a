"""The published datasets and the user's own, by name: where they are, whose they are, and how they are read."""

from topocraft.data.datasets.catalogue import PUBLISHED
from topocraft.data.datasets.entries import Dataset, RemoteFile
from topocraft.data.datasets.shelf import find, get, is_here, known, load

__all__ = ["PUBLISHED", "Dataset", "RemoteFile", "find", "get", "is_here", "known", "load"]

"""The published datasets and the user's own, by name: where they are, whose they are, and how they are read."""

from topocraft.data.datasets.access import find, get, is_here, known, load
from topocraft.data.datasets.catalogue import PUBLISHED
from topocraft.data.datasets.entries import Dataset, RemoteFile

__all__ = ["PUBLISHED", "Dataset", "RemoteFile", "find", "get", "is_here", "known", "load"]

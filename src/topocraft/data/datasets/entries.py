"""What is known of a dataset before it is read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

READ = (".h5ad", ".zarr", ".loom", ".h5")
PACKED = (".zip", ".gz")


@dataclass(frozen=True)
class RemoteFile:
    """A file of the source, and where it can be had.

    Parameters
    ----------
    name
        Name under which it is kept. A ``.zip`` or ``.gz`` holds one file to be read.
    addresses
        Where the same bytes are, tried in turn.
    checksum
        ``md5:…`` or ``sha256:…``. ``None`` where no public one is known: the first download is then trusted, and its
        SHA-256 is recorded and asked of every later one.
    size
        Bytes, where known.
    listings
        Addresses of a figshare article's description, asked in turn for the file's address, checksum and size.
    """

    name: str
    addresses: tuple[str, ...] = ()
    checksum: str | None = None
    size: int | None = None
    listings: tuple[str, ...] = ()

    @property
    def can_be_fetched(self) -> bool:
        """Whether any address is known."""
        return bool(self.addresses or self.listings)


@dataclass(frozen=True)
class Dataset:
    """A dataset by its name.

    Parameters
    ----------
    name, title
        As it is asked for, and one line about what it is.
    cells, batches, types
        Their numbers; ``None`` where nobody published them.
    licence, citation, url
        Terms of use, DOI of the study or of the collection, and a page about it.
    origin
        Where the cells came from before they were collected: accession numbers.
    files
        Alternatives, tried in turn; any one of them is the dataset.
    batch_key, label_key
        Columns of ``obs`` with the batch and the cell type in the source; the first that is there is taken.
    layer
        Layer of the source with the counts; ``None`` reads ``X``.
    note
        What to know before the scores are believed.
    by_hand
        What helps to find the file where no address gives it.
    local
        File of the user's own; such a dataset is never fetched.
    """

    name: str
    title: str
    cells: int | None = None
    batches: int | None = None
    types: int | None = None
    licence: str = "not stated"
    citation: str = "not stated"
    url: str | None = None
    origin: str = ""
    files: tuple[RemoteFile, ...] = ()
    batch_key: tuple[str, ...] = ("batch",)
    label_key: tuple[str, ...] = ("celltype",)
    layer: str | None = None
    note: str = ""
    by_hand: str = ""
    local: Path | None = None

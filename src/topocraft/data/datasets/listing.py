"""Addresses and checksums that a figshare article publishes of its files."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from topocraft.data.datasets.entries import PACKED, READ, RemoteFile
from topocraft.data.datasets.transfer import answered_json
from topocraft.errors import FileError, list_names

if TYPE_CHECKING:
    from topocraft.progress import Progress


def resolved(file: RemoteFile, progress: Progress) -> RemoteFile:
    """Return the file with what its article says of it, or the file itself if it needs no article.

    The article may hold the file packed, under the same name with another ending.

    Raises
    ------
    FileError
        No article answers, or none lists the file; the message names those that it lists.
    """
    if not file.listings:
        return file
    problems = []
    for address in file.listings:
        try:
            return _found(file, address, progress)
        except FileError as error:
            problems.append(str(error))
    raise FileError(" ".join(dict.fromkeys(problems)))


def _found(file: RemoteFile, address: str, progress: Progress) -> RemoteFile:
    answer = answered_json(address)
    items = [item for item in _items(answer) if {"name", "download_url"} <= item.keys()]
    alike = [item for item in items if _stem(item["name"]) == _stem(file.name)]
    if not alike:
        raise FileError(f"'{address}' lists no '{file.name}'; it lists {list_names(item['name'] for item in items)}.")
    item = next((item for item in alike if item["name"] == file.name), alike[0])
    licence = (answer.get("license") or {}).get("name") if isinstance(answer, dict) else None
    if licence:
        progress.say(f"{file.name}: licence {licence}, as its page states.")
    md5 = item.get("computed_md5") or item.get("supplied_md5")
    return replace(
        file,
        name=item["name"],
        addresses=(item["download_url"],),
        checksum=f"md5:{md5}" if md5 else None,
        size=item.get("size"),
    )


def _items(answer: Any) -> list[dict[str, Any]]:
    items = answer.get("files", []) if isinstance(answer, dict) else answer
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def _stem(name: str) -> str:
    stem = name.casefold()
    for ending in (*PACKED, *READ):
        stem = stem.removesuffix(ending)
    return stem

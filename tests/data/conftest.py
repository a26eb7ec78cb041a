from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest


@contextmanager
def _without_rights() -> Iterator[None]:
    if os.geteuid():
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def nobody() -> Callable[[], AbstractContextManager[None]]:
    """Act as a user without rights, which root has whatever the mode of a file or folder."""
    return _without_rights

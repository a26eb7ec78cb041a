"""The Chromium in which pages are tested: found, or installed by ``python tests/support/browser.py``."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

VARIABLE = "TOPOCRAFT_BROWSER"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
HELP = f"""No Chromium was found, in which the tests open pages. One of these helps:
  make browser                                     as root on Debian or Ubuntu: installs the package chromium
  .venv/bin/python -m playwright install chromium  without root: into your own cache; its libraries must be there
  export {VARIABLE}=/path/to/chromium              one that you have"""
WITHOUT_GRAPHICS = ("--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist")


def find() -> str | None:
    """Return the path of a Chromium: the one that is named, one on the path, or Playwright's own."""
    if VARIABLE in os.environ:
        return os.environ[VARIABLE]
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    return found or _of_playwright()


def _of_playwright() -> str | None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else None


@contextmanager
def launched() -> Iterator[Any]:
    """Start a headless Chromium that computes WebGL itself, so that it needs no graphics card."""
    import pytest
    from playwright.sync_api import sync_playwright

    path = find()
    if path is None:
        pytest.fail(HELP, pytrace=False)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(WITHOUT_GRAPHICS))
        yield browser
        browser.close()


def install() -> None:
    """Install Debian's package where that is allowed, else Playwright's build into the user's cache."""
    if os.geteuid() == 0 and shutil.which("apt-get"):
        subprocess.run(["apt-get", "update", "-qq"], check=False)
        subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"], check=False)
    else:
        subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)


def main() -> None:
    """Make sure that there is a browser, and say which, or say what helps."""
    if find() is None:
        sys.stderr.write("No Chromium yet; installing one.\n")
        install()
    path = find()
    if path is None:
        sys.exit(HELP)
    sys.stderr.write(f"Pages are tested in {path}\n")


if __name__ == "__main__":
    main()

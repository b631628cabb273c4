"""Chromium without a window, for what only a browser can show."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

_CHROMIUM, _DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
_FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--window-size=1400,2000",
)  # fmt: skip

needs_chromium = pytest.mark.skipif(
    not (_CHROMIUM and _DRIVER),
    reason="needs Chromium and its driver: apt-get install chromium chromium-driver",
)


@contextmanager
def browsing(folder: Path) -> Iterator[webdriver.Chrome]:
    """A browser that keeps its files in `folder`, and what its pages report."""
    options = webdriver.ChromeOptions()
    options.binary_location = str(_CHROMIUM)
    for flag in (*_FLAGS, f"--user-data-dir={folder / 'browser'}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    started = webdriver.Chrome(options, Service(str(_DRIVER)))
    try:
        yield started
    finally:
        started.quit()

"""Waiting, and running commands in this process, for the tests of flows."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from flows.cli import main


def until(true: Callable[[], object], seconds: float = 120.0) -> None:
    """Wait until it is true; it is to come long before that many seconds."""
    end_s = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end_s, "it took too long"
        time.sleep(0.02)


def lineup(*arguments: str | Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """The exit status of a command line, run in this process."""
    monkeypatch.setattr(sys, "argv", ["lineup", *map(str, arguments)])
    try:
        main()
    except SystemExit as leaving:
        return int(leaving.code or 0)
    return 0

"""What every page that Lineup serves keeps to: this machine only, under its own name, nothing from elsewhere."""

from __future__ import annotations

import os
import sys
import webbrowser
from contextlib import suppress
from typing import Final

HOST: Final = "127.0.0.1"


def hosts(port: int) -> tuple[str, str]:
    """The Host headers to answer to; a hostile page may own any other name, and lead it to this address."""
    return f"{HOST}:{port}", f"localhost:{port}"


def headers(own_code: str) -> dict[str, str]:
    """Headers of every answer; `own_code` is where scripts and styles may stand: 'self' or 'unsafe-inline'."""
    policy = {
        "default-src": "'none'",
        "img-src": "'self'",
        "media-src": "'self'",
        "connect-src": "'self'",
        "script-src": f"'{own_code}'",
        "style-src": f"'{own_code}'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    return {
        "Cache-Control": "no-store",
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }


def open_browser(url: str) -> None:
    """Open the page where there is a screen; on a server a text browser would take the terminal."""
    if sys.platform in ("darwin", "win32") or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        with suppress(webbrowser.Error, OSError):
            webbrowser.open(url)

"""Options that several commands share, and how they print."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

Group = Annotated[str, typer.Option("--group", "-g", help="The group's folder under data/.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


def plain(row: dict[str, Any]) -> dict[str, Any]:
    """The row with its paths as text, for JSON."""
    return {name: str(value) if isinstance(value, Path) else value for name, value in row.items()}

"""Pages made from templates: whatever is put in is escaped, and pictures stand in the page itself."""

from __future__ import annotations

import base64
from pathlib import Path

import jinja2


def template(path: Path, trim_blocks: bool = False) -> jinja2.Template:
    """The template in the file at `path`; `trim_blocks` leaves out the line end behind a block."""
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=trim_blocks)
    return environment.from_string(path.read_text(encoding="utf-8"))


def data_url(picture: bytes, kind: str) -> str:
    """A picture file of this kind, 'png' or 'jpeg', as an address that holds it."""
    return f"data:image/{kind};base64,{base64.b64encode(picture).decode('ascii')}"

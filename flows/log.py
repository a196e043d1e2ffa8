"""Log: one line of JSON per event, for machines that watch workers, refreshes and the server."""

from __future__ import annotations

import json
import logging
import logging.handlers
import time
from pathlib import Path
from typing import Any, Final

LOGS: Final = Path("cache") / "logs"


class JsonLines(logging.Formatter):
    """Time in UTC, level, the event's name, and what was given with it as `extra={"about": {...}}`."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line."""
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line: dict[str, Any] = {"time": f"{moment}.{record.msecs:03.0f}Z", "level": record.levelname.lower()}
        line |= {"event": record.getMessage(), **getattr(record, "about", {})}
        return json.dumps(line)


def event_log(name: str) -> logging.Logger:
    """The logger that appends to `name`.jsonl; several processes may, and a file that was moved away is begun anew."""
    LOGS.mkdir(parents=True, exist_ok=True)
    logger = logging.getLogger(f"lineup.{name}")
    logger.propagate = False
    logger.setLevel(logging.INFO)
    for handler in logger.handlers[:]:
        logger.removeHandler(handler)
        handler.close()
    handler = logging.handlers.WatchedFileHandler(LOGS / f"{name}.jsonl", encoding="utf-8")
    handler.setFormatter(JsonLines())
    logger.addHandler(handler)
    return logger

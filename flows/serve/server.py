"""Server: Prefect's own, in a process of its own, on loopback, with its database in the project.

`python -m flows.serve.server PORT` is that process. Prefect by itself lets any page of the web that a browser here has
open ask its server, and so run its flows; this one answers to its own pages only.
"""

from __future__ import annotations

import http.client
import sys
from contextlib import closing
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from flows.listening import guarded, listening
from pipeline.loopback import HOST

HOME: Final = Path("cache") / "prefect"
ANSWER_S: Final = 5.0


def environment(port: int) -> dict[str, str]:
    """What the server at `port`, and all that speak to it, are told; nothing of it is reported to anybody."""
    return {
        "PREFECT_HOME": str(HOME.resolve()),
        "PREFECT_API_URL": f"http://{HOST}:{port}/api",
        "PREFECT_SERVER_API_PORT": str(port),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
        "DO_NOT_TRACK": "1",
    }


def answers(api_url: str) -> bool:
    """Whether a Prefect server is up at this address."""
    address = urlsplit(api_url)
    kind = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
    try:
        with closing(kind(address.hostname or "", address.port, timeout=ANSWER_S)) as connection:
            connection.request("GET", f"{address.path.rstrip('/')}/health")
            return connection.getresponse().status == http.client.OK
    except (OSError, ValueError, http.client.HTTPException):
        return False


def main(port: int) -> None:
    """Serve until SIGTERM."""
    import uvicorn
    from prefect.server.api.server import create_app

    from flows.serve.sqlite import waiting_in_turn

    with waiting_in_turn(), listening(port, "--prefect-port") as listener:
        app = guarded(create_app(final=True), port)
        config = uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=1)
        uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main(int(sys.argv[1]))

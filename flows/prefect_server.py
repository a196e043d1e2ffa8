"""The Prefect server that is set, and names as Prefect takes them."""

from __future__ import annotations

from prefect.client.orchestration import get_client
from prefect.settings import get_current_settings

from pipeline.errors import LineupError


def check_server() -> None:
    """Raise LineupError when no server is set, or it does not answer: a temporary one would show nothing to anybody."""
    url = get_current_settings().api.url
    if not url:
        raise LineupError("no Prefect server is set: run 'prefect server start' and set PREFECT_API_URL to its address")
    with get_client(sync_client=True) as client:
        if client.api_healthcheck():
            raise LineupError(f"the Prefect server at {url} does not answer: start it, or unset PREFECT_API_URL")


def literal(name: str) -> str:
    """A run's name as it is: Prefect reads names as templates."""
    return name.replace("{", "{{").replace("}", "}}")

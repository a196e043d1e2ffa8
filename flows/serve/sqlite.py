"""SQLite, as Prefect's server uses it, without 'database is locked'.

Prefect begins most of its transactions as readers. One that reads, then writes, is refused at once when another has
written meanwhile, however long its time-out: what it has read is out of date. Here each waits for its turn to write
before it reads, in the order in which they come; SQLite itself would let those wait longest that came first.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext

from prefect.server.database.configurations import AioSqliteConfiguration
from prefect.server.database.dependencies import temporary_database_config
from prefect.settings import PREFECT_API_DATABASE_CONNECTION_URL
from sqlalchemy.ext.asyncio import AsyncSession, AsyncSessionTransaction


class InTurn(AioSqliteConfiguration):
    """Prefect's own, in which one transaction at a time may write."""

    def __init__(self, connection_url: str) -> None:
        super().__init__(connection_url)
        self._turn = asyncio.Lock()
        self._whose: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def begin_transaction(
        self,
        session: AsyncSession,
        with_for_update: bool = True,  # noqa: ARG002 - Prefect says it of some; here it holds for all
    ) -> AsyncIterator[AsyncSessionTransaction]:
        """Wait for the turn, then ask for the right to write."""
        within_another = self._whose is asyncio.current_task()  # it would wait for itself
        async with nullcontext() if within_another else self._turn:
            before, self._whose = self._whose, asyncio.current_task()
            try:
                async with super().begin_transaction(session, with_for_update=True) as transaction:
                    yield transaction
            finally:
                self._whose = before


@contextmanager
def waiting_in_turn() -> Iterator[None]:
    """Have a server that is made in the block use SQLite so; one on PostgreSQL stays as it is."""
    url = PREFECT_API_DATABASE_CONNECTION_URL.value()
    with temporary_database_config(InTurn(url) if url.startswith("sqlite") else None):
        yield

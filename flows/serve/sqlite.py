"""SQLite, as Prefect's server uses it, without 'database is locked'.

Prefect begins most of its transactions as readers. One that reads, then writes, is refused at once when another has
written meanwhile, however long its time-out: what it has read is out of date. Here each waits for its turn to write
before it reads, in the order in which they come; SQLite itself would let those wait longest that came first. One that
begins within another of the same task, as when a task's run takes a slot of a limit, becomes a savepoint of that.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

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
        self._session: AsyncSession

    @asynccontextmanager
    async def begin_transaction(
        self,
        session: AsyncSession,
        with_for_update: bool = True,  # noqa: ARG002 - Prefect says it of some; here it holds for all
    ) -> AsyncIterator[AsyncSessionTransaction]:
        """Wait for the turn, then ask for the right to write."""
        if self._whose is asyncio.current_task():  # on a connection of its own it would wait for itself
            session.sync_session.bind = (await self._session.connection()).sync_connection
            session.sync_session.join_transaction_mode = "create_savepoint"
            async with session.begin() as transaction:
                yield transaction
            return
        async with self._turn, super().begin_transaction(session, with_for_update=True) as transaction:
            self._whose, self._session = asyncio.current_task(), session
            try:
                yield transaction
            finally:
                self._whose = None


@contextmanager
def waiting_in_turn() -> Iterator[None]:
    """Have a server that is made in the block use SQLite so; one on PostgreSQL stays as it is."""
    url = PREFECT_API_DATABASE_CONNECTION_URL.value()
    with temporary_database_config(InTurn(url) if url.startswith("sqlite") else None):
        yield

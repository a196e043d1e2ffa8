"""What a transaction of Prefect's server does that reads, then writes, while others do the same."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from prefect.server.database.configurations import AioSqliteConfiguration
from prefect.server.database.dependencies import MODELS_DEPENDENCIES
from prefect.settings import PREFECT_API_DATABASE_CONNECTION_URL, temporary_settings
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from flows.serve.sqlite import InTurn, waiting_in_turn

AT_ONCE = 8


async def counted(config: AioSqliteConfiguration) -> int:
    """What a number is that so many transactions at once have read, and then made one more."""
    engine = await config.engine()
    async with engine.begin() as connection:
        await connection.execute(text("CREATE TABLE counter AS SELECT 0 AS n"))

    async def count() -> None:
        async with await config.session(engine) as session, config.begin_transaction(session):
            number = (await session.execute(text("SELECT n FROM counter"))).scalar_one()
            await asyncio.sleep(0.01)
            await session.execute(text("UPDATE counter SET n = :n"), {"n": number + 1})

    async with AsyncExitStack() as stack:
        stack.push_async_callback(engine.dispose)
        await asyncio.gather(*(count() for _ in range(AT_ONCE)))
        async with engine.connect() as connection:
            return int((await connection.execute(text("SELECT n FROM counter"))).scalar_one())


def test_each_waits_for_its_turn(tmp_path: Path) -> None:
    assert asyncio.run(counted(InTurn(f"sqlite+aiosqlite:///{tmp_path}/prefect.db"))) == AT_ONCE


def test_prefect_s_own_still_needs_that(tmp_path: Path) -> None:
    with pytest.raises(OperationalError, match="database is locked"):
        asyncio.run(counted(AioSqliteConfiguration(f"sqlite+aiosqlite:///{tmp_path}/prefect.db")))


def test_one_within_another_does_not_wait_for_itself(tmp_path: Path) -> None:
    async def nested() -> int:
        config = InTurn(f"sqlite+aiosqlite:///{tmp_path}/prefect.db")
        engine = await config.engine()
        async with (
            await config.session(engine) as outer,
            config.begin_transaction(outer),
            await config.session(engine) as inner,
            config.begin_transaction(inner),
        ):
            number = (await inner.execute(text("SELECT 1"))).scalar_one()
        await engine.dispose()
        return int(number)

    assert asyncio.run(asyncio.wait_for(nested(), 10)) == 1


@pytest.mark.parametrize(("url", "ours"), [("sqlite+aiosqlite:///a.db", True), ("postgresql+asyncpg://u@h/d", False)])
def test_postgresql_stays_as_it_is(url: str, ours: bool) -> None:
    with temporary_settings({PREFECT_API_DATABASE_CONNECTION_URL: url}), waiting_in_turn():
        assert isinstance(MODELS_DEPENDENCIES["database_config"], InTurn) is ours

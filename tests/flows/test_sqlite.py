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
from sqlalchemy.ext.asyncio import AsyncSession

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


WITHIN_S = 10.0  # one that waits for itself does so for a minute


async def nested(config: AioSqliteConfiguration, inner_ends_well: bool) -> list[str]:
    """What a table holds when a transaction has read and written, and one within it read and wrote too."""
    engine = await config.engine()
    async with engine.begin() as connection:
        await connection.execute(text("CREATE TABLE said (word TEXT)"))

    async def say(session: AsyncSession, word: str) -> None:
        await session.execute(text("SELECT word FROM said"))
        await session.execute(text("INSERT INTO said VALUES (:word)"), {"word": word})

    async with AsyncExitStack() as stack:
        stack.push_async_callback(engine.dispose)
        async with await config.session(engine) as outer, config.begin_transaction(outer):
            await say(outer, "before")
            async with await config.session(engine) as inner, config.begin_transaction(inner):
                await say(inner, "within")
                if not inner_ends_well:
                    await inner.rollback()
            await say(outer, "after")
        async with engine.connect() as connection:
            return list((await connection.execute(text("SELECT word FROM said"))).scalars())


@pytest.mark.parametrize(
    ("inner_ends_well", "said"),
    [(True, ["before", "within", "after"]), (False, ["before", "after"])],
    ids=["committed", "rolled back"],
)
def test_one_within_another_does_not_wait_for_itself(inner_ends_well: bool, said: list[str], tmp_path: Path) -> None:
    config = InTurn(f"sqlite+aiosqlite:///{tmp_path}/prefect.db")
    assert asyncio.run(asyncio.wait_for(nested(config, inner_ends_well), WITHIN_S)) == said


@pytest.mark.parametrize(("url", "ours"), [("sqlite+aiosqlite:///a.db", True), ("postgresql+asyncpg://u@h/d", False)])
def test_postgresql_stays_as_it_is(url: str, ours: bool) -> None:
    with temporary_settings({PREFECT_API_DATABASE_CONNECTION_URL: url}), waiting_in_turn():
        assert isinstance(MODELS_DEPENDENCIES["database_config"], InTurn) is ours

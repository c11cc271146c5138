"""Advisory locks of Postgres: who holds one works alone, and lets go by dying too, as locks end with connections."""

from __future__ import annotations

from enum import IntEnum

from django.db import connections

LOCK_SPACE = 0x6D747265
"""First half of the advisory locks of runs and tasks: "mtre" in ASCII."""

TEXTS_SPACE, PICTURES_SPACE = LOCK_SPACE + 1, LOCK_SPACE + 2
"""First half of the locks of chunks that are encoded; the number of the chunk is the second."""


class Lock(IntEnum):
    """Second half of the locks that belong to no run; runs take the numbers from 0 up. Never reused."""

    DECLARED = -1
    STAGING = -2
    METRICS = -3
    SCORES = -4
    EXPERIMENTS = -5
    PARTNERS = -6
    PRUNE = -7
    REINDEX = -8
    SYNC = -9
    CATCH_UP = -10
    ENCODE = -11
    ENCODE_NEXT = -12
    BROKER = -13  # in the database of the broker, where that is a Postgres


def take(number: int, *, using: str, space: int = LOCK_SPACE) -> bool:
    """Take a lock for this session, if no other has it."""
    with connections[using].cursor() as cursor:
        cursor.execute("select pg_try_advisory_lock(%s, %s)", [space, number])
        return bool(cursor.fetchone()[0])


def wait(number: int, *, using: str, space: int = LOCK_SPACE) -> None:
    """Take a lock for this session as soon as it is free."""
    with connections[using].cursor() as cursor:
        cursor.execute("select pg_advisory_lock(%s, %s)", [space, number])


def release(number: int, *, using: str, space: int = LOCK_SPACE) -> None:
    """Let a lock go."""
    with connections[using].cursor() as cursor:
        cursor.execute("select pg_advisory_unlock(%s, %s)", [space, number])


def held(*, using: str) -> set[int]:
    """The numbers of runs and tasks that are taken, by whomever."""
    with connections[using].cursor() as cursor:
        cursor.execute(
            "select objid::bigint from pg_locks where locktype = 'advisory' and classid::bigint = %s and objsubid = 2"
            " and database = (select oid from pg_database where datname = current_database())",
            [LOCK_SPACE],
        )
        return {row[0] for row in cursor.fetchall()}

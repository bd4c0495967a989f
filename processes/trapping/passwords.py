"""Who is asking: user name and password against the directory.

Checking a password is slow on purpose, so it runs in a small pool and a password that was right is
remembered for a minute, as a keyed hash bound to the stored one: a changed password counts at once,
and memory holds nothing that could be used elsewhere.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import Connection

from jobarranger import messages as m
from jobarranger.clock import Clock
from jobarranger.directory import Directory, User
from processes.trapping.refusals import NOT_AUTHENTICATED, Refused
from processes.trapping.throttle import Throttle, TooManyAttempts

#: Seconds for which a password that was right is not checked again.
REMEMBERED = 60.0
#: Seconds for which a user's row counts as fresh: bursts of requests ask for it once.
FRESH = 1.0
#: Checks at one time; each keeps a core busy.
POOL = 2
_MOST_REMEMBERED = 10_000

Read = Callable[[Callable[[Connection], User | None]], Awaitable[User | None]]


class Doorkeeper:
    """Tells who a user is, or raises `Refused` with the same words for every reason."""

    def __init__(self, directory: Directory, read: Read, clock: Clock) -> None:
        """Look users up through `read` (the database thread)."""
        self._directory = directory
        self._read = read
        self._clock = clock
        self._key = os.urandom(32)
        self._remembered: dict[str, tuple[bytes, float]] = {}
        self._known: dict[str, tuple[User, float]] = {}
        self._throttle = Throttle(clock.monotonic)
        self._pool = ThreadPoolExecutor(POOL, thread_name_prefix="password")

    async def identify(self, name: str, password: str, peer: str) -> User:
        """Return the user if the password is right and he may work.

        Raises:
            Refused: he is unknown, disabled or without a group, or the password is wrong.
        """
        user = await self._look_up(name)
        if user is None or not self._is_remembered(user, password):
            await self._check(user, name, password, peer)
        assert user is not None
        if not self._directory.is_enabled(user):
            raise Refused(NOT_AUTHENTICATED, m.JATRAPPER200050, user_name=name)
        return user

    async def _look_up(self, name: str) -> User | None:
        """Return the user; one who was just looked up is not asked for again."""
        now = self._clock.monotonic()
        user, until = self._known.get(name, (None, 0.0))
        if user is None or now >= until:
            user = await self._read(lambda conn: self._directory.user(conn, name))
            if len(self._known) >= _MOST_REMEMBERED:
                self._known.clear()
            if user is not None:
                self._known[name] = (user, now + FRESH)
        return user

    def close(self) -> None:
        """End the pool."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _check(self, user: User | None, name: str, password: str, peer: str) -> None:
        """Check slowly; an unknown user takes as long as a known one."""
        compared = user or User(name=name, password_hash="")
        loop = asyncio.get_running_loop()
        try:
            async with self._throttle.attempt((peer, name)) as attempt:
                if user is not None and self._is_remembered(user, password):
                    return  # checked for another request while this one waited
                right = await loop.run_in_executor(
                    self._pool, self._directory.verify, compared, password
                )
                if user is not None and right:
                    attempt.succeeded()
                    self._remember(user, password)
                    return
                attempt.failed()
        except TooManyAttempts:
            m.say(m.JATRAPPER300006, user_name=name[:100], peer=peer)
        raise Refused(NOT_AUTHENTICATED, m.JATRAPPER200008)

    def _digest(self, user: User, password: str) -> bytes:
        text = f"{user.password_hash}\0{password}".encode("utf-8", "surrogatepass")
        return hmac.digest(self._key, text, hashlib.sha256)

    def _is_remembered(self, user: User, password: str) -> bool:
        digest, until = self._remembered.get(user.name, (b"", 0.0))
        if self._clock.monotonic() >= until:
            self._remembered.pop(user.name, None)
            return False
        return hmac.compare_digest(digest, self._digest(user, password))

    def _remember(self, user: User, password: str) -> None:
        if len(self._remembered) >= _MOST_REMEMBERED:
            self._remembered.clear()
        until = self._clock.monotonic() + REMEMBERED
        self._remembered[user.name] = (self._digest(user, password), until)

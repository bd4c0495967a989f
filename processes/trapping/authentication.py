"""Who is asking: user name and password against the directory.

Checking a password is slow on purpose, so it has few places, in fair turns, and a password that was
right is remembered as a keyed hash bound to the stored one: a changed password counts at once, and
memory holds nothing that could be used elsewhere. Whatever is wrong, the slow check is done: an
unknown user, a wrong password and a user who may not work get one answer after one duration.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
from collections.abc import Awaitable, Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from sqlalchemy import Connection

from jobarranger import messages as m
from jobarranger import names
from jobarranger.clock import Clock
from jobarranger.directory import Directory, User
from jobarranger.directory.passwords import LONGEST
from processes.trapping.callers import lane_of
from processes.trapping.memory import Memory
from processes.trapping.refusals import NOT_AUTHENTICATED, TOO_MANY, Refused
from processes.trapping.throttle import Throttle, TooManyAttempts
from processes.trapping.turns import TooManyWait, Turns

#: Seconds for which a password that was right is not checked again, from its last use on.
REMEMBERED = 60.0
#: Seconds for which a user's row counts as fresh: bursts of requests ask for it once.
FRESH = 1.0
#: Seconds for which a user who was right keeps a lane of his own at his address.
WELCOME = 86_400.0
#: Checks at one time; each keeps a core busy.
POOL = 2
#: Checks that may wait from one address, and in all.
LONGEST_LANE, MOST_WAITING = 20, 200
#: Users, or pairs of user and address, that each memory holds.
_MOST_REMEMBERED = 10_000

Read = Callable[[Callable[[Connection], User | None]], Awaitable[User | None]]


@dataclass(frozen=True, slots=True)
class _Right:
    """Digests of name and password that were right, and of the hash that was stored then."""

    words: bytes
    stored: bytes


class Authenticator:
    """Finds who a user is, or raises `Refused` with the same words for every reason."""

    def __init__(self, directory: Directory, read: Read, clock: Clock) -> None:
        """Look users up through `read` (the database thread)."""
        self._directory = directory
        self._read = read
        self._key = os.urandom(32)
        now = clock.monotonic
        self._right: Memory[_Right] = Memory(now, REMEMBERED, _MOST_REMEMBERED)
        self._fresh: Memory[User] = Memory(now, FRESH, _MOST_REMEMBERED)
        self._welcome: Memory[bool] = Memory(now, WELCOME, _MOST_REMEMBERED)
        self._throttle = Throttle(now)
        self._turns = Turns(POOL, longest_lane=LONGEST_LANE, most_waiting=MOST_WAITING)
        self._pool = ThreadPoolExecutor(POOL, thread_name_prefix="password")

    async def identify(self, name: str, password: str, peer: str) -> User:
        """Return the user if the password is right and he may work.

        Raises:
            Refused: he is unknown, disabled or without a group, the password is wrong, or too many
                wait already.
        """
        if not names.can_be(name, names.USER) or len(password) > LONGEST:
            raise Refused(NOT_AUTHENTICATED, m.JATRAPPER200008)
        user = await self._recognise(name, password)
        if user is not None:
            return user
        try:
            return await self._in_line(name, password, lane_of(peer))
        except (TooManyAttempts, TooManyWait):
            user_name = names.shown(name)
            raise Refused(TOO_MANY, m.JATRAPPER300006, user_name=user_name, peer=peer) from None

    def close(self) -> None:
        """End the pool."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _recognise(self, name: str, password: str) -> User | None:
        """Return the user if the same words were right lately and would be now.

        The directory is asked only then: how long it takes says nothing about other words.
        """
        key = self._digest(name)
        right = self._right.get(key)
        if right is None or not hmac.compare_digest(right.words, self._digest(name, password)):
            return None
        user = self._fresh.get(key)
        if user is None:
            user = await self._look_up(name)
        if user is None or not self._directory.is_enabled(user):
            return None
        if not hmac.compare_digest(right.stored, self._digest(user.password_hash)):
            return None
        self._right.put(key, right)
        return user

    async def _in_line(self, name: str, password: str, lane: str) -> User:
        """Check after earlier failures of this user at this address have been waited for."""
        pair = self._digest(lane, name)
        async with self._throttle.attempt(pair) as attempt:
            user = await self._recognise(name, password)
            if user is not None:
                return user  # checked for another request while this one waited
            own = self._welcome.get(pair)
            try:
                user = await self._check(name, password, pair if own else lane)
            except Refused:
                attempt.failed()
                raise
            attempt.succeeded()
            self._welcome.put(pair, True)
            return user

    async def _check(self, name: str, password: str, lane: Hashable) -> User:
        """Check slowly, whoever it is and whatever is wrong."""
        loop = asyncio.get_running_loop()
        async with self._turns.place(lane) as place:
            user = await place.wait_for(self._look_up(name))
            compared = user or User(name=name, password_hash="")
            verify = self._directory.verify
            right = await place.wait_for(
                loop.run_in_executor(self._pool, verify, compared, password)
            )
        if user is None or not right:
            raise Refused(NOT_AUTHENTICATED, m.JATRAPPER200008)
        if not self._directory.is_enabled(user):
            raise Refused(NOT_AUTHENTICATED, m.JATRAPPER200050, user_name=names.shown(name))
        words, stored = self._digest(name, password), self._digest(user.password_hash)
        self._right.put(self._digest(name), _Right(words, stored))
        return user

    async def _look_up(self, name: str) -> User | None:
        """Ask the directory."""
        user = await self._read(lambda conn: self._directory.user(conn, name))
        if user is not None:
            self._fresh.put(self._digest(name), user)
        return user

    def _digest(self, *texts: str) -> bytes:
        """Return a digest that means nothing outside of this process."""
        text = "\0".join(texts).encode("utf-8", "surrogatepass")
        return hmac.digest(self._key, text, hashlib.sha256)

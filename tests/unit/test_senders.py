"""The sender check: slow name servers must not hold up the database thread."""

from __future__ import annotations

import threading
import time
from typing import Any, cast

import pytest

from jobarranger.clock import SystemClock
from processes.trapping import senders
from processes.trapping.senders import DirectorySenders


class NoHosts:
    """A directory without hosts."""

    def host(self, conn: object, name: str) -> None:
        """Know nobody."""


def test_many_slow_names_hold_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """One look-up that takes too long is enough to wait for no other."""
    gate = threading.Event()

    def slow(name: str) -> frozenset[str]:
        gate.wait(10)
        return frozenset({"192.0.2.1"})

    monkeypatch.setattr(senders, "_resolve", slow)
    monkeypatch.setattr(senders, "PATIENCE", 0.1)
    checker = DirectorySenders(cast("Any", NoHosts()), SystemClock())
    try:
        began = time.monotonic()
        for number in range(20):
            name = f"host{number}.example"
            assert checker.is_host(cast("Any", None), "h", name, "192.0.2.1") is None
        assert time.monotonic() - began < 1.0
    finally:
        gate.set()
        checker.close()

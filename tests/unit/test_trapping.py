"""The trapper's pure parts: routing, wishes, throttle, spool."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ipc.budget import SMALL
from ipc.server import Ending
from ipc.telegrams import LogRequest
from jobarranger import messages as m
from jobarranger.clock import SystemClock
from jobarranger.flow.results import Judged, Verdict
from jobarranger.operations.releasing import ReleaseRefused, ReleaseRequest, decide, read_path
from jobarranger.operations.rows.paths import IconInRun
from processes.trapping.client_requests import read_start, read_variables, registry_number
from processes.trapping.clients import cut
from processes.trapping.filters import Filters
from processes.trapping.operators import csv_line, read_choice
from processes.trapping.refusals import Refused, report
from processes.trapping.replay import Replay, retry_delay
from processes.trapping.routing import Routed, route
from processes.trapping.spool import Parcel, Spool
from processes.trapping.throttle import LONGEST_LINE, Throttle, TooManyAttempts

ZONE = ZoneInfo("Asia/Tokyo")
NOW = 1_795_368_000_000  # 2026-11-23 02:20:00 in Tokyo


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b"nonsense", Ending.CLOSE),
        (b"[]", "JATRAPPER200037"),
        (b"{}", "JATRAPPER200036"),
        (b'{"kind":"x","version":1,"data":{}}', "JATRAPPER200035"),
        (b'{"kind":"job.release","data":{}}', "JATRAPPER200035"),
        (b'{"kind":"job.logput","version":1,"data":null}', "JATRAPPER200035"),
        (b'{"kind":"jobresult","data":{}}', Ending.CLOSE),
        (b'{"kind":"jobresult","version":9,"data":{}}', "jobresult"),
        (b'{"kind":"jobnetrun"}', "jobnetrun"),
        (b'{"kind":"jobnetstatusrq"}', "jobnetstatusrq"),
    ],
)
def test_order_of_checks(payload: bytes, expected: object) -> None:
    """Each request reaches its handler, or the answer the original gives."""
    routed = route(payload)
    if isinstance(routed, Refused):
        assert routed.reported is not None
        assert routed.reported.id == expected
    else:
        assert (routed.kind if isinstance(routed, Routed) else routed) == expected


def start(**data: object) -> dict[str, object]:
    """Return a start request."""
    request = {"username": "u", "password": "p", "jobnetid": "NET"} | data
    return {"version": 1, "data": {key: value for key, value in request.items() if value != "-"}}


@pytest.mark.parametrize(
    ("message", "reported"),
    [
        ({}, "JATRAPPER200028"),
        ({"version": 2}, "JATRAPPER200027"),
        ({"version": "1"}, "JATRAPPER200021"),
        ({"version": 1, "data": []}, "JATRAPPER200022"),
        (start(username="-", password="-"), "JATRAPPER200032"),
        (start(password="-"), "JATRAPPER200033"),
        (start(jobnetid="-"), "JATRAPPER200034"),
        (start(env=[]), "JATRAPPER200051"),
        (start(env={str(n): "" for n in range(1025)}), "JATRAPPER200051"),
    ],
)
def test_checks_of_a_start(message: dict[str, object], reported: str) -> None:
    """The first failure decides, in the original's order."""
    with pytest.raises(Refused) as caught:
        read_start(message, NOW, ZONE)
    assert caught.value.reported is not None
    assert caught.value.reported.id == reported


def large_start(**data: object) -> bytes:
    """Return a start request that is too large to be read at once."""
    message = {"kind": "jobnetrun", **start(**data)}
    return json.dumps(message).encode() + b" " * SMALL


def test_a_large_start_is_read_in_two_steps() -> None:
    """Who asks for what comes first, the variables are left for after the log-in."""
    payload = large_start(env={"A": 1, "B": None})
    routed = route(payload)
    assert isinstance(routed, Routed)
    assert (routed.kind, routed.unread) == ("jobnetrun", payload)
    request = read_start(routed.message, NOW, ZONE)
    assert (request.username, request.jobnet_id, request.env) == ("u", "NET", {})
    assert read_variables(payload) == {"A": "1", "B": ""}


@pytest.mark.parametrize(
    "env", [[], {"": 1}, {"x" * 129: 1}, {str(n): n for n in range(1025)}, {"a": [[[[[[[0]]]]]]]}]
)
def test_variables_of_a_large_start_are_checked(env: object) -> None:
    """As those of a small one."""
    with pytest.raises(Refused):
        read_variables(large_start(env=env))


@pytest.mark.parametrize("kind", ["jobresult", "jobnetrun", "job.logput", "x"])
def test_a_request_that_would_become_too_much_is_refused_with_a_reason(kind: str) -> None:
    """In words, since a person may have sent it; none of it is built."""
    text = '{"kind":"%s","version":1,"data":{"env":%s}}'
    for value in ("[" * 490 + "]" * 490, "[" + "[]," * 20_000 + "[]]"):
        routed = route((text % (kind, value)).encode())
        assert isinstance(routed, Refused)
        assert "too large" in str(routed)


def test_a_refusal_is_one_short_line(caplog: pytest.LogCaptureFixture) -> None:
    """With the id of its message and the address, however much somebody has sent."""
    caplog.set_level("INFO")
    report(Refused("no " * 10_000, m.JATRAPPER200050, user_name="u" * 10_000), "10.0.0.1")
    report(Refused("no " * 10_000), "10.0.0.1")
    first, second = caplog.messages
    assert first.startswith("[JATRAPPER200050]")
    assert all("10.0.0.1" in line and len(line) < 600 for line in (first, second))


@pytest.mark.parametrize(
    ("text", "scheduled"),
    [
        ("20261123", None),
        ("20261124", 202611240000),
        ("2026112303", 202611230300),
        ("202611230221", 202611230221),
        ("202611230220", None),
        ("20261123022159", 202611230221),
        ("203013010000", None),
        ("", None),
        ("2026112302-1", None),
        (202611230300, 202611230300),
    ],
)
def test_start_time(text: object, scheduled: int | None) -> None:
    """8, 10, 12 or 14 digits of a real time, at least a minute ahead, in the server's zone."""
    if scheduled is None:
        with pytest.raises(Refused, match="start time"):
            read_start(start(start_time=text), NOW, ZONE)
    else:
        assert read_start(start(start_time=text), NOW, ZONE).scheduled_time == scheduled


@pytest.mark.parametrize(
    ("text", "number"),
    [("17", 17), ("", None), ("0", None), ("-1", None), ("9" * 30, None), ("1x", None)],
)
def test_registry_number(text: str, number: int | None) -> None:
    """Only a positive number can be a run."""
    assert registry_number(text) == number


def test_throttle_slows_down_after_failures_only() -> None:
    """A burst without failures passes; failures make the line short."""
    clock = [0.0]

    async def main() -> None:
        throttle = Throttle(lambda: clock[0])

        async def attempt(*, fails: bool) -> None:
            async with throttle.attempt(b"key") as one:
                await asyncio.sleep(0)
                if fails:
                    one.failed()
                    clock[0] += 10.0
                else:
                    one.succeeded()

        await asyncio.gather(*(attempt(fails=False) for _ in range(50)))
        ended = await asyncio.gather(
            *(attempt(fails=True) for _ in range(50)), return_exceptions=True
        )
        refused = [one for one in ended if isinstance(one, TooManyAttempts)]
        assert len(refused) == 50 - LONGEST_LINE

    asyncio.run(main())


def test_spool_keeps_order_and_survives_rubbish(tmp_path: Path) -> None:
    """Parcels come back in the order of arrival; what is no parcel is set aside."""
    spool = Spool(tmp_path / "spool")
    assert spool.waiting(10) == []
    for at in (3, 1, 2):
        spool.put(Parcel(received_at=at, peer="p", telegram=f"{at}é\n"))
    (tmp_path / "spool" / "000000000000000-x.result").write_bytes(b"{half")
    read = list(spool.read(spool.waiting(10)))
    assert [parcel.received_at for _, parcel in read] == [1, 2, 3]
    for path, _ in read:
        spool.remove(path)
    assert spool.waiting(10) == []
    assert [path.suffix for path in (tmp_path / "spool").iterdir()] == [".bad"]


def test_one_bad_parcel_does_not_hold_up_those_behind_it(tmp_path: Path) -> None:
    """It is set aside; the others are processed."""

    class Work:
        """Fails whenever result 2 is among those it is given."""

        def __init__(self) -> None:
            self.taken: list[int] = []

        def take(self, db: object, arrivals: list[Any]) -> list[Judged]:
            ids = [arrived.result.job_id for arrived in arrivals]
            if 2 in ids:
                raise OverflowError
            self.taken += ids
            return [Judged(Verdict.STORED) for _ in ids]

    spool, work = Spool(tmp_path), Work()
    for at in (1, 2, 3):
        data = {"jobid": at, "hostname": "h", "result": 1, "message": "m"}
        text = json.dumps({"kind": "jobresult", "version": 1, "data": data})
        spool.put(Parcel(received_at=at, peer="p", telegram=text))
    look = Replay(work, spool, SystemClock())  # type: ignore[arg-type]
    more = look._empty_spool(None)  # type: ignore[arg-type]
    assert not more
    assert work.taken == [1, 3]
    assert [path.suffix for path in tmp_path.iterdir()] == [".bad"]


def test_retry_delay_of_parked_results() -> None:
    """It doubles from ten seconds to ten minutes."""
    assert [retry_delay(tries) for tries in (0, 1, 2, 50)] == [10_000, 20_000, 40_000, 600_000]


def test_cut_leaves_characters_whole() -> None:
    """The limit counts bytes and never splits a character."""
    assert cut("日本", 5) == "日"
    assert cut("abc", 5) == "abc"


def target(main: int, icon: int | None = 5, method: int | None = 1) -> IconInRun:
    """Return a run with the icon at the path."""
    return IconInRun(main_id=main, owner="o", public=0, icon_id=icon, method=method)


def test_release_is_all_or_nothing() -> None:
    """One run that does not fit refuses the whole; runs without permission are left out."""
    request = ReleaseRequest(jobnet_id="NET", path=("J",))
    one, two = target(1), target(2)
    assert decide(request, [one, two], {1: True, 2: False}) == [one]
    for other in (target(3, method=0), target(3, None, None)):
        with pytest.raises(ReleaseRefused):
            decide(request, [one, other], {1: True, 3: True})
    with pytest.raises(ReleaseRefused, match="no running"):
        decide(request, [], {})


def test_release_of_a_missing_and_of_a_forbidden_run() -> None:
    """Both get the same words, with and without a number."""
    one = target(1)
    for number in (None, 1):
        request = ReleaseRequest(jobnet_id="NET", path=("J",), number=number)
        with pytest.raises(ReleaseRefused) as missing:
            decide(request, [], {})
        with pytest.raises(ReleaseRefused) as forbidden:
            decide(request, [one], {1: False})
        assert str(missing.value) == str(forbidden.value)


def test_release_path() -> None:
    """Jobnet, icons from the outside in, and the held icon."""
    assert read_path("NET/SUB/J") == ("NET", ("SUB", "J"))
    long = "NET" + "/J" * 2_000
    for wrong in ("NET", "/J", "NET/", "NET//J", "N" * 33 + "/J", "NET/J\0", "NET/\ud800", long):
        with pytest.raises(ReleaseRefused):
            read_path(wrong)


@pytest.mark.parametrize(
    ("text", "value", "fits"),
    [
        ("GHT", "NIGHTLY", True),
        ("ght", "NIGHTLY", False),
        ("^(DAY|NIGHT)LY$", "NIGHTLY", True),
        ("^[[:upper:]]+-[[:digit:]]{2,}$", "JOB-17", True),
        ("^[[:upper:]]+-[[:digit:]]{2,}$", "JOB-1", False),
        ("", "x", True),
        ("", "", False),
        (".", None, False),
        ("(", "(", False),
        (r"(a)\1", "aa", False),
        (r"a\\1", "a\\1", True),
        ("a" * 256, "a" * 256, False),
    ],
)
def test_log_expressions(text: str, value: str | None, fits: bool) -> None:
    """POSIX', unanchored, with regard to case; an invalid one fits nothing."""
    filters = filters_of(text)
    filters.check()
    assert filters.fits(SimpleNamespace(job_id=value)) == fits  # type: ignore[arg-type]


def filters_of(text: str, monotonic: Callable[[], float] = lambda: 0.0) -> Filters:
    """Return the filters of a request with one expression."""
    return Filters.of(LogRequest(username="u", password="p", jobid=text), monotonic)


@pytest.mark.parametrize("text", ["(a{33}){33}", "((.*){100}){100}x", "(" * 20 + "a" + "+)" * 20])
def test_log_expressions_that_take_too_much(text: str) -> None:
    """They are refused in so many words, also when no row is there to compare."""
    with pytest.raises(Refused, match="more memory or time"):
        filters_of(text).check()


def test_all_comparisons_of_one_question_share_their_time() -> None:
    """Each new value costs, one that was seen before does not."""
    clock = iter(range(100))  # each reading of it is a second
    filters = filters_of("a", lambda: float(next(clock)))
    same: Any = SimpleNamespace(job_id="a")
    assert all(filters.fits(same) for _ in range(50))
    assert filters.fits(SimpleNamespace(job_id="ab"))  # type: ignore[arg-type]
    with pytest.raises(Refused, match="more memory or time"):
        filters.fits(SimpleNamespace(job_id="abc"))  # type: ignore[arg-type]


def test_log_choice() -> None:
    """Times are extended to milliseconds; expressions are not looked at before log-in."""
    choice = read_choice(
        LogRequest(
            username="u", password="p", from_time="20260101", to_time="202601012359", jobid="("
        )
    )
    assert (choice.first, choice.last) == (20260101000000000, 20260101235959999)
    backwards: dict[str, Any] = {"from_time": "20260102", "to_time": "20260101"}
    no_month: dict[str, Any] = {"from_time": "20301301"}
    for wrong in (no_month, backwards):
        with pytest.raises(Refused):
            read_choice(LogRequest(username="u", password="p", **wrong))
    assert csv_line(('a"b', "")) == '"a""b",""'

"""Recorded requests to an original server, sent to our trapper: the replies must be the same bytes.

The database is brought into the state the original's was in. Free texts are masked in the
recordings; registry numbers differ and are translated.
"""

from __future__ import annotations

import asyncio
import csv
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, update

from ipc.client import exchange
from ipc.dialects import dump_job, loads
from jobarranger.db import tables as t
from jobarranger.db.engine import Database
from jobarranger.states import IconStatus, JobType, MethodFlag, UserType
from tests import trapper_rig as rigs
from tests.trapper_rig import Rig, trapper

RECORDED = Path(__file__).parents[1] / "data" / "telegrams.jsonl"

#: Requests by number of the recorded connection that are answered otherwise, and why.
EXCEPTIONS = {
    78: "a crafted user name logged in without a password; it is refused here",
}


#: Variables of the END icon and the keys of a status reply that show them.
OUTPUTS = {"JOB_EXIT_CD": "lastexitcd", "STD_OUT": "laststdout", "STD_ERR": "laststderr"}


def recorded() -> Iterator[dict[str, Any]]:
    """Give the exchanges with the server in the order of their connections."""
    for line in RECORDED.read_text(encoding="utf-8").splitlines():
        one = json.loads(line)
        if one["to"] == "trapper":
            yield one


class Replay:
    """Sends recorded requests and compares the replies."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.numbers: dict[str, str] = {}  #: recorded registry number -> ours
        self.prepare: dict[str, Callable[[Any, Any], None]] = {
            "jobresult": self.a_sent_job,
            "jobnetstatusrq": self.a_run,
            "job.release": self.a_held_icon,
            "job.logput": self.log_rows,
        }

    async def exchange(self, one: dict[str, Any]) -> None:
        """Replay one connection."""
        request = one["request"][0]["frame"]
        expected = one["reply"][0]["frame"]
        for old, new in self.numbers.items():
            request, expected = request.replace(old, new), expected.replace(old, new)
        asked, reported = loads(request.encode()), loads(expected.encode())
        prepare = self.prepare.get(asked["kind"])
        if prepare is not None:
            await asyncio.to_thread(prepare, asked["data"], reported["data"])
        reply = (await exchange("127.0.0.1", self.rig.port, request.encode())).payload
        if one["conn"] in EXCEPTIONS:
            assert b'"result":1' in reply, EXCEPTIONS[one["conn"]]
            return
        if asked["kind"] == "jobnetrun" and reported["data"]["result"] == 0:
            self.learn(expected, reply)
            reply = re.sub(rb"\[\d+\]", re.search(rb"\[\d+\]", expected.encode())[0], reply)
        assert masked(reply) == expected.encode(), f"connection {one['conn']}"

    def learn(self, expected: str, reply: bytes) -> None:
        """Remember what the recorded registry number is called here."""
        reported, ours = re.search(r"\[(\d+)\]", expected), re.search(rb"\[(\d+)\]", reply)
        assert reported, expected
        assert ours, reply
        self.numbers[reported[1]] = ours[1].decode()

    def a_sent_job(self, request: Any, reported: Any) -> None:
        """An icon that the reporting agent was asked to run."""
        icon = int(request["jobid"])
        rigs.add_run(self.rig, icon, "RESULT")
        rigs.add_sent_job(self.rig, icon, icon, request["hostname"])

    def a_run(self, request: Any, reported: Any) -> None:
        """The run in the recorded state, with what its END icon got."""
        number = int(request["registrynumber"])
        if reported["result"] != 0:
            return
        values = {
            "scheduled_time": reported["scheduled_time"],
            "start_time": reported["start_time"],
            "end_time": reported["end_time"],
            "run_type": reported["jobnetruntype"],
            "status": reported["jobentstatus"],
            "job_status": reported["jobstatus"],
        }
        self.forget(number)
        public = int(reported["jobnetid"] == "AUTHPUB")
        owner = "oper" if reported["jobnetid"] == "AUTHOP" else "Admin"
        rigs.add_run(self.rig, number, reported["jobnetid"], owner, public_flag=public, **values)
        if reported["lastexitcd"] or reported["laststdout"] or reported["laststderr"]:
            rigs.add_icon(self.rig, number % 10**9, number, "END", JobType.END, status=3)
            outputs = {
                "JOB_EXIT_CD": "lastexitcd",
                "STD_OUT": "laststdout",
                "STD_ERR": "laststderr",
            }
            for name, key in outputs.items():
                row: dict[str, Any] = {"inner_job_id": number % 10**9, "inner_jobnet_id": number}
                row |= {"value_name": name, "before_value": reported[key]}
                self.rig.add(t.run_value_before, row)

    def a_held_icon(self, request: Any, reported: Any) -> None:
        """The held icon of the recorded runs."""
        jobnet_id, _, job_id = request["jobid"].partition("/")
        for number in map(int, reported["inner_jobnet_id"]):
            self.forget(number)
            rigs.add_run(self.rig, number, jobnet_id)
            held = {"status": int(IconStatus.READY), "method_flag": int(MethodFlag.WAIT)}
            rigs.add_icon(self.rig, number % 10**9, number, job_id, JobType.JOB, **held)

    def log_rows(self, request: Any, reported: Any) -> None:
        """The rows that the recorded lines are about."""
        for line in csv.reader(reported.get("joblog", [])[1:], doublequote=False, escapechar="\\"):
            digits = [re.sub(r"\D", "", field) for field in line]
            row = {
                "log_date": int(digits[0]),
                "inner_jobnet_main_id": int(line[1]),
                "inner_jobnet_id": int(line[2]),
                "run_type": int(line[3]),
                "public_flag": int(line[4]),
                "jobnet_id": line[5],
                "job_id": line[6],
                "message_id": line[7],
                "jobnet_name": line[9],
                "job_name": line[10],
                "user_name": line[11],
                "update_date": int(digits[12]),
                "return_code": line[13],
            }
            self.rig.add(t.run_log, row)

    def forget(self, number: int) -> None:
        """Delete a run that was only registered."""
        gone = delete(t.run_jobnet).where(t.run_jobnet.c.inner_jobnet_id == number)
        self.rig.db.transaction(lambda unit: unit.execute(gone))


def masked(reply: bytes) -> bytes:
    """Return a reply with its free text as in the recordings; all other bytes are left alone."""
    message: Any = loads(reply)
    text = message["data"].get("message", "")
    if not text or text.startswith("Registry"):
        return reply
    return reply.replace(dump_job(text), b'"TEXT"')


def populate(rig: Rig) -> None:
    """Make the users and jobnets of the recordings."""
    rigs.add_user(rig, "Admin", "zabbix", "admins", user_type=UserType.SUPER)
    rigs.add_user(rig, "oper", "oper", "operators")
    rigs.add_user(rig, "dis", "dis", "operators", enabled=False)
    rigs.add_user(rig, "nogrp", "nogrp", None)
    rigs.add_user(rig, "guest", "", "guests")
    wanted = {
        json.loads(one["request"][0]["frame"])["data"].get("jobnetid")
        for one in recorded()
        if '"jobnetrun"' in one["request"][0]["frame"]
    }
    for name in sorted(wanted - {"NOSUCHNET", "AUTHPUB", "AUTHOP", "AUTHINV", None}):
        rigs.add_jobnet(rig, name, "Admin")
    rigs.add_jobnet(rig, "AUTHPUB", "Admin", public=True)
    rigs.add_jobnet(rig, "AUTHOP", "oper")
    rigs.add_jobnet(rig, "AUTHINV", "Admin", valid=False)
    text = t.define_run_log_message
    rig.db.transaction(lambda unit: unit.execute(update(text).values(message="TEXT")))


@pytest.mark.timeout(60)
def test_recorded_requests_get_the_recorded_replies(database: Database, tmp_path: Path) -> None:
    """Every request that was recorded gets the same keys, types, layout and values."""

    async def main() -> None:
        async with trapper(database, tmp_path) as rig:
            await asyncio.to_thread(populate, rig)
            replay = Replay(rig)
            for one in recorded():
                await replay.exchange(one)

    asyncio.run(main())

"""Random jobnets, operators and agents: the engine does what a naive model does.

After every deed the two agree about each icon; no icon starts before its inputs and none twice; at
the end a run has ended, or stands still and says so.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select, update

from jobarranger.db import tables as t
from jobarranger.db.engine import Database
from jobarranger.flow.stopping import request_stops
from jobarranger.states import (
    HOST_SLOTS,
    IconStatus,
    JobnetStatus,
    Method,
    MethodFlag,
    RunType,
)
from tests.integration.flow_model import Inst, Model, Net
from tests.jobnets import Bench, define

_NUMBERS = itertools.count(1)
#: What operators may hold or skip; a job whose exit code an IF looks at is not skipped.
_SKIPPABLE = frozenset({"JOB", "SET", "NET"})

#: Jobnets as nested blocks: (kind, parts).
Block = tuple[str, list[Any]]
BLOCKS: st.SearchStrategy[Block] = st.recursive(
    st.sampled_from([("JOB", []), ("SET", []), ("GOES-ON", [])]),
    lambda part: st.one_of(
        st.tuples(st.just("seq"), st.lists(part, min_size=2, max_size=3)),
        st.tuples(st.just("par"), st.lists(part, min_size=2, max_size=3)),
        st.tuples(st.just("race"), st.lists(part, min_size=2, max_size=2)),
        st.tuples(st.just("if"), st.lists(part, min_size=2, max_size=2)),
        st.tuples(st.just("loop"), st.lists(part, min_size=1, max_size=1)),
        st.tuples(st.just("exit"), st.lists(part, min_size=1, max_size=1)),
        st.tuples(st.just("NET"), st.lists(part, min_size=1, max_size=1)),
    ),
    max_leaves=7,
)


def build(block: Block, name: str) -> Net:
    """Return the jobnet of a block between START and END."""
    net = Net(f"{name}")
    net.join(_draw(net, block, net.add("START")), net.add("END"))
    return net


def _draw(net: Net, block: Block, source: str, way: str = "") -> str:
    """Add the icons of a block behind `source`; return the last one."""
    kind, parts = block
    draw = _BLOCKS.get(kind)
    if draw:
        return draw(net, block, source, way)
    icon = net.add("JOB" if kind == "GOES-ON" else kind)
    net.join(source, icon, way)
    if kind == "GOES-ON":
        net.goes_on.add(icon)
    if kind == "NET":
        net.nets[icon] = build(parts[0], f"{net.id}-{len(net.kinds)}")
    return icon


def _sequence(net: Net, block: Block, source: str, way: str) -> str:
    """One part after the other."""
    for part in block[1]:
        source, way = _draw(net, part, source, way), ""
    return source


def _parallel(net: Net, block: Block, source: str, way: str) -> str:
    """All parts at once; a `par` waits for all of them, a `race` for the first."""
    kind, parts = block
    fork, meeting = net.add("M"), net.add("W" if kind == "par" else "FI")
    net.join(source, fork, way)
    for part in parts:
        net.join(_draw(net, part, fork), meeting)
    if kind == "race":
        net.forks[meeting] = fork
    return meeting


def _either(net: Net, block: Block, source: str, way: str) -> str:
    """One of two parts."""
    condition, meeting = _condition(net, source, way), net.add("FI")
    for part, taken in zip(block[1], ("yes", "no"), strict=True):
        net.join(_draw(net, part, condition, taken), meeting)
    return meeting


def _loop(net: Net, block: Block, source: str, way: str) -> str:
    """One part again and again."""
    entry = net.add("L")
    net.join(source, entry, way)
    condition = _condition(net, _draw(net, block[1][0], entry), "")
    net.join(condition, entry, "no")
    leaving = net.add("SET")
    net.join(condition, leaving, "yes")
    return leaving


def _exit(net: Net, block: Block, source: str, way: str) -> str:
    """One part that ends the jobnet, or nothing."""
    condition = _condition(net, source, way)
    net.join(_draw(net, block[1][0], condition, "yes"), net.add("END"))
    staying = net.add("SET")
    net.join(condition, staying, "no")
    return staying


_BLOCKS: dict[str, Callable[[Net, Block, str, str], str]] = {
    "seq": _sequence,
    "par": _parallel,
    "race": _parallel,
    "if": _either,
    "loop": _loop,
    "exit": _exit,
}


def _condition(net: Net, source: str, way: str) -> str:
    """Add a job and the IF that looks at its exit code."""
    job, condition = net.add("JOB"), net.add("IF")
    net.join(source, job, way)
    net.join(job, condition)
    net.deciders[condition] = job
    return condition


def store(db: Database, net: Net) -> None:
    """Define a jobnet and all below it."""
    for sub in net.nets.values():
        store(db, sub)
    define(
        db,
        ";".join(f"{start} {way}:{end}".replace(" :", " ") for start, end, way in net.arrows),
        jobnet_id=net.id,
        settings={
            **{name: {"value_name": "JOB_EXIT_CD"} for name in net.deciders},
            **{name: {"jobnet": sub.id} for name, sub in net.nets.items()},
        },
        icons={name: {"continue_flag": 1} for name in net.goes_on},
    )


#: One run of four is a test run.
_KINDS = [RunType.IMMEDIATE, RunType.IMMEDIATE, RunType.IMMEDIATE, RunType.TEST]


class Machine(RuleBasedStateMachine):
    """One run, driven by random deeds."""

    def __init__(self, db: Database) -> None:
        """Work on `db`, which other examples have used before."""
        super().__init__()
        self.bench = Bench(db)
        object.__setattr__(self.bench.engine, "together_ms", 10**9)
        self.numbers: dict[tuple[Inst, str], int] = {}
        self.attempts: dict[int, int] = {}

    @initialize(block=BLOCKS, kind=st.sampled_from(_KINDS), data=st.data())
    def start(self, block: Block, kind: RunType, data: st.DataObject) -> None:
        """Define a jobnet, hold and skip some of its icons, and start it."""
        net = build(block, f"N{next(_NUMBERS)}")
        store(self.bench.db, net)
        self.model = Model(net, test=kind is RunType.TEST)
        (self.run,) = self.bench.start(net.id, run_type=kind)
        self._find(self.model.main, self.run)
        for icon in data.draw(st.lists(st.sampled_from(self._touchable()), max_size=2)):
            flag = data.draw(st.sampled_from([MethodFlag.WAIT, MethodFlag.SKIP]))
            if flag is MethodFlag.WAIT or self._may_skip(*icon):
                self._flag(*icon, flag)
        self.model.begin(self.model.main)
        self._settle()

    def _find(self, inst: Inst, number: int) -> None:
        """Note the numbers of the icons of an instance and of those below it."""
        c = t.run_job.c
        rows = self.bench.rows(select(c.job_id, c.inner_job_id).where(c.inner_jobnet_id == number))
        self.numbers.update({(inst, row.job_id): row.inner_job_id for row in rows})
        for name, sub in inst.below.items():
            self._find(sub, self.bench.sub(number, name))

    def _touchable(self) -> list[tuple[Inst, str]]:
        """Return what people may hold."""
        return [(inst, name) for inst, name in self.model.icons() if name != "START"]

    def _may_skip(self, inst: Inst, name: str) -> bool:
        """Return whether people may skip an icon."""
        decides = name in inst.net.deciders.values()
        return inst.net.kinds[name] in _SKIPPABLE and not decides

    # -- deeds ------------------------------------------------------------------------------

    def _flag(self, inst: Inst, name: str, flag: MethodFlag, *, again: bool = False) -> None:
        """Set the method of an icon in both worlds; `again`: it is to be started now."""
        inst.method[name] = flag
        values = {"method_flag": int(flag)} | ({"status": 1} if again else {})
        self.bench.change_number(self.numbers[inst, name], **values)
        if again or inst.state[name] is IconStatus.READY:
            self.model.ready(inst, name)

    def _those(self, may: Callable[[Inst, str], bool]) -> list[tuple[Inst, str]]:
        """Return the icons that people may do something to."""
        return [(inst, name) for inst, name in self.model.icons() if may(inst, name)]

    def _may_hold(self, inst: Inst, name: str) -> bool:
        untouched = inst.state[name] is IconStatus.BEGIN and name != "START"
        return untouched and inst.method[name] is MethodFlag.NORMAL

    def _may_release(self, inst: Inst, name: str) -> bool:
        return inst.method[name] is MethodFlag.WAIT

    def _may_skip_now(self, inst: Inst, name: str) -> bool:
        failed = inst.state[name] is IconStatus.RUNERR and name not in inst.net.goes_on
        waits = inst.state[name] is IconStatus.BEGIN or self._may_release(inst, name)
        return self._may_skip(inst, name) and (failed or waits)

    def _may_run_again(self, inst: Inst, name: str) -> bool:
        failed = inst.state[name] is IconStatus.RUNERR and name not in inst.net.goes_on
        return failed and inst.net.kinds[name] == "JOB" and inst.status in _ACTIVE

    def _may_stop(self, inst: Inst, name: str) -> bool:
        return inst.net.kinds[name] == "JOB" and inst.state[name] is IconStatus.RUN

    @rule(data=st.data(), ok=st.sampled_from([True, True, True, False]), code=st.integers(0, 1))
    @precondition(lambda self: self.model.running_jobs())
    def a_job_ends(self, data: st.DataObject, ok: bool, code: int) -> None:
        """One job ends, well or by a signal."""
        inst, name = data.draw(st.sampled_from(self.model.running_jobs()))
        self._end_job(inst, name, ok=ok, code=code)
        self._settle()

    def _end_job(self, inst: Inst, name: str, *, ok: bool, code: int) -> None:
        number = self.numbers[inst, name]
        self.model.report(inst, name, ok=ok, code=code)
        self.bench.report(
            self.bench.result(
                number, attempt=self.attempts[number], signal=int(not ok), return_code=code
            )
        )

    @rule(data=st.data())
    @precondition(lambda self: self._those(self._may_hold))
    def hold(self, data: st.DataObject) -> None:
        """Somebody puts an icon on hold that the flow has not reached."""
        self._flag(*data.draw(st.sampled_from(self._those(self._may_hold))), MethodFlag.WAIT)
        self._settle()

    @rule(data=st.data())
    @precondition(lambda self: self._those(self._may_release))
    def release(self, data: st.DataObject) -> None:
        """Somebody takes a hold off."""
        self._flag(*data.draw(st.sampled_from(self._those(self._may_release))), MethodFlag.NORMAL)
        self._settle()

    @rule(data=st.data())
    @precondition(lambda self: self._those(self._may_skip_now))
    def skip(self, data: st.DataObject) -> None:
        """Somebody skips an icon: not reached, on hold, or failed."""
        inst, name = data.draw(st.sampled_from(self._those(self._may_skip_now)))
        self._flag(inst, name, MethodFlag.SKIP, again=inst.state[name] is IconStatus.RUNERR)
        self._settle()

    @rule(data=st.data())
    @precondition(lambda self: self._those(self._may_run_again))
    def run_again(self, data: st.DataObject) -> None:
        """Somebody runs a failed job again."""
        icon = data.draw(st.sampled_from(self._those(self._may_run_again)))
        self._flag(*icon, MethodFlag.RERUN, again=True)
        self._settle()

    @rule(data=st.data())
    @precondition(lambda self: self._those(self._may_stop))
    def stop(self, data: st.DataObject) -> None:
        """Somebody stops a running job; its agent reports later."""
        inst, name = data.draw(st.sampled_from(self._those(self._may_stop)))
        self.bench.change_number(self.numbers[inst, name], method_flag=int(MethodFlag.STOP))
        request_stops(self.bench.db, self.bench.engine, range(HOST_SLOTS))
        self.model.stop(inst, name)
        self._settle()

    @rule(earnest=st.sampled_from([True, *[False] * 7]))
    @precondition(lambda self: self.model.main.status is not JobnetStatus.END)
    def stop_the_run(self, earnest: bool) -> None:
        """Somebody stops the run, not too often."""
        if not earnest or self.bench.summary(self.run).status != JobnetStatus.RUN:
            return
        c = t.run_jobnet_summary.c
        asked = update(t.run_jobnet_summary).where(c.inner_jobnet_id == self.run)
        self.bench.db.transaction(lambda unit: unit.execute(asked.values(jobnet_abort_flag=1)))
        self.bench.aborter.abort()
        self.model.abort()
        self._settle()
        assert self.bench.summary(self.run).status == JobnetStatus.ENDERR

    @rule()
    def look_on(self) -> None:
        """Nothing happens, as always when a run has ended; the two still agree."""
        self._settle()

    # -- comparing --------------------------------------------------------------------------

    def _settle(self) -> None:
        """Let both worlds come to rest, and compare them."""
        self.bench.drain()
        self.model.drain()
        self._take_requests()
        rows = self._rows(t.run_job)
        states = {row.inner_job_id: IconStatus(row.status) for row in rows}
        wrong = {
            inst.path + name: (states[self.numbers[inst, name]].name, inst.state[name].name)
            for inst, name in self.model.icons()
            if states[self.numbers[inst, name]] is not inst.state[name]
        }
        assert not wrong, f"engine and model differ: {wrong}"
        self._compare_starts()

    def _rows(self, table: Any) -> list[Any]:
        return self.bench.rows(select(table).where(table.c.inner_jobnet_main_id == self.run))

    def _take_requests(self) -> None:
        """Take the requests to agents; none may be for a job that the agent has already."""
        runs = {Method.NORMAL, Method.TEST}
        for request in [one for one in self.bench.send_all() if one.method in runs]:
            number = request.inner_job_id
            assert request.attempt == self.attempts.get(number, 0) + 1
            self.attempts[number] = request.attempt
        running = {self.numbers[icon] for icon in self.model.running_jobs()}
        assert running <= self.attempts.keys()

    def _compare_starts(self) -> None:
        """No icon has started more often than its inputs have come; read from the run log alone."""
        starts: dict[int, int] = {}
        fired: dict[int, int] = {}
        for row in self._rows(t.run_log):
            number = row.inner_job_id
            if row.message_id == "JC00000003":
                starts[number] = starts.get(number, 0) + 1
            elif row.message_id in {"JC00000004", "JC90000002"}:
                fired[number] = fired.get(number, 0) + 1
        for inst, name in self.model.icons():
            number = self.numbers[inst, name]
            begun = starts.get(number, 0)
            assert begun <= len(inst.started[name])
            sources = [start for start, end, _ in inst.net.arrows if end == name]
            came = [fired.get(self.numbers[inst, one], 0) for one in sources] or [begun]
            inputs = sum(came) if inst.net.kinds[name] in {"FI", "L"} else min(came)
            assert begun <= inputs, f"{inst.path}{name} has started without its inputs"

    # -- the end ----------------------------------------------------------------------------

    def teardown(self) -> None:
        """Release, run again and end everything: the run ends, or it says that it stands still."""
        if not hasattr(self, "model"):
            return
        for _ in range(200):
            if not self._finish_some():
                break
            self._settle()
        else:
            raise AssertionError("the run comes to no end")
        main = self.model.main
        assert self.bench.instance(self.run).status == main.status
        if main.status in _ACTIVE:
            assert main.stands_still or any(inst.stands_still for inst in self.model.instances)
            notes = [row.log_message_id for row in self._rows(t.send_message)]
            assert "JAJOBNETRUN300001" in notes
        elif main.status is JobnetStatus.END:
            assert self.bench.summary(self.run).status == JobnetStatus.END

    def _finish_some(self) -> bool:
        """Do everything that keeps the run from ending; return whether there was anything."""
        done = False
        for inst, name in self.model.icons():
            if inst.method[name] is MethodFlag.WAIT:
                self._flag(inst, name, MethodFlag.NORMAL)
            elif self._may_run_again(inst, name):
                self._flag(inst, name, MethodFlag.RERUN, again=True)
            else:
                continue
            done = True
        if not done and (running := self.model.running_jobs()):
            self._end_job(*running[0], ok=True, code=1)
            done = True
        return done


_ACTIVE = frozenset({JobnetStatus.RUN, JobnetStatus.RUNERR})


@pytest.mark.timeout(300)
def test_the_engine_does_what_a_naive_model_does(database: Database) -> None:
    """Random jobnets with joins, branches, loops, exits, nesting; failures, holds, skips, re-runs,
    stops of icons and of the run; test runs.

    `JOBARG_TEST_EXAMPLES` sets how many runs are tried; more than the default are random ones.
    """
    wanted = os.environ.get("JOBARG_TEST_EXAMPLES")
    run_state_machine_as_test(
        cast(Any, lambda: Machine(database)),
        settings=settings(
            max_examples=int(wanted or 100),
            stateful_step_count=25,
            derandomize=not wanted,
            deadline=None,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        ),
    )

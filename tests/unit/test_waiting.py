"""Why icons do not run and runs do not go on: every reason, and that there always is one."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobarranger.states import (
    DispatchState,
    FlowType,
    IconStatus,
    JobnetStatus,
    JobStatus,
    JobType,
    LoadStatus,
    MethodFlag,
)
from jobarranger.waiting import (
    Arrow,
    Explained,
    FamilyFacts,
    HostUsability,
    IconFacts,
    InstanceFacts,
    Need,
    Reason,
    RequestFacts,
    SummaryFacts,
    Why,
    explain,
    ways,
)
from jobarranger.waiting.reasons import AT_WORK, OF_RUNS, THE_RUN, WORDS

B, READY, RUN, END, ERR, FATAL, ABORT = IconStatus
MAIN = 1
NOW = 1_800_000_000_000
KINDS = {
    "START": JobType.START, "END": JobType.END, "IF": JobType.IF, "IFEND": JobType.IFEND,
    "W": JobType.W, "M": JobType.M, "L": JobType.L, "JOB": JobType.JOB, "NET": JobType.JOBNET,
    "SET": JobType.VALUE,
}  # fmt: skip


class Net:
    """A family drawn as chains, e.g. `START JOB-1 END`; see `draw`."""

    def __init__(self, drawing: str, **states: IconStatus) -> None:
        self.icons: dict[str, IconFacts] = {}
        self.arrows: list[tuple[str, str, FlowType]] = []
        self.instances = {
            MAIN: InstanceFacts(id=MAIN, icon_id=0, jobnet_id="TOP", status=JobnetStatus.RUN)
        }
        self.values: dict = {"summary": SummaryFacts(status=JobnetStatus.RUN)}
        self.draw(drawing, MAIN)
        for name, status in states.items():
            self.set(name.replace("_", "-"), status=status)

    def draw(self, drawing: str, instance: int, prefix: str = "") -> Net:
        """Add chains to an instance; `+` and `-` before an icon mark the arrow into it."""
        for chained in drawing.split(";"):
            words = chained.split()
            for word in words:
                self._icon(prefix + word.lstrip("+-"), word.lstrip("+-"), instance)
            for start, end in pairwise(words):
                kind = {"+": FlowType.TRUE, "-": FlowType.FALSE}.get(end[0], FlowType.NORMAL)
                self.arrows.append((prefix + start.lstrip("+-"), prefix + end.lstrip("+-"), kind))
        return self

    def _icon(self, name: str, job_id: str, instance: int) -> None:
        if name not in self.icons:
            self.icons[name] = IconFacts(
                id=100 + len(self.icons), instance_id=instance, job_id=job_id,
                type=KINDS[job_id.partition("-")[0]], status=B, boot_count=0,
            )  # fmt: skip

    def inside(self, owner: str, drawing: str, status: JobnetStatus, prefix: str = "in/") -> Net:
        """Give a JOBNET icon its sub-jobnet."""
        number = MAIN + len(self.instances)
        self.instances[number] = InstanceFacts(
            id=number, icon_id=self.icons[owner].id, jobnet_id="SUB", status=status
        )
        return self.draw(drawing, number, prefix)

    def set(self, name: str, **changes: object) -> Net:
        """Change what is known of an icon."""
        old = self.icons[name]
        fields = {key: getattr(old, key) for key in IconFacts.__dataclass_fields__}
        self.icons[name] = IconFacts(**{**fields, **changes})
        return self

    def summary(self, status: JobnetStatus, main: JobnetStatus | None = None, **more) -> Net:
        """Change the summary, and the main jobnet's own state."""
        self.values["summary"] = SummaryFacts(status=status, **more)
        if main is not None:
            self.instances[MAIN] = InstanceFacts(id=MAIN, icon_id=0, jobnet_id="TOP", status=main)
        return self

    def known(self, **values: object) -> Net:
        """Set what else is known of the family."""
        self.values |= values
        return self

    def family(self) -> FamilyFacts:
        """Count the arrows (those of ended icons have fired) and return the family."""
        ids = {name: icon.id for name, icon in self.icons.items()}
        for name, icon in list(self.icons.items()):
            entering = [start for start, end, _ in self.arrows if end == name]
            fired = sum(self.icons[start].is_over for start in entering)
            if any(self.icons[start].type is JobType.IF for start in entering):
                fired = icon.end_count
            self.set(name, boot_count=len(entering), end_count=icon.end_count or fired)
        return FamilyFacts(
            registry=MAIN,
            instances=self.instances,
            icons={icon.id: icon for icon in self.icons.values()},
            arrows=tuple(Arrow(start=ids[a], end=ids[b], type=kind) for a, b, kind in self.arrows),
            **{"now": NOW, "minute": 202701151230, **self.values},
        )

    def explain(self) -> Explained:
        """Explain it."""
        return explain(self.family())

    def why(self, name: str) -> Why:
        """Return the reason of an icon."""
        return self.explain().icons[self.icons[name].id]

    def run(self) -> Why:
        """Return the reason of the run."""
        why = self.explain().run
        assert why is not None
        return why

    def cause(self, name: str) -> str:
        """Return the path of the root cause of an icon's waiting."""
        cause = ways(self.explain()).cause(self.icons[name].id)
        assert cause is not None
        return cause.path


def request(state: DispatchState, **more) -> RequestFacts:
    """Return a request to the agent on web1."""
    return RequestFacts(attempt=1, state=state, host_name="web1", created_at=NOW - 5000, **more)


LONG = "START " + " ".join(f"JOB-{n}" for n in range(1, 10)) + " END"


# -- icons that have not been reached --------------------------------------------------------


def test_an_icon_waits_for_the_one_that_runs_before_it():
    """What goes on by itself needs nobody."""
    net = Net("START JOB-1 JOB-2 END", START=END, JOB_1=RUN)
    why = net.why("JOB-2")
    assert (why.reason, why.need) == (Reason.ARROWS, Need.TIME)
    assert why.text == "waits for JOB-1"
    assert net.run().reason is Reason.GOING_ON
    assert "TOP/JOB-1" in net.run().text


def test_the_last_icon_of_a_long_chain_names_the_failed_one_at_its_beginning():
    """The root cause, not the icon just before."""
    net = Net(LONG, START=END, JOB_1=ERR).set("JOB-1", message="exit code 3")
    why = net.why("END")
    assert why.reason is Reason.BLOCKED
    assert "JOB-9" in why.text
    way = ways(net.explain()).chain(net.icons["END"].id)
    assert [one.path for one in way] == [
        "TOP/END", *(f"TOP/JOB-{n}" for n in range(9, 0, -1))
    ]  # fmt: skip
    assert way[-1].text == "in error: exit code 3"
    assert "jobarg_ctl icon rerun 1/JOB-1" in way[-1].advice


def test_a_join_shows_which_arrows_are_missing():
    """How many have come, and from whom the others are awaited."""
    net = Net("START M JOB-1 W END; M JOB-2 W; M JOB-3 W", START=END, M=END, JOB_1=END)
    net.set("JOB-2", status=RUN).set("JOB-3", status=RUN)
    assert net.why("W").text == "reached by 1 of 3 arrows; waits for JOB-2, JOB-3"
    net.set("JOB-3", status=READY, method=MethodFlag.WAIT)
    why = net.why("W")
    assert why.reason is Reason.BLOCKED
    assert net.cause("END") == "TOP/JOB-3", "JOB-2 will end by itself"


def test_a_join_behind_a_condition_is_never_filled():
    """The branch that was not taken never fires into W: the run is drained, and W is the cause."""
    net = Net("START IF-1 +JOB-1 W END; IF-1 -JOB-2 W", START=END, IF_1=END, JOB_1=END)
    assert net.why("JOB-2").reason is Reason.OTHER_BRANCH
    assert net.why("JOB-2").need is Need.NOBODY
    why = net.why("W")
    assert why.reason is Reason.JOIN_INCOMPLETE
    assert "IFEND" in why.advice
    assert net.why("END").reason is Reason.UNREACHABLE
    assert net.cause("END") == "TOP/W"
    run = net.run()
    assert (run.reason, run.need) == (Reason.DRAINED, Need.OPERATOR)
    assert "TOP/W" in run.text


def test_a_run_that_will_be_drained_is_reported_while_icons_run():
    """END cannot be reached any more although something is still at work."""
    net = Net("START IF-1 +JOB-1 W END; IF-1 -JOB-2 W", START=END, IF_1=END, JOB_1=RUN)
    net.set("JOB-1", end_count=1)
    assert net.run().reason is Reason.END_UNREACHABLE
    assert net.why("W").reason is Reason.JOIN_INCOMPLETE


def test_an_ifend_behind_a_condition_is_reached():
    """It starts at the first arrival, so the other branch does no harm."""
    net = Net("START IF-1 +JOB-1 IFEND END; IF-1 -JOB-2 JOB-3 IFEND", START=END, IF_1=END)
    net.set("JOB-1", status=RUN, end_count=1)
    assert net.why("IFEND").reason is Reason.ARROWS
    assert net.why("IFEND").text == "waits for JOB-1"
    assert net.why("JOB-3").reason is Reason.OTHER_BRANCH
    assert "IF-1" in net.why("JOB-3").text


def test_a_loop_is_not_lost():
    """An icon that has ended is reached again by an arrow back to L."""
    net = Net("START L JOB-1 IF-1 +JOB-2 END; IF-1 -L", START=END, L=END, JOB_1=RUN, IF_1=END)
    net.set("IF-1", end_count=1).set("L", end_count=1)
    assert net.why("JOB-2").reason is Reason.ARROWS
    assert net.run().reason is Reason.GOING_ON


def test_an_unmarked_arrow_of_a_condition_never_fires():
    """Outside of a test run a condition takes marked arrows only."""
    net = Net("START IF-1 JOB-1 END", START=END, IF_1=END)
    assert net.why("JOB-1").reason is Reason.UNREACHABLE
    assert net.run().reason is Reason.DRAINED


def test_a_failed_icon_shows_what_can_be_done_with_its_kind():
    """A condition can be run again only, others can be skipped as well."""
    net = Net("START IF-1 +JOB-1 END", START=END, IF_1=ERR)
    why = net.why("IF-1")
    assert why.reason is Reason.IN_ERROR
    assert why.advice == "Find the cause, then run it again (jobarg_ctl icon rerun 1/IF-1)."
    assert net.why("JOB-1").reason is Reason.BLOCKED
    assert net.cause("END") == "TOP/IF-1"
    assert net.run().reason is Reason.STANDS
    assert Net("START", START=ERR).why("START").reason is Reason.FATAL, "nothing can be done"
    assert "skip it (jobarg_ctl icon skip 1/SET-1)" in Net("SET-1", SET_1=ERR).why("SET-1").advice


def test_the_continue_flag_lets_the_flow_go_on():
    """Such an icon counts as ended and has no reason."""
    net = Net("START JOB-1 JOB-2 END", START=END, JOB_1=ERR, JOB_2=RUN)
    net.set("JOB-1", continues=True)
    assert net.icons["JOB-1"].id not in net.explain().icons
    assert net.run().reason is Reason.GOING_ON


# -- icons that are ready, at work, failed ---------------------------------------------------


def test_hold():
    """A held icon shows how to release it; the run stands; what is behind names it."""
    net = Net("START JOB-1 END", START=END, JOB_1=READY)
    net.set("JOB-1", method=MethodFlag.WAIT, ready_at=NOW - 60_000)
    why = net.why("JOB-1")
    assert why.reason is Reason.HELD
    assert "jobarg_ctl icon release 1/JOB-1" in why.advice
    assert net.cause("END") == "TOP/JOB-1"
    assert net.run().reason is Reason.STANDS
    early = Net("START JOB-1 JOB-2 JOB-3 END", START=END, JOB_1=RUN)
    early.set("JOB-2", method=MethodFlag.WAIT)
    assert early.why("JOB-2").reason is Reason.ARROWS, "the hold begins when it is reached"
    assert early.why("JOB-3").reason is Reason.BLOCKED
    assert early.run().reason is Reason.GOING_ON


def test_a_start_with_hold():
    """The START icon of a run of type 2 is held."""
    net = Net("START END", START=READY).set("START", method=MethodFlag.WAIT)
    assert net.why("START").reason is Reason.HELD_START
    assert net.cause("END") == "TOP/START"


def test_ready_icons():
    """About to start, not taken for long, or its host is locked."""
    net = Net("START JOB-1 END", START=END, JOB_1=READY).set("JOB-1", ready_at=NOW - 1)
    assert net.why("JOB-1").reason is Reason.NEXT
    net.set("JOB-1", ready_at=NOW - 60_000)
    assert net.why("JOB-1").reason is Reason.NOT_TAKEN
    assert "JARUN300002" in net.why("JOB-1").advice
    net.set("JOB-1", hosts=("web1",)).known(hosts={"web1": HostUsability.LOCKED})
    assert net.why("JOB-1").reason is Reason.HOST_LOCKED
    net.set("JOB-1", status=B).set("START", status=B)
    assert net.why("START").reason is Reason.NEXT


@pytest.mark.parametrize(
    ("run", "host", "reason"),
    [
        (request(DispatchState.NEW), HostUsability.USABLE, Reason.NOT_SENT),
        (request(DispatchState.NEW, tries=3), HostUsability.UNCHECKED, Reason.RETRIED),
        (request(DispatchState.NEW), HostUsability.UNKNOWN, Reason.HOST_UNKNOWN),
        (request(DispatchState.NEW), HostUsability.DISABLED, Reason.HOST_DISABLED),
        (request(DispatchState.SENDING, sending_at=NOW), HostUsability.USABLE, Reason.UNANSWERED),
        (request(DispatchState.ACCEPTED, accepted_at=NOW), HostUsability.DISABLED, Reason.RUNNING),
        (request(DispatchState.UNKNOWN), HostUsability.USABLE, Reason.OUTCOME_UNKNOWN),
        (None, HostUsability.USABLE, Reason.WORKING),
    ],
)
def test_an_icon_that_an_agent_works_on(run, host, reason):
    """How far its request has come."""
    net = Net("START JOB-1 END", START=END, JOB_1=RUN).set("JOB-1", run=run)
    net.known(hosts={"web1": host})
    assert net.why("JOB-1").reason is reason
    assert reason in AT_WORK
    if run is not None:
        assert "web1" in net.why("JOB-1").text


def test_a_forced_icon_runs_on_a_disabled_host():
    """`force_flag` asks for nothing else."""
    net = Net("START JOB-1 END", START=END, JOB_1=RUN)
    net.set("JOB-1", run=request(DispatchState.NEW), force=True)
    net.known(hosts={"web1": HostUsability.DISABLED})
    assert net.why("JOB-1").reason is Reason.NOT_SENT


def test_stops():
    """Asked for by somebody, then asked of the agent."""
    net = Net("START JOB-1 JOB-2 END", START=END, JOB_1=RUN).set("JOB-1", method=MethodFlag.STOP)
    assert net.why("JOB-1").reason is Reason.STOP_REQUESTED
    net.set("JOB-1", status=ABORT, stop=request(DispatchState.NEW))
    assert net.why("JOB-1").reason is Reason.STOPPING
    assert "web1" in net.why("JOB-1").text
    assert net.why("JOB-2").reason is Reason.BLOCKED, "it will be an error"


def test_an_unknown_outcome_is_for_an_operator():
    """The advice is the command that settles it."""
    net = Net("START JOB-1 END", START=END, JOB_1=ERR)
    net.set("JOB-1", run=request(DispatchState.UNKNOWN))
    why = net.why("JOB-1")
    assert why.reason is Reason.OUTCOME_UNKNOWN
    assert f"jobarg_ctl icon resolve {net.icons['JOB-1'].id}" in why.advice
    assert net.cause("END") == "TOP/JOB-1"


# -- sub-jobnets -----------------------------------------------------------------------------


def test_a_sub_jobnet_that_runs():
    """The JOBNET icon waits for it; what is behind names the icon at work inside."""
    net = Net("START NET-1 JOB-9 END", START=END, NET_1=RUN)
    net.inside("NET-1", "START JOB-1 END", JobnetStatus.RUN)
    net.set("in/START", status=END).set("in/JOB-1", status=RUN)
    assert net.why("NET-1").reason is Reason.SUBJOBNET
    assert net.why("in/END").reason is Reason.ARROWS
    assert net.cause("END") == "TOP/NET-1/JOB-1"
    assert net.run().reason is Reason.GOING_ON


def test_a_sub_jobnet_in_error():
    """The failure inside is the cause of everything behind the JOBNET icon."""
    net = Net("START NET-1 JOB-9 END", START=END, NET_1=ERR)
    net.inside("NET-1", "START JOB-1 END", JobnetStatus.RUNERR)
    net.set("in/START", status=END).set("in/JOB-1", status=ERR)
    assert net.why("NET-1").reason is Reason.SUBJOBNET_STANDS
    assert net.why("JOB-9").reason is Reason.BLOCKED
    assert net.cause("END") == "TOP/NET-1/JOB-1"
    assert net.run().reason is Reason.STANDS


def test_a_sub_jobnet_in_error_that_goes_on():
    """One icon inside has failed, another one is at work."""
    net = Net("START NET-1 END", START=END, NET_1=ERR)
    net.inside("NET-1", "START M JOB-1 W END; M JOB-2 W", JobnetStatus.RUNERR)
    net.set("in/START", status=END).set("in/M", status=END)
    net.set("in/JOB-1", status=ERR).set("in/JOB-2", status=RUN)
    assert net.why("NET-1").reason is Reason.SUBJOBNET_ERROR
    assert net.run().reason is Reason.IN_ERROR_GOING_ON
    assert net.cause("END") == "TOP/NET-1/JOB-1"


def test_a_sub_jobnet_with_a_held_icon_stands():
    """Nothing runs inside, so the JOBNET icon and its run stand as well."""
    net = Net("START NET-1 END", START=END, NET_1=RUN)
    net.inside("NET-1", "START JOB-1 END", JobnetStatus.RUN)
    net.set("in/START", status=END).set("in/JOB-1", status=READY, method=MethodFlag.WAIT)
    assert net.why("NET-1").reason is Reason.SUBJOBNET_STANDS
    assert net.cause("END") == "TOP/NET-1/JOB-1"
    assert net.run().reason is Reason.STANDS


def test_a_drained_sub_jobnet_drains_its_run():
    """The join inside is the cause of all."""
    net = Net("START NET-1 END", START=END, NET_1=RUN)
    net.inside("NET-1", "START IF-1 +JOB-1 W END; IF-1 -JOB-2 W", JobnetStatus.RUN)
    for name in ("START", "IF-1", "JOB-1"):
        net.set(f"in/{name}", status=END)
    assert net.why("NET-1").reason is Reason.SUBJOBNET_STANDS
    assert net.cause("END") == "TOP/NET-1/W"
    assert net.run().reason is Reason.DRAINED


def test_icons_of_a_sub_jobnet_that_has_not_started():
    """They wait for the JOBNET icon, and so for what that waits for."""
    net = Net("START JOB-1 NET-1 END", START=END, JOB_1=ERR)
    net.inside("NET-1", "START JOB-1 END", JobnetStatus.BEGIN)
    assert net.why("in/JOB-1").reason is Reason.BEFORE_START
    assert net.cause("in/JOB-1") == "TOP/JOB-1"


def test_icons_of_a_skipped_sub_jobnet_are_not_needed():
    """It ended without having begun."""
    net = Net("START NET-1 JOB-2 END", START=END, NET_1=END, JOB_2=RUN)
    net.inside("NET-1", "START JOB-1 END", JobnetStatus.BEGIN)
    assert net.why("in/JOB-1").reason is Reason.NOT_NEEDED


# -- runs ------------------------------------------------------------------------------------


def test_runs_that_have_not_started():
    """Each icon waits for the run, whose reason is the cause."""
    cases = {
        Reason.REGISTERED: None,
        Reason.RUN_HELD: {"held": True},
        Reason.SCHEDULED: {"scheduled_time": 202701151231},
        Reason.AFTER_OTHER_RUN: {"load_status": LoadStatus.DELAY},
        Reason.STARTING: {"scheduled_time": 202701151230},
    }
    for reason, values in cases.items():
        net = Net("START JOB-1 END").known(earlier=(77,))
        net.summary(JobnetStatus.BEGIN, JobnetStatus.BEGIN, **(values or {}))
        if values is None:
            net.known(summary=None)
        assert net.run().reason is reason
        assert net.why("JOB-1").reason is Reason.BEFORE_START
        assert ways(net.explain()).chain(net.icons["JOB-1"].id)[-1].reason is reason
    net = Net("START").known(earlier=(77,))
    net.summary(JobnetStatus.BEGIN, JobnetStatus.BEGIN, load_status=LoadStatus.DELAY)
    assert "77" in net.run().text
    assert "jobnet show 77" in net.run().advice


def test_a_missed_start():
    """START is in error, but what is to be done is about the run; a late start begins anew."""
    net = Net("START JOB-1 END", START=ERR)
    net.summary(
        JobnetStatus.RUN, JobnetStatus.RUNERR,
        load_status=LoadStatus.DELAY, job_status=JobStatus.ERROR, scheduled_time=202701151200,
    )  # fmt: skip
    run = net.run()
    assert (run.reason, run.text) == (
        Reason.START_MISSED,
        "its start at 2027-01-15 12:00 was missed",
    )
    assert ways(net.explain()).chain(net.icons["END"].id)[-1].reason is Reason.START_MISSED
    net.summary(JobnetStatus.READY, JobnetStatus.BEGIN)
    assert net.run().reason is Reason.STARTING
    assert net.why("START").reason is Reason.BEFORE_START


def test_runs_that_are_over():
    """What they never reached needs nobody."""
    five, none = JobnetStatus.ENDERR, JobStatus.NORMAL
    cases: list[tuple[Reason, JobnetStatus, JobnetStatus, dict]] = [
        (Reason.LOAD_ERROR, five, five, {"load_status": LoadStatus.ERROR}),
        (Reason.SKIPPED, JobnetStatus.END, JobnetStatus.END, {"load_status": LoadStatus.SKIP}),
        (Reason.CANCELLED, five, JobnetStatus.BEGIN, {"job_status": none}),
        (Reason.ABORTED, five, five, {"job_status": JobStatus.ERROR, "aborting": True}),
        (Reason.FAILED, JobnetStatus.RUN, five, {"job_status": JobStatus.ERROR}),
    ]
    for reason, summary, main, more in cases:
        net = Net("START JOB-1 END").summary(summary, main, **more)
        assert net.run().reason is reason
        assert net.why("JOB-1").need is Need.NOBODY
    net = Net("START JOB-1 END", START=END, JOB_1=ERR)
    net.summary(five, five, aborting=True, job_status=JobStatus.ERROR)
    assert net.why("JOB-1").reason is Reason.IN_ERROR
    assert (net.why("JOB-1").need, net.why("JOB-1").advice) == (Need.NOBODY, "")
    assert net.why("END").reason is Reason.RUN_OVER


def test_a_run_that_has_ended_well_has_no_reason():
    """Icons that it did not reach are not needed."""
    net = Net("START IF-1 +JOB-1 IFEND END; IF-1 -JOB-2 IFEND")
    for name in ("START", "IF-1", "JOB-1", "IFEND", "END"):
        net.set(name, status=END)
    net.summary(JobnetStatus.END, JobnetStatus.END)
    assert net.explain().run is None
    assert net.why("JOB-2").reason is Reason.NOT_NEEDED


def test_an_abort():
    """Nothing new starts; what is at work is named."""
    net = Net("START M JOB-1 W END; M JOB-2 W", START=END, M=END, JOB_1=RUN, JOB_2=READY)
    net.summary(JobnetStatus.RUN, aborting=True)
    assert net.run().reason is Reason.ABORTING
    assert "TOP/JOB-1" in net.run().text
    assert net.why("JOB-2").reason is net.why("W").reason is Reason.RUN_ABORTING


def test_an_end_reached_while_others_run():
    """The run is about to be judged; what is still active is named."""
    net = Net("START M JOB-1 END; M JOB-2 JOB-3", START=END, M=END, JOB_1=END, END=END, JOB_2=RUN)
    run = net.run()
    assert run.reason is Reason.ENDING
    assert "TOP/JOB-2" in run.text


def test_an_icon_that_failed_for_good():
    """It takes its jobnet down; the run is over though its summary says running."""
    net = Net("START JOB-1 END", START=END, JOB_1=FATAL)
    assert net.run().reason is Reason.FAILED
    net.summary(JobnetStatus.RUN, JobnetStatus.ENDERR)
    assert net.run().reason is Reason.FAILED
    assert "TOP/JOB-1" in net.run().text
    assert net.why("JOB-1").reason is Reason.FATAL
    assert net.why("END").reason is Reason.RUN_OVER


def test_error_and_others_at_work():
    """Both are named: the failed icons first."""
    net = Net("START M JOB-1 W END; M JOB-2 W", START=END, M=END, JOB_1=ERR, JOB_2=RUN)
    run = net.run()
    assert run.reason is Reason.IN_ERROR_GOING_ON
    assert run.causes == (net.icons["JOB-1"].id, net.icons["JOB-2"].id)


def test_a_test_run_ends_when_all_icons_have():
    """So each icon must be reachable; both branches of a condition are."""
    net = Net("START IF-1 +JOB-1 W END; IF-1 -JOB-2 W", START=END, IF_1=END, JOB_1=END, JOB_2=RUN)
    for name in net.icons:
        net.set(name, test=True, end_count=0)
    net.set("W", end_count=1)
    assert net.why("W").reason is Reason.ARROWS
    assert net.run().reason is Reason.GOING_ON


# -- words -----------------------------------------------------------------------------------


def test_every_reason_has_words():
    """One line without a full stop at its end, and advice where somebody must act."""
    assert set(WORDS) == set(Reason)
    for words in WORDS.values():
        assert words.text
        assert "\n" not in words.text
        assert not words.text.endswith(".")
        assert words.advice == "" or words.advice.endswith((".", "?"))
        assert words.advice or words.need is not Need.OPERATOR


def test_every_reason_is_described_in_the_documentation():
    """With what it takes to go on."""
    page = (Path(__file__).parents[2] / "docs" / "waiting.md").read_text()
    rows = dict(re.findall(r"^\| `([a-z-]+)` \| (\w+) \|", page, re.MULTILINE))
    assert rows == {reason.value: words.need.value for reason, words in WORDS.items()}


def test_times_are_shown_in_the_zone_of_the_server():
    """With the date only if it is not today."""
    family = Net("START").family()
    assert family.clock(NOW) == "08:00:00"
    assert family.clock(NOW - 86_400_000) == "2027-01-14 08:00:00"


# -- properties ------------------------------------------------------------------------------


@st.composite
def families(draw: st.DrawFn) -> FamilyFacts:
    """Any small state of a family, also such as no engine would make."""
    types = [JobType.IF, JobType.IFEND, JobType.W, JobType.L, JobType.JOB, JobType.JOBNET]
    instances = [
        InstanceFacts(
            id=number, icon_id=0, jobnet_id=f"N{number}", status=draw(st.sampled_from(JobnetStatus))
        )
        for number in range(1, draw(st.integers(1, 3)) + 1)
    ]
    icons: list[IconFacts] = []
    arrows: list[Arrow] = []
    for instance in instances:
        kinds = [JobType.START, JobType.END, *draw(st.lists(st.sampled_from(types), max_size=4))]
        ids = range(100 * instance.id, 100 * instance.id + len(kinds))
        pairs = draw(st.sets(st.tuples(st.sampled_from(ids), st.sampled_from(ids)), max_size=8))
        arrows += [
            Arrow(start=a, end=b, type=draw(st.sampled_from(FlowType))) for a, b in sorted(pairs)
        ]
        for number, kind in zip(ids, kinds, strict=True):
            boot = sum(b == number for _, b in pairs)
            icons.append(
                IconFacts(
                    id=number, instance_id=instance.id, job_id=f"I{number}", type=kind,
                    status=draw(st.sampled_from(IconStatus)),
                    method=draw(st.sampled_from(MethodFlag)),
                    boot_count=boot, end_count=draw(st.integers(0, boot)),
                    continues=draw(st.booleans()), test=draw(st.booleans()),
                    run=draw(st.none() | st.sampled_from(DispatchState).map(request)),
                    hosts=draw(st.sampled_from([(), ("web1",)])),
                )
            )  # fmt: skip
    owned = [
        InstanceFacts(
            id=one.id, jobnet_id=one.jobnet_id, status=one.status,
            icon_id=0 if one.id == 1 else draw(st.sampled_from([icon.id for icon in icons])),
        )
        for one in instances
    ]  # fmt: skip
    summary = st.builds(
        SummaryFacts,
        status=st.sampled_from(JobnetStatus), job_status=st.sampled_from(JobStatus),
        load_status=st.sampled_from(LoadStatus), aborting=st.booleans(), held=st.booleans(),
    )  # fmt: skip
    return FamilyFacts(
        registry=1,
        summary=draw(st.none() | summary),
        instances={one.id: one for one in owned},
        icons={icon.id: icon for icon in icons},
        arrows=tuple(arrows),
        hosts={"web1": draw(st.sampled_from(HostUsability))},
        earlier=draw(st.sampled_from([(), (77,)])),
        now=NOW,
    )


@settings(max_examples=150, deadline=None)
@given(families())
def test_there_is_a_reason_for_every_icon_that_does_not_run(family):
    """And none for icons that have ended; an icon at work has one that says so, and no other."""
    explained = explain(family)
    assert set(explained.icons) == {icon.id for icon in family.icons.values() if not icon.is_over}
    for number, why in explained.icons.items():
        status = family.icons[number].status
        assert why.reason not in OF_RUNS
        if status in {RUN, ABORT}:
            assert why.reason in AT_WORK
        elif status in {B, READY}:
            assert why.reason not in AT_WORK


@settings(max_examples=150, deadline=None)
@given(families())
def test_every_way_to_a_cause_ends(family):
    """Texts can be written, causes are known, and no way leads round in a circle."""
    explained = explain(family)
    for why in [*explained.icons.values(), *([explained.run] if explained.run else [])]:
        assert why.text
        assert "{" not in why.text + why.advice
        assert all(cause == THE_RUN or cause in family.icons for cause in why.causes)
    found = ways(explained)
    for number in explained.icons:
        way = found.chain(number)
        assert way[0].subject == number
        assert len({one.subject for one in way}) == len(way)
        assert way[-1] is found.cause(number)
        assert found.roots(number) == [] or way[-1] in found.roots(number)


@settings(max_examples=150, deadline=None)
@given(families())
def test_nothing_is_called_lost_that_the_arrows_can_still_reach(family):
    """A naive walk: if icons at work lead to it over arrows that all could fire, it is no loss."""
    explained = explain(family)
    lost = {Reason.UNREACHABLE, Reason.OTHER_BRANCH}
    for arrow in family.arrows:
        start, end = family.icons[arrow.start], explained.icons.get(arrow.end)
        fires = start.type is not JobType.IF or arrow.type is not FlowType.NORMAL or start.test
        needs_one = family.icons[arrow.end].boot_count - family.icons[arrow.end].end_count == 1
        if start.status is READY and fires and needs_one and end is not None:
            assert end.reason not in lost | {Reason.JOIN_INCOMPLETE}

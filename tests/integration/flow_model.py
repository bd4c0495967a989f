"""A naive model of running jobnets: one dictionary for each thing, one rule after the other.

It knows no database, no batches and no propagation in sets. `test_flow_model.py` drives the engine
and this model with the same jobnets and the same deeds of operators and agents, and compares.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from jobarranger.states import IconStatus as S
from jobarranger.states import JobnetStatus as J
from jobarranger.states import MethodFlag as M

#: A result is still to come.
_AT_WORK = frozenset({S.RUN, S.ABORT})


@dataclass
class Net:
    """A jobnet: its icons by name with their kind, and what leads where."""

    id: str
    kinds: dict[str, str] = field(default_factory=dict)
    arrows: list[tuple[str, str, str]] = field(default_factory=list)  #: from, to, "" | yes | no
    nets: dict[str, Net] = field(default_factory=dict)  #: behind NET icons
    goes_on: set[str] = field(default_factory=set)  #: icons with the continue flag
    forks: dict[str, str] = field(default_factory=dict)  #: IFEND of a race -> its M
    deciders: dict[str, str] = field(default_factory=dict)  #: IF -> the job whose code it looks at

    def add(self, kind: str) -> str:
        """Add an icon; return its name."""
        name = f"{kind}-{len(self.kinds)}" if kind != "START" else kind
        self.kinds[name] = kind
        return name

    def join(self, start: str, end: str, way: str = "") -> None:
        """Add an arrow."""
        self.arrows.append((start, end, way))


@dataclass(eq=False, repr=False)
class Inst:
    """One run of a jobnet."""

    net: Net
    path: str
    owner: tuple[Inst, str] | None
    state: dict[str, S]
    count: dict[str, int]
    method: dict[str, M]
    started: dict[str, list[int]]
    code: dict[str, int] = field(default_factory=dict)
    below: dict[str, Inst] = field(default_factory=dict)
    status: J = J.BEGIN
    stands_still: bool = False

    def __repr__(self) -> str:
        """Return what a failed example shows."""
        return f"<{self.net.id} {self.path}>"


class Model:
    """A family of runs."""

    def __init__(self, net: Net, *, test: bool = False) -> None:
        """Load it; `test`: for a test run."""
        self.test = test
        self.instances: list[Inst] = []
        self.queue: list[tuple[Inst, str]] = []
        self.starts = 0
        self.main = self._load(net, "", None)

    def _load(self, net: Net, path: str, owner: tuple[Inst, str] | None) -> Inst:
        names = list(net.kinds)
        inst = Inst(
            net, path, owner, dict.fromkeys(names, S.BEGIN), dict.fromkeys(names, 0),
            dict.fromkeys(names, M.NORMAL), defaultdict(list),
        )  # fmt: skip
        self.instances.append(inst)
        for name, sub in net.nets.items():
            inst.below[name] = self._load(sub, f"{path}{name}/", (inst, name))
        return inst

    def icons(self) -> list[tuple[Inst, str]]:
        """Return every icon of every instance."""
        return [(inst, name) for inst in self.instances for name in inst.net.kinds]

    def running_jobs(self) -> list[tuple[Inst, str]]:
        """Return the jobs that an agent has now."""
        return [
            (i, n) for i, n in self.icons() if i.net.kinds[n] == "JOB" and i.state[n] in _AT_WORK
        ]

    # -- what happens -----------------------------------------------------------------------

    def begin(self, inst: Inst) -> None:
        """Start an instance."""
        inst.status = J.RUN
        inst.state["START"] = S.READY
        self.queue.append((inst, "START"))

    def ready(self, inst: Inst, name: str) -> None:
        """Make an icon ready: a person wants it run again, or skipped."""
        inst.state[name] = S.READY
        self.queue.append((inst, name))

    def report(self, inst: Inst, name: str, *, ok: bool, code: int) -> None:
        """Let a job end."""
        inst.code[name] = code
        if ok and inst.state[name] is not S.ABORT:
            self.complete(inst, name)
        else:
            self._fail(inst, name)

    def _fail(self, inst: Inst, name: str) -> None:
        if name in inst.net.goes_on:
            self.fire(inst, name, None)
        inst.state[name] = S.RUNERR

    def stop(self, inst: Inst, name: str) -> None:
        """Stop a running job: its agent is to report of it."""
        inst.method[name] = M.STOP
        inst.state[name] = S.ABORT

    def abort(self) -> None:
        """Stop the whole run."""
        for inst, name in self.icons():
            state = inst.state[name]
            if state is S.READY:
                inst.state[name] = S.BEGIN
            elif inst.net.kinds[name] == "NET" and state in {S.RUN, S.RUNERR}:
                inst.state[name] = S.ENDERR
            elif state is S.RUN:
                inst.state[name] = S.ABORT
        for inst in self.instances:
            if inst.status in {J.RUN, J.RUNERR}:
                inst.status = J.ENDERR

    def drain(self) -> None:
        """Start everything that is ready, and judge, until nothing moves."""
        while self._run_queue() or self._judge_all(patient=True) or self._judge_all(patient=False):
            pass

    def _run_queue(self) -> bool:
        """Start what is ready; return whether there was anything."""
        found = bool(self.queue)
        while self.queue:
            inst, name = self.queue.pop(0)
            free = inst.state[name] is S.READY and inst.method[name] is not M.WAIT
            if free and inst.status in {J.RUN, J.RUNERR}:
                self._start(inst, name)
        return found

    def _judge_all(self, *, patient: bool) -> bool:
        """Judge every instance; return whether that did anything."""
        return sum(self._judge(inst, patient=patient) for inst in self.instances) > 0

    def _start(self, inst: Inst, name: str) -> None:
        if inst.method[name] is M.SKIP:
            self.complete(inst, name)
            return
        if inst.method[name] is M.STOP:  # stopped in an earlier round
            self._fail(inst, name)
            return
        self.starts += 1
        inst.started[name].append(self.starts)
        inst.state[name] = S.RUN
        kind = inst.net.kinds[name]
        if kind == "NET":
            self.begin(inst.below[name])
        elif kind == "IF":
            way = "yes" if inst.code[inst.net.deciders[name]] else "no"
            self.complete(inst, name, None if self.test else way)
        elif kind != "JOB":
            self.complete(inst, name)

    def complete(self, inst: Inst, name: str, way: str | None = None) -> None:
        """End an icon well."""
        if inst.status not in {J.RUN, J.RUNERR}:
            inst.state[name] = S.RUNERR
            return
        self.fire(inst, name, way)
        inst.state[name] = S.END

    def fire(self, inst: Inst, name: str, way: str | None) -> None:
        """Fire the arrows of an icon."""
        if inst.status not in {J.RUN, J.RUNERR}:
            return
        arrows = [(end, kind) for start, end, kind in inst.net.arrows if start == name]
        for end in sorted({end for end, kind in arrows if way in {None, kind}}):
            self._arrive(inst, end)

    def _arrive(self, inst: Inst, name: str) -> None:
        kind, first = inst.net.kinds[name], inst.net.kinds[name] in {"FI", "L"}
        state = inst.state[name]
        if self.test and state is not S.BEGIN:
            return
        if state in {S.END, S.RUNERR}:
            fork = inst.net.forks.get(name)
            if state is S.END and fork and inst.started[fork][-1] < inst.started[name][-1]:
                return  # another branch of a race that has been run already
            if kind == "END" or (kind == "NET" and not self._put_back(inst.below[name])):
                return
            inst.count[name] = 0
        elif state is not S.BEGIN:
            return
        inst.state[name] = S.BEGIN
        inst.count[name] += 1
        if first or inst.count[name] >= sum(end == name for _, end, _ in inst.net.arrows):
            self.ready(inst, name)

    def _put_back(self, inst: Inst) -> bool:
        if _AT_WORK & set(inst.state.values()):
            return False
        for name in inst.net.kinds:
            inst.state[name], inst.count[name] = S.BEGIN, 0
        inst.status = J.BEGIN
        return True

    # -- judgement --------------------------------------------------------------------------

    def _judge(self, inst: Inst, *, patient: bool) -> bool:
        """Bring one instance and the icon it belongs to in line; return whether that did anything.

        `patient`: an END that was reached while others are active is not held against it yet.
        """
        if inst.status not in {J.RUN, J.RUNERR}:
            return False
        states = list(inst.state.items())
        stopped = [n for n, s in states if s in {S.RUNERR, S.ABORT}]
        error = [n for n in stopped if n not in inst.net.goes_on]
        active = [n for n, s in states if s in {S.READY, S.RUN}]
        ends = [n for n, s in states if inst.net.kinds[n] == "END" and s is S.END]
        if self.test:
            done = [n for n, s in states if s is S.END or (n in stopped and n not in error)]
            ends = ends[:1] if len(done) == len(states) else []
        inst.stands_still = not (error or active or ends or S.ABORT in inst.state.values())
        if S.ENDERR in inst.state.values() or len(ends) > 1:
            status = J.ENDERR
        elif ends and patient and (error or active):
            return False
        elif ends:
            status = J.ENDERR if error or active else J.END
        else:
            status = J.RUNERR if error else J.RUN
        before, inst.status = inst.status, status
        return self._follow(inst) or status is not before

    def _follow(self, inst: Inst) -> bool:
        if inst.owner is None:
            return False
        above, name = inst.owner
        state = above.state[name]
        if state not in {S.RUN, S.RUNERR}:
            return False
        match inst.status:
            case J.END:
                self.complete(above, name)
            case J.RUNERR:
                above.state[name] = S.RUNERR
            case J.RUN:
                above.state[name] = S.RUN
            case J.ENDERR:
                above.state[name] = S.ENDERR
        return above.state[name] is not state

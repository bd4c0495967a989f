"""The rows that one transaction works on.

Steps read sets of rows into a `Work`, decide in memory, and the `Work` writes everything that has
changed with a handful of statements at the end. It also collects what is to be seen or said after
the commit: messages for the log and hints for other processes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import cast

from sqlalchemy import Connection

from jobarranger.clock import next_stamp17
from jobarranger.db import icons as icon_rows
from jobarranger.db import journal, notifications, runs, values
from jobarranger.db.engine import Unit
from jobarranger.db.notifications import NONE, Notification
from jobarranger.db.pipeline import together
from jobarranger.db.values import Variables
from jobarranger.flow.engine import Engine, Now
from jobarranger.flow.joins import Drawing
from jobarranger.icons import types_with
from jobarranger.messages import Kind, Raised
from jobarranger.model.records import Icon, Instance
from jobarranger.model.variables import MESSAGE, VariableRows
from jobarranger.requests.rows import moves
from jobarranger.states import FlowType, IconEvent
from jobarranger.wakes import Role

#: Entries of the run log that carry the outcome of an icon.
ENDS = frozenset({"JC00000004", "JC90000002"})


@dataclass(slots=True)
class Family:
    """A main jobnet with all that belongs to it; locked as one."""

    main: Instance
    last_log: int  #: `log_date` of its newest row
    summary: dict[str, object] = field(default_factory=dict)  #: columns to be written
    steps: int = 0  #: icons moved in this transaction
    passes: int = 0  #: icons of them that mark another round of a loop


@dataclass(frozen=True, slots=True)
class IconStart:
    """The last start of an icon."""

    order: tuple[int, int]  #: of two starts the later one has the greater order
    at: int  #: UTC ms


@dataclass(slots=True, eq=False)
class Work:
    """One transaction's rows, changes and announcements."""

    unit: Unit
    engine: Engine
    families: dict[int, Family] = field(default_factory=dict)
    instances: dict[int, Instance] = field(default_factory=dict)
    icons: dict[int, Icon] = field(default_factory=dict)
    flows: dict[int, list[tuple[int, FlowType]]] = field(default_factory=dict)
    before: dict[int, VariableRows] = field(default_factory=dict)
    after: dict[int, VariableRows] = field(default_factory=dict)
    jobnet_values: dict[int, VariableRows] = field(default_factory=dict)
    starts: dict[int, list[Icon]] = field(default_factory=dict)  #: START icons of sub-jobnets
    now: Now = field(init=False)
    suspects: set[int] = field(default_factory=set)  #: instances to be judged
    ready: list[Icon] = field(default_factory=list)  #: made ready here, oldest first
    dispatches: list[dict[str, object]] = field(default_factory=list)
    finished: dict[int, int] = field(default_factory=dict)  #: attempts whose results have come
    raised: list[Raised] = field(default_factory=list)  #: for the server's log, after the commit
    _drawings: dict[int, Drawing] = field(default_factory=dict)
    _unread: dict[Variables, set[int]] = field(
        default_factory=lambda: {Variables.BEFORE: set(), Variables.AFTER: set()}
    )
    _logs: list[dict[str, object]] = field(default_factory=list)
    _notes: list[Notification] = field(default_factory=list)
    _events: list[dict[str, object]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Fix the instant that all rows of this transaction carry."""
        self.now = self.engine.now()

    # -- reading ---------------------------------------------------------------------------

    def lock_families(self, main_ids: Collection[int], *, wait: bool) -> None:
        """Lock main rows and hold them; without `wait` only those that nobody holds."""
        rows = runs.lock_mains(self.unit.conn, main_ids, wait=wait)
        last_logs = runs.last_logs(self.unit.conn, rows)
        self.now = self.engine.now()  # waiting for a lock takes time
        for row in rows:
            main = Instance.from_row(row)
            self.families[main.id] = Family(main, last_logs[main.id])
            self.instances[main.id] = main

    def load_icons(self, ids: Collection[int]) -> list[Icon]:
        """Lock and read icons that are not held yet, with their instances."""
        missing = [icon_id for icon_id in ids if icon_id not in self.icons]
        if missing:
            self.adopt(Icon.from_row(row) for row in icon_rows.lock(self.unit.conn, missing))
        return [self.icons[icon_id] for icon_id in ids if icon_id in self.icons]

    def adopt(self, icons: Iterable[Icon]) -> list[Icon]:
        """Take icons that were just read, and read the instances they belong to.

        Of an icon that is held already the one that is held counts: it may have moved.
        """
        adopted = [self.icons.setdefault(icon.id, icon) for icon in icons]
        self.load_instances({icon.instance_id for icon in adopted})
        return adopted

    def load_instances(self, ids: Collection[int]) -> None:
        """Read instances that are not held yet (sub-jobnets; mains come with their lock)."""
        missing = set(ids) - self.instances.keys()
        if missing:
            for row in runs.instances(self.unit.conn, missing):
                self.instances[row.inner_jobnet_id] = Instance.from_row(row)

    def load_owners(self, instances: Iterable[Instance]) -> None:
        """Lock and read the JOBNET icons around sub-jobnets, level by level."""
        level = {one.icon_id for one in instances if not one.is_main}
        while level:
            owners = self.load_icons(sorted(level))
            level = {self.instance(one).icon_id for one in owners if not self.instance(one).is_main}

    def load_flows(self, ids: Collection[int]) -> None:
        """Read the arrows that leave icons, and lock the icons they lead to."""
        missing = [icon_id for icon_id in ids if icon_id not in self.flows]
        if not missing:
            return
        self.flows.update((icon_id, []) for icon_id in missing)
        fresh: dict[int, Icon] = {}
        for row in icon_rows.lock_arrows(self.unit.conn, missing):
            self.flows[row.arrow_from].append((row.inner_job_id, FlowType(row.arrow_type)))
            if row.inner_job_id not in self.icons:
                fresh[row.inner_job_id] = Icon.from_row(row)
        self.adopt(fresh.values())

    def load_starts(self, ids: Collection[int]) -> dict[int, list[Icon]]:
        """Lock and return the START icons of instances."""
        found: dict[int, list[Icon]] = {instance_id: [] for instance_id in ids}
        starts = types_with(lambda traits: traits.begins_jobnet)
        rows = icon_rows.lock_starts(self.unit.conn, ids, starts)
        for icon in self.adopt(Icon.from_row(row) for row in rows):
            found[icon.instance_id].append(icon)
        return found

    def drawing(self, instance_id: int) -> Drawing:
        """Return the arrows of an instance."""
        if instance_id not in self._drawings:
            after: dict[int, list[tuple[int, FlowType]]] = {}
            for row in icon_rows.arrows(self.unit.conn, instance_id):
                arrow = row.end_inner_job_id, FlowType(row.flow_type)
                after.setdefault(row.start_inner_job_id, []).append(arrow)
            self._drawings[instance_id] = Drawing(after)
        return self._drawings[instance_id]

    def last_starts(self, ids: Collection[int]) -> dict[int, IconStart]:
        """Return when icons were started last; one that never was has no entry."""
        found: dict[int, IconStart] = {}
        for number, row in enumerate(self._events):
            icon_id, event, at = row["inner_job_id"], row["event"], row["at"]
            if icon_id in ids and event == IconEvent.STARTED:
                found[cast(int, icon_id)] = IconStart((1, number), cast(int, at))
        if others := [icon_id for icon_id in ids if icon_id not in found]:
            for row in journal.last_events(self.unit.conn, IconEvent.STARTED, others):
                found[row.inner_job_id] = IconStart((0, int(row.id)), int(row.at))
        return found

    def load_values(self, kind: Variables, icons: Collection[Icon]) -> None:
        """Read the variables of icons; what was appended here meanwhile stays the newest."""
        held = self.before if kind is Variables.BEFORE else self.after
        unread = self._unread[kind]
        wanted = []
        for icon in icons:
            if icon.untouched:
                held.setdefault(icon.id, VariableRows())
            elif icon.id not in held or icon.id in unread:
                wanted.append(icon.id)
        if not wanted:
            return
        unread.difference_update(wanted)
        for icon_id, rows in values.read(self.unit.conn, kind, wanted).items():
            if icon_id in held:
                rows.rows.extend(held[icon_id].rows)
            held[icon_id] = rows

    def load_sent(self, icons: Collection[Icon]) -> None:
        """Read input and output of icons that ran on an agent, and carry the input over.

        Other icons carry their input over when they start; for these it waits until now, since
        nobody looks at the output of a running icon.
        """
        ids = [icon.id for icon in icons if icon.id not in self.before]
        if not ids:
            return
        before, after = values.read_both(self.unit.conn, ids)
        self.before.update(before)
        for icon_id, rows in after.items():
            rows.extend(before[icon_id].values())
            self.after[icon_id] = rows

    def append_before(self, icon: Icon, added: dict[str, str]) -> None:
        """Add variables to an icon's input, whether its rows have been read or not."""
        if icon.id not in self.before:
            self.before[icon.id] = VariableRows()
            if not icon.untouched:
                self._unread[Variables.BEFORE].add(icon.id)
        self.before[icon.id].extend(added)

    # -- names -----------------------------------------------------------------------------

    def instance(self, icon: Icon) -> Instance:
        """Return the instance an icon belongs to."""
        return self.instances[icon.instance_id]

    def family(self, icon: Icon) -> Family:
        """Return the family an icon belongs to."""
        return self.families[icon.main_id]

    def path(self, icon: Icon) -> str:
        """Return `MAINJOBNET/JOBNETICON/.../ICON`."""
        names = [icon.job_id]
        instance = self.instance(icon)
        while not instance.is_main:
            (owner,) = self.load_icons([instance.icon_id])
            names.append(owner.job_id)
            instance = self.instance(owner)
        names.append(instance.jobnet_id)
        return "/".join(reversed(names))

    # -- announcing ------------------------------------------------------------------------

    def log(self, message_id: str, instance: Instance, icon: Icon | None = None) -> None:
        """Append to the run log: the rows as they are before the change it announces."""
        family = self.families[instance.main_id]
        family.last_log = max(next_stamp17(family.last_log) if family.last_log else 0, self.now.log)
        outputs = self._outputs(icon) if icon and message_id in ENDS else {}
        self._logs.append(
            {
                "log_date": family.last_log,
                "inner_jobnet_id": instance.id,
                "inner_jobnet_main_id": instance.main_id,
                "inner_job_id": icon.id if icon else None,
                "update_date": instance.update_date,
                "method_flag": int(icon.method) if icon else 0,
                "jobnet_status": int(instance.status),
                "job_status": int(icon.status) if icon else None,
                "run_type": int(instance.run_type),
                "public_flag": instance.public_flag,
                "jobnet_id": instance.jobnet_id,
                "jobnet_name": instance.jobnet_name,
                "job_id": icon.job_id if icon else None,
                "job_name": icon.job_name if icon else None,
                "user_name": instance.user_name,
                "return_code": outputs.get("JOB_EXIT_CD"),
                "std_out": outputs.get("STD_OUT"),
                "std_err": outputs.get("STD_ERR"),
                "message_id": message_id,
            }
        )

    def _outputs(self, icon: Icon) -> dict[str, str]:
        """Return the outcome that this very run of an icon has produced, if it is whole."""
        rows = self.after.get(icon.id)
        if rows is None or icon.id not in self.finished:
            return {}
        found = {row.name: row.value for row in rows.pending()}
        names = ("JOB_EXIT_CD", "STD_OUT", "STD_ERR")
        return {name: found[name] for name in names} if all(n in found for n in names) else {}

    def log_message(
        self, raised: Raised, instance: Instance, icon: Icon | None = None, host: str = ""
    ) -> None:
        """Raise a message about an instance or icon: log, JOBARG_MESSAGE, notification."""
        self.raised.append(raised)
        if icon is not None and raised.kind in {Kind.CRITICAL, Kind.ERROR, Kind.WARNING}:
            self.load_values(Variables.AFTER, [icon])
            self.after[icon.id].append(MESSAGE, f"[{raised.id}] {raised.text}")
        if not raised.notify:
            return
        main = self.families[instance.main_id].main
        self._notes.append(
            Notification(
                second=self.now.second,
                kind=int(raised.kind),
                message_id=raised.id,
                text=raised.text,
                instance_id=instance.id,
                main_id=instance.main_id,
                user_name=main.user_name,
                host_name=host,
                jobnet_id=main.jobnet_id,
                jobnet_name=main.jobnet_name,
                job_id=icon.job_id if icon else NONE,
                job_path=f"/{self.path(icon)}" if icon else NONE,
                job_name=icon.job_name if icon else "",
            )
        )

    def event(self, event: IconEvent, icon: Icon, at: int | None = None, attempt: int = 0) -> None:
        """Note an instant of an icon; `at` is UTC milliseconds, default the transaction's."""
        self._events.append(
            {
                "inner_jobnet_main_id": icon.main_id,
                "inner_job_id": icon.id,
                "attempt": attempt,
                "event": int(event),
                "at": self.now.at if at is None else at,
            }
        )

    # -- writing ---------------------------------------------------------------------------

    def write_icons(self) -> None:
        """Write the icons that have changed (a census may follow)."""
        with together(self.unit.conn):
            self._write_icon_rows(self.unit.conn)

    def _write_icon_rows(self, conn: Connection) -> None:
        """Write the icons that have changed since they were written last."""
        changes = filter(None, (icon.pending() for icon in self.icons.values()))
        icon_rows.write(conn, list(changes))

    def write(self) -> None:
        """Write everything that has changed, and hand over the hints."""
        conn = self.unit.conn
        notify = bool(self._notes) and notifications.are_wanted(conn)
        with together(conn):
            self._write_rows(conn)
            self._write_journal(conn, notify=notify)
        if waiting := {icon.main_id for icon in self.ready}:
            self.unit.wake(Role.RUN, *sorted(waiting))
        # Another run of the jobnet may wait for the end of this one, or of what is left of it.
        if over := [family.main.id for family in self.families.values() if family.main.is_over]:
            self.unit.wake(Role.BOOT, *sorted(over))

    def _write_rows(self, conn: Connection) -> None:
        """Write instances, icons, variables and requests, in the order of locks."""
        changes = filter(None, (instance.pending() for instance in self.instances.values()))
        runs.write_instances(conn, list(changes))
        summaries = {main_id: f.summary for main_id, f in self.families.items() if f.summary}
        if summaries:
            runs.write_summaries(conn, summaries)
        self._write_icon_rows(conn)
        owners = {icon.id: icon.instance_id for icon in self.icons.values()}
        for kind, held in (
            (Variables.JOBNET, self.jobnet_values),
            (Variables.BEFORE, self.before),
            (Variables.AFTER, self.after),
        ):
            values.write(conn, kind, held, owners)
        if self.dispatches:
            moves.add(conn, self.dispatches)
        if self.finished:
            moves.finish(conn, self.finished, self.now.at)

    def _write_journal(self, conn: Connection, *, notify: bool) -> None:
        """Write run log, notifications and events."""
        if self._logs:
            journal.add_log(conn, self._logs)
        if notify:
            notifications.add(conn, self._notes)
        if self._events:
            journal.add_events(conn, self._events)

"""Expand jobnet versions into the rows of a run. Pure: ids come in, rows go out.

`plan` resolves the tree of sub-jobnets of one run and says how many ids it needs; `rows` stamps
the rows. Every JOBNET icon gets a private copy of its jobnet, also when two name the same one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from sqlalchemy import Table

from jobarranger.db import tables as t
from jobarranger.db.definitions import Definition, Values, VersionKey
from jobarranger.errors import DefinitionError
from jobarranger.loading.templates import IconTemplate, Template, make_template
from jobarranger.states import Counter, MethodFlag, RunType

#: Sub-jobnets within sub-jobnets; more is taken for a mistake.
MAX_DEPTH = 50
#: Instances of one run; a bomb of doubling sub-jobnets ends here.
MAX_INSTANCES = 10_000

#: Rows by table.
Rows: TypeAlias = dict[Table, list[dict[str, Any]]]

#: The order in which tables are filled: parents before children, the summary last.
INSERT_ORDER: tuple[Table, ...] = (
    t.run_jobnet,
    t.run_job,
    t.run_icon_job,
    t.run_job_command,
    t.run_value_job,
    t.run_value_jobcon,
    t.run_icon_value,
    t.run_icon_if,
    t.run_icon_jobnet,
    t.run_icon_extjob,
    t.run_icon_calc,
    t.run_icon_task,
    t.run_icon_info,
    t.run_icon_fcopy,
    t.run_icon_fwait,
    t.run_icon_reboot,
    t.run_icon_release,
    t.run_icon_agentless,
    t.run_icon_zabbix_link,
    t.run_icon_end,
    t.run_flow,
    t.run_jobnet_summary,
)

#: Columns that an instance takes from the header of its version.
_HEADER = (
    "update_date",
    "public_flag",
    "multiple_start_up",
    "jobnet_id",
    "user_name",
    "jobnet_name",
)
#: Columns that the summary takes from the main row.
_SUMMARY = (
    "inner_jobnet_id",
    *_HEADER,
    "run_type",
    "scheduled_time",
    "schedule_id",
    "calendar_id",
    "boot_time",
    "execution_user_name",
    "initial_scheduled_time",
)
_ZERO_TIMES = {"virtual_time": 0, "virtual_start_time": 0, "virtual_end_time": 0}


class MissingVersion(DefinitionError):
    """A jobnet has no version in force, or the recorded version is gone."""

    def __init__(self, jobnet_id: str, text: str) -> None:
        super().__init__(text)
        self.jobnet_id = jobnet_id


@dataclass(frozen=True, slots=True)
class Node:
    """One instance to be: a version, and the instances of its JOBNET icons by position."""

    template: Template
    subs: Mapping[int, Node]


@dataclass(frozen=True, slots=True)
class Plan:
    """One run to be, and the ids it takes."""

    run: Values  #: the main row of `ja_run_jobnet_table`
    root: Node
    needs: Mapping[Counter, int]


@dataclass(slots=True)
class Library:
    """The versions of a batch, and the version in force of each sub-jobnet."""

    versions: Mapping[VersionKey, Definition]
    valid: Mapping[str, VersionKey]
    _templates: dict[VersionKey, Template] = field(default_factory=dict)

    def template(self, key: VersionKey) -> Template:
        """Return the template of a version, made at its first use."""
        if key not in self._templates:
            self._templates[key] = make_template(self.versions[key])
        return self._templates[key]


@dataclass(slots=True)
class Ids:
    """Where new ids come from: one iterator per counter."""

    take: Mapping[Counter, Iterator[int]]

    def next(self, counter: Counter) -> int:
        """Return the next id of a counter."""
        return next(self.take[counter])


def plan(run: Values, library: Library) -> Plan:
    """Resolve the tree of one run.

    Raises:
        MissingVersion: the recorded version, or a sub-jobnet's version in force, does not exist.
        DefinitionError: a jobnet contains itself, or a definition is incomplete.
    """
    key = (run["jobnet_id"], run["update_date"])
    if key not in library.versions:
        raise MissingVersion(
            run["jobnet_id"], f"jobnet {key[0]}: its recorded version {key[1]} does not exist"
        )
    needs: dict[Counter, int] = defaultdict(int)
    root = _node(library.template(key), library, (run["jobnet_id"],), needs)
    return Plan(run, root, needs)


def _node(
    template: Template, library: Library, chain: tuple[str, ...], needs: dict[Counter, int]
) -> Node:
    """Return the node of one instance with all below it, and count the ids it takes."""
    needs[Counter.ICON] += template.icon_ids
    needs[Counter.FLOW] += len(template.flows)
    needs[Counter.SESSION] += template.sessions
    subs: dict[int, Node] = {}
    for number, icon in enumerate(template.icons):
        if icon.link is None:
            continue
        needs[Counter.LOADED_JOBNET] += 1
        _check_chain((*chain, icon.link), needs[Counter.LOADED_JOBNET])
        if icon.link not in library.valid:
            raise MissingVersion(
                icon.link,
                f"jobnet {chain[-1]}: icon {icon.job_id} names the jobnet {icon.link},"
                " which has no version in force",
            )
        below = library.template(library.valid[icon.link])
        subs[number] = _node(below, library, (*chain, icon.link), needs)
    return Node(template, subs)


def _check_chain(chain: tuple[str, ...], instances: int) -> None:
    """Refuse cycles and absurd sizes; the chain is named from the main jobnet downwards."""
    if chain[-1] in chain[:-1]:
        raise DefinitionError(f"jobnets contain each other: {' -> '.join(chain)}")
    if len(chain) > MAX_DEPTH:
        raise DefinitionError(
            f"jobnet {chain[0]}: more than {MAX_DEPTH} levels of sub-jobnets"
            f" ({' -> '.join(chain[:3])} -> ...)"
        )
    if instances >= MAX_INSTANCES:
        raise DefinitionError(f"jobnet {chain[0]}: more than {MAX_INSTANCES} sub-jobnets")


def rows(planned: Plan, ids: Ids, into: Rows) -> None:
    """Add the rows of one run to `into` (a defaultdict of lists)."""
    main = planned.run["inner_jobnet_id"]
    _instance(planned.root, planned.run, main, ids, into)
    into[t.run_jobnet_summary].append(summary_row(planned.run))


def summary_row(run: Values, **changes: int) -> dict[str, Any]:
    """Return the summary row of a run, not started, from its main row."""
    return {
        **{name: run[name] for name in _SUMMARY},
        **_ZERO_TIMES,
        "memo": run["memo"] or "",
        "invo_flag": 1,
        "status": 0,
        "job_status": 0,
        "jobnet_abort_flag": 0,
        "load_status": 0,
        "start_time": 0,
        "end_time": 0,
        "running_job_id": None,
        "running_job_name": None,
        "start_pending_flag": 0,
        **changes,
    }


def _instance(node: Node, run: Values, instance_id: int, ids: Ids, into: Rows) -> None:
    """Add the icons and flows of one instance, and the instances below it."""
    icon_ids = [_icon(icon, run, instance_id, ids, into) for icon in node.template.icons]
    for number, sub in node.subs.items():
        sub_id = ids.next(Counter.LOADED_JOBNET)
        into[t.run_icon_jobnet].append(
            {
                **node.template.icons[number].settings[0][1],
                "inner_job_id": icon_ids[number],
                "inner_jobnet_id": instance_id,
                "link_inner_jobnet_id": sub_id,
            }
        )
        into[t.run_jobnet].append(_sub_row(sub, run, sub_id, icon_ids[number]))
        _instance(sub, run, sub_id, ids, into)
    into[t.run_flow] += [
        {
            "inner_flow_id": ids.next(Counter.FLOW),
            "inner_jobnet_id": instance_id,
            "start_inner_job_id": icon_ids[start],
            "end_inner_job_id": icon_ids[end],
            "flow_type": kind,
            "flow_width": width,
        }
        for start, end, kind, width in node.template.flows
    ]


def _icon(icon: IconTemplate, run: Values, instance_id: int, ids: Ids, into: Rows) -> int:
    """Add one icon with its settings (JOBNET: without, they need the sub's id); return its id."""
    icon_id = ids.next(Counter.ICON)
    row = {
        **icon.row,
        "inner_job_id": icon_id,
        "inner_jobnet_id": instance_id,
        "inner_jobnet_main_id": run["inner_jobnet_id"],
    }
    if icon.traits.stop_id:
        row["inner_job_id_fs_link"] = ids.next(Counter.ICON)
    if run["run_type"] == RunType.TEST:
        row["test_flag"] = 1
    if _is_held(icon, run, instance_id):
        row["method_flag"] = int(MethodFlag.WAIT)
    into[t.run_job].append(row)
    if icon.traits.contains_jobnet:
        return icon_id
    for table, values in icon.settings:
        copy = {**values, "inner_job_id": icon_id, "inner_jobnet_id": instance_id}
        if icon.one_time_session:
            copy["session_id"] = f"@SESSION-{ids.next(Counter.SESSION)}"
        into[table].append(copy)
    return icon_id


def _is_held(icon: IconTemplate, run: Values, instance_id: int) -> bool:
    """Return whether this is the START icon of the main jobnet of a wait run."""
    return (
        run["run_type"] == RunType.WAIT
        and icon.traits.begins_jobnet
        and instance_id == run["inner_jobnet_id"]
    )


def _sub_row(sub: Node, run: Values, sub_id: int, icon_id: int) -> dict[str, Any]:
    """Return the row of a sub-jobnet's instance."""
    header = sub.template.header
    return {
        **{name: header[name] for name in _HEADER},
        **_ZERO_TIMES,
        "memo": header["memo"] or "",
        "inner_jobnet_id": sub_id,
        "inner_jobnet_main_id": run["inner_jobnet_id"],
        "inner_job_id": icon_id,
        "run_type": run["run_type"],
        "main_flag": 1,
        "timeout_flag": 0,
        "status": 0,
        "scheduled_time": 0,
        "start_time": 0,
        "end_time": 0,
        "schedule_id": None,
        "calendar_id": None,
        "boot_time": None,
        "execution_user_name": run["execution_user_name"],
        "running_job_id": None,
        "running_job_name": None,
        "initial_scheduled_time": 0,
    }

"""Rules about the source itself: clocks, messages, docstrings, imports."""

import ast
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from jobarranger import messages as m
from jobarranger.messages import Message
from jobarranger.states import JobType

ROOT = Path(__file__).parents[2]
OURS = ("jobarranger", "processes", "ipc")
SOURCES = sorted(path for top in OURS for path in (ROOT / top).rglob("*.py"))
NAMES = [str(path.relative_to(ROOT)) for path in SOURCES]

#: Calls that read the system's clocks.
CLOCKS: dict[str, set[str]] = {
    "time": {"time", "time_ns", "monotonic", "monotonic_ns"},
    "datetime": {"now", "today", "utcnow"},
    "date": {"today"},
}

#: Core packages, which know nothing of networks, processes and event loops.
CORE = (
    "calendars",
    "config",
    "db",
    "definitions",
    "directory",
    "flow",
    "icons",
    "loading",
    "messages",
    "model",
    "operations",
    "planning",
    "purging",
    "requests",
    "waiting",
    "watching",
)
OUTSIDE = {"ipc", "processes", "zmq", "socket", "asyncio", "subprocess"}

each_source = pytest.mark.parametrize("path", SOURCES, ids=NAMES)


@cache
def tree(path: Path) -> ast.Module:
    """Return the syntax tree of a source file."""
    return ast.parse(path.read_text(), str(path))


def imported(path: Path) -> Iterator[str]:
    """Yield the full names of all modules that a file imports."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def dotted(node: ast.expr) -> str:
    """Return `a.b.c` for a chain of names, else ''."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (before := dotted(node.value)):
        return f"{before}.{node.attr}"
    return ""


@each_source
def test_every_module_says_what_it_is_for(path: Path) -> None:
    """Its docstring is the first thing a reader meets."""
    docstring = ast.get_docstring(tree(path))
    assert docstring
    assert docstring.strip()


@each_source
def test_time_comes_from_the_injected_clock(path: Path) -> None:
    """Only clock.py reads the system's clocks; ipc, which cannot know it, may measure time-outs."""
    if path == ROOT / "jobarranger/clock.py":
        return
    allowed = {"monotonic"} if path.is_relative_to(ROOT / "ipc") else set[str]()
    found = []
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call):
            holder, _, name = dotted(node.func).rpartition(".")
            if name in CLOCKS.get(holder.rpartition(".")[2], set()) - allowed:
                found.append(f"line {node.lineno}: {holder}.{name}")
        if isinstance(node, ast.ImportFrom) and node.module == "time":
            found.append(f"line {node.lineno}: from time import")
    assert not found


@each_source
def test_every_message_used_is_declared(path: Path) -> None:
    """By its id as an attribute, or in a text."""
    if path.is_relative_to(ROOT / "jobarranger/messages"):
        return
    used = {node.attr for node in ast.walk(tree(path)) if isinstance(node, ast.Attribute)}
    ids = {name for name in used if re.fullmatch(r"JA[A-Z]+\d{6}", name)}
    assert ids <= set(m.declared())


def said(path: Path) -> Iterator[tuple[int, Message, set[str]]]:
    """Yield line, message and fields of each `say` or `render` that names its message."""
    for node in ast.walk(tree(path)):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        function, first = dotted(node.func), node.args[0]
        fields = {keyword.arg for keyword in node.keywords if keyword.arg}
        if function.rpartition(".")[2] not in {"say", "render"} or not isinstance(
            first, ast.Attribute
        ):
            continue
        message = m.declared().get(first.attr)
        if message is not None and len(fields) == len(node.keywords):
            yield node.lineno, message, fields


@each_source
def test_messages_get_the_fields_they_declare(path: Path) -> None:
    """All fields that the text shows, and none that it does not know."""
    wrong = []
    for line, message, fields in said(path):
        shown = set(re.findall(r"\{(\w+)\}", message.text))
        missing, unknown = shown - fields, fields - set(message.fields)
        if missing or unknown:
            wrong.append(f"line {line}: {message.id} is missing {missing}, does not know {unknown}")
    assert not wrong


@pytest.mark.parametrize("package", CORE)
def test_the_core_does_no_network_or_process_work(package: str) -> None:
    """Decisions and transactions only; the rest is for processes, ipc and the applications."""
    found = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in sorted((ROOT / "jobarranger" / package).rglob("*.py"))
        for name in imported(path)
        if name.partition(".")[0] in OUTSIDE
    ]
    assert not found


def test_when_schedules_start_is_pure() -> None:
    """The calendars know the standard library, numbers and errors, and nothing else."""
    ours = {"jobarranger.calendars", "jobarranger.errors", "jobarranger.states"}
    found = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in sorted((ROOT / "jobarranger/calendars").rglob("*.py"))
        for name in imported(path)
        if ".".join(name.split(".")[:2]) not in ours
        and name.partition(".")[0] not in sys.stdlib_module_names
    ]
    assert not found


def test_ipc_imports_nothing_of_ours_and_nobody_imports_processes() -> None:
    """So both can be understood, and replaced, on their own."""
    found = []
    for path, name in zip(SOURCES, NAMES, strict=True):
        top = name.partition("/")[0]
        tops = {module.partition(".")[0] for module in imported(path)}
        if (top == "ipc" and tops & {"jobarranger", "processes"}) or (
            top != "processes" and "processes" in tops
        ):
            found.append(name)
    assert not found


#: What other modules may name of SQLAlchemy: the connection, a row, a table, and the errors.
NO_STATEMENTS = {"Connection", "Row", "Table"}
SENDING = {"execute", "exec_driver_sql", "scalar", "scalars"}
#: A file of the agent's own, through the standard library.
JOURNAL = {ROOT / f"jobarranger/agent/journal{part}.py" for part in ("", "_file", "_writer")}


def may_hold_sql(path: Path) -> bool:
    """Return whether a module is the place for statements: `db/`, a `rows` module or package."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return parts[:2] == ("jobarranger", "db") or "rows" in parts[2:] or path in JOURNAL


def statements(module: ast.Module) -> Iterator[str]:
    """Yield what makes or sends a statement in a module."""
    for node in ast.walk(module):
        where = f"line {getattr(node, 'lineno', 0)}"
        if isinstance(node, ast.Import):
            tops = {alias.name.partition(".")[0] for alias in node.names}
            yield from (f"{where}: import {top}" for top in tops & {"sqlalchemy", "sqlite3"})
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sqlalchemy"):
            names = {alias.name for alias in node.names}
            allowed = names if node.module == "sqlalchemy.exc" else NO_STATEMENTS
            yield from (f"{where}: imports {name}" for name in sorted(names - allowed))
        if isinstance(node, ast.Attribute):
            is_column = node.attr == "c" and dotted(node.value).startswith(("t.", "tables."))
            if is_column or node.attr in SENDING:
                yield f"{where}: .{node.attr}"


@each_source
def test_sql_is_in_db_and_in_rows_modules_only(path: Path) -> None:
    """Who looks for a statement knows where; a decision is never mixed with one."""
    if not may_hold_sql(path):
        assert list(statements(tree(path))) == []


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("from sqlalchemy import Connection, Row", 0),
        ("from sqlalchemy.exc import IntegrityError", 0),
        ("from sqlalchemy import Connection, select, text", 2),
        ("from sqlalchemy.dialects import mysql", 1),
        ("import sqlalchemy as sa", 1),
        ("rows = conn.scalars(found)", 1),
        ("unit.execute(statement)", 1),
        ("column = t.run_job.c.status", 1),
        ("self.c = 1", 0),
    ],
)
def test_statements_are_recognised(text: str, count: int) -> None:
    """By the import that makes them, by the column, and by the call that sends them."""
    assert len(list(statements(ast.parse(text)))) == count


@pytest.mark.parametrize(
    ("table", "writer"),
    [("ext_audit", "jobarranger/db/audit.py"), ("send_message", "jobarranger/db/notifications.py")],
)
def test_rows_that_people_read_have_one_writer(table: str, writer: str) -> None:
    """So each of them says the same things in the same way."""
    inserts = {"insert", "insert_rows", "insert_first"}
    found = [
        name
        for path, name in zip(SOURCES, NAMES, strict=True)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and dotted(node.func) in inserts
        if any(dotted(argument).endswith(f".{table}") for argument in node.args)
    ]
    assert found == [writer]


def test_names_of_test_files_are_unique():
    """Two of one name are collected by themselves, but not together."""
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert sorted(set(names)) == sorted(names)


#: Where an icon type may be called by its name; `states` defines the names.
NAMING_TYPES = ("icons", "definitions", "model", "states.py")


@each_source
def test_nobody_asks_for_an_icon_type_by_name(path: Path) -> None:
    """What a type is stands in its module; others ask for its traits."""
    if any(path.is_relative_to(ROOT / "jobarranger" / place) for place in NAMING_TYPES):
        return
    found = [
        f"line {node.lineno}: {dotted(node)}"
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute)
        and dotted(node.value).rpartition(".")[2] == "JobType"
        and node.attr in JobType.__members__
    ]
    found += [
        f"line {node.lineno}: JobType[...]"
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Subscript) and dotted(node.value).rpartition(".")[2] == "JobType"
    ]
    assert not found


@each_source
def test_statements_hold_no_number_of_an_icon_type(path: Path) -> None:
    """`job_type` is compared with what a caller gives, never with a number that stands there."""
    found = [
        node.lineno
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Compare)
        and any(
            isinstance(side, ast.Attribute | ast.Subscript) and "job_type" in ast.dump(side)
            for side in (node.left, *node.comparators)
        )
        and any(isinstance(side, ast.Constant) for side in (node.left, *node.comparators))
    ]
    assert not found


@pytest.mark.parametrize("package", ["db", "requests", "calendars", "directory"])
def test_what_is_below_the_icons_does_not_import_them(package: str) -> None:
    """The registry reads the tables; so statements take sets of types as parameters."""
    found = [
        str(path.relative_to(ROOT))
        for path in sorted((ROOT / "jobarranger" / package).rglob("*.py"))
        for name in imported(path)
        if name.startswith("jobarranger.icons")
    ]
    assert not found


def public_classes() -> dict[str, list[str]]:
    """Return where each public class is defined, by its name."""
    found: dict[str, list[str]] = {}
    for path, name in zip(SOURCES, NAMES, strict=True):
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found.setdefault(node.name, []).append(f"{name}:{node.lineno}")
    return found


def test_one_class_name_is_one_thing() -> None:
    """Who reads a name knows which class is meant, wherever it stands."""
    classes = public_classes()
    assert {"Request", "SiblingRequest", "AgentAddress"} <= set(classes)
    assert {name: places for name, places in classes.items() if len(places) > 1} == {}


#: Who may name the table of requests beside `requests/rows`: its definition, the view of runs,
#: and what removes all that belongs to a run.
NAMING_REQUESTS = {
    "jobarranger/db/tables/__init__.py",
    "jobarranger/db/tables/own.py",
    "jobarranger/purging/rows/removing.py",
    "jobarranger/waiting/rows/runs.py",
}


def names_requests(module: ast.Module) -> bool:
    """Tell whether a module names the table of requests."""
    return any(
        (isinstance(node, ast.Attribute) and node.attr == "ext_dispatch")
        or (isinstance(node, ast.Name) and node.id == "ext_dispatch")
        or (isinstance(node, ast.alias) and node.name == "ext_dispatch")
        for node in ast.walk(module)
    )


def test_statements_about_requests_have_one_home() -> None:
    """So what *open* means, and which states a change may find, is decided in one place."""
    found = {
        name
        for path, name in zip(SOURCES, NAMES, strict=True)
        if names_requests(tree(path)) and not name.startswith("jobarranger/requests/rows/")
    }
    assert found == NAMING_REQUESTS


def test_views_of_requests_decide_nothing_by_their_states() -> None:
    """They take the one condition for *open*; no state is named there."""
    path = ROOT / "jobarranger/waiting/rows/runs.py"
    named = {node.attr for node in ast.walk(tree(path)) if isinstance(node, ast.Attribute)}
    used = {node.id for node in ast.walk(tree(path)) if isinstance(node, ast.Name)}
    assert "IS_OPEN" in used
    assert not named & {"NEW", "SENDING", "ACCEPTED", "UNKNOWN"}
    assert "DispatchState" not in used


#: Who changes runs because people want it; what each may name of the engine and of the loader.
FOR_PEOPLE: dict[str, dict[str, set[str]]] = {
    "jobarranger/commands": {
        "jobarranger.flow.engine": {"Engine"},  # clock, zone and limits, for the operations
        "jobarranger.loading.rows.scheduling": {"Scheduling", "read_scheduling"},  # reads
    },
    "processes/startcheck.py": {},
    "processes/trapper.py": {
        "jobarranger.flow.engine": {"Engine"},
        "jobarranger.flow.results": {"Judged"},
        "jobarranger.loading.requests": {"Answer"},
    },
    "processes/trapping": {
        "jobarranger.flow.engine": {"Engine"},
        # what agents report is nothing that a person does
        "jobarranger.flow.results": {
            *("ReportedResult", "Judged", "Senders", "Verdict"),
            *("complete", "same_address"),
        },
        "jobarranger.loading.requests": {
            "StartRefusal",
            "StartRequest",
        },  # a request and its answer
    },
}


def named(module: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield module and name of each import; the name is empty for a module as a whole."""
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from ((node.module, alias.name) for alias in node.names)


def past_operations(module: ast.Module, allowed: dict[str, set[str]]) -> list[str]:
    """Return what a module names of the engine, the loader or operations' statements."""
    closed = re.compile(r"jobarranger\.(flow|loading|operations\.rows)\b")
    return [
        f"{source}: {name}"
        for source, name in named(module)
        if closed.match(f"{source}.{name}") and name not in allowed.get(source, set())
    ]


@pytest.mark.parametrize("place", FOR_PEOPLE)
def test_what_people_do_goes_through_operations(place: str) -> None:
    """There the state and the right are checked and the audit row is written, for everybody."""
    paths = [path for path in SOURCES if path.is_relative_to(ROOT / place)]
    found = [past for path in paths for past in past_operations(tree(path), FOR_PEOPLE[place])]
    assert paths
    assert found == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("from jobarranger.operations.icons import operate", []),
        ("from jobarranger.flow.engine import Engine", []),
        ("from jobarranger.flow.engine import Now", ["jobarranger.flow.engine: Now"]),
        ("from jobarranger import flow", ["jobarranger: flow"]),
        ("import jobarranger.flow.stopping", ["jobarranger.flow.stopping: "]),
        ("from jobarranger.flow import stopping", ["jobarranger.flow: stopping"]),
        ("from jobarranger.loading.load import x", ["jobarranger.loading.load: x"]),
        ("from jobarranger.operations.rows import states", ["jobarranger.operations.rows: states"]),
        ("from jobarranger import floods", []),
    ],
)
def test_ways_past_operations_are_recognised(text: str, found: list[str]) -> None:
    """Whatever the form of the import."""
    allowed = {"jobarranger.flow.engine": {"Engine"}}
    assert past_operations(ast.parse(text), allowed) == found

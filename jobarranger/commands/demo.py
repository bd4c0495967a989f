"""Show the whole product at work: a server, an agent, a jobnet, from nothing to the end.

    python -m jobarranger.commands.demo [--keep] [--dir DIRECTORY]

It makes a site of its own (configuration, SQLite database, random password), starts both daemons,
imports the jobnets of conf/demo, starts one with jobarg_exec, shows it live, prints which way it
went and what every icon did, stops everything and checks that nothing is left. Exit code 0 if all
went well.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from jobarranger.client import BadAnswer, registry_number
from jobarranger.commands import operate, picture, waiting_queries
from jobarranger.commands.demo_site import ROOT, DemoFailed, Site
from jobarranger.commands.follow import follow
from jobarranger.errors import JobArrangerError
from jobarranger.waiting.rows.runs import Detail
from jobarranger.waiting.rows.way import begun_icons
from jobarranger.waiting.view import RunView

#: The jobnet that is started, of those in conf/demo.
JOBNET = "DEMO"
#: Seconds that the jobnet may take.
RUN_SECONDS = 120.0


def main(argv: Sequence[str] | None = None) -> int:
    """Run the demo; return its exit code."""
    arguments = _parser().parse_args(argv)
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGINT, _interrupt)  # also where a shell has it ignored
    site = Site(arguments.dir)
    try:
        code = _play(site, keep=arguments.keep)
    except (JobArrangerError, OSError) as error:
        for line in site.last_lines():
            print(line, file=sys.stderr)
        print(f"demo: {error}\ndemo: its files are kept in {site.directory}", file=sys.stderr)
        site.remove_sockets()
        return 1
    site.remove()
    return code


def _parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = argparse.ArgumentParser(description="Start a server and an agent and run a jobnet.")
    parser.add_argument(
        "--keep", action="store_true", help="keep server and agent running until Ctrl-C"
    )
    parser.add_argument(
        "--dir",
        type=Path,
        default=ROOT / "var",
        help="where its files go (default %(default)s)",
    )
    return parser


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Treat SIGTERM as Ctrl-C."""
    raise KeyboardInterrupt


def _play(site: Site, *, keep: bool) -> int:
    """Do everything, and stop everything whatever happens."""
    try:
        _set_up(site)
        run = _run_jobnet(site)
        if keep:
            _wait(site)
    except KeyboardInterrupt:
        site.stop()
        _say("stopped")
        return 0 if keep else 130
    except BaseException:
        _stop_quietly(site)
        raise
    site.stop()
    if run.in_error or not run.ended:
        raise DemoFailed(f"the jobnet is not well: {run.status}")
    _say("the jobnet has ended well, server and agent are stopped, nothing is left")
    return 0


def _stop_quietly(site: Site) -> None:
    """Stop after a failure; the failure is what people must see."""
    try:
        site.stop()
    except JobArrangerError as error:
        print(f"demo: {error}", file=sys.stderr)


def _set_up(site: Site) -> None:
    """Make the site and start it."""
    _say(f"making a site in {site.directory}")
    site.write()
    c = ("-c", site.server_config)
    site.command("jobarg_db", *c, "init")
    site.command("jobarg_ctl", *c, "group", "add", "operators")
    site.command(
        "jobarg_ctl", *c, "user", "add", site.user, "--group", "operators",
        "--password-file", site.password_file,
    )  # fmt: skip
    site.command(
        "jobarg_ctl", *c, "host", "add", "localhost", "127.0.0.1", "--port", site.agent_port
    )
    print(site.command("jobarg_def", "import", ROOT / "conf" / "demo", *c, "--enable"), end="")
    _say(f"starting server (port {site.server_port}) and agent (port {site.agent_port})")
    site.start()


def _run_jobnet(site: Site) -> RunView:
    """Start the jobnet with the real command and show it to its end."""
    _say(f"starting jobnet {JOBNET} with jobarg_exec")
    words = site.command(
        "jobarg_exec", "-z", "127.0.0.1", "-p", site.server_port, "-U", site.user,
        "--password-file", site.password_file, "-j", JOBNET,
    )  # fmt: skip
    try:
        number = registry_number(words)
    except BadAnswer as error:
        raise DemoFailed(f"jobarg_exec said no registry number: {words.strip()}") from error
    with operate.session(site.server_config, "demo") as session:
        follow(session, number, seconds=RUN_SECONDS)
        run = waiting_queries.run(session, number, Detail.OUTPUT)
        begun = session.db.read(lambda conn: begun_icons(conn, run.registry))
    console = picture.console()
    if not console.is_terminal:  # on a terminal the last picture stands there already
        console.print(picture.run_table(run, width=console.width))
    paths = {icon.inner_job_id: icon.path.partition("/")[2] for icon in run.icons}
    _say(f"the way it went: {' '.join(paths[icon] for icon in begun if icon in paths)}")
    _say("what the jobs said, in their last round:")
    console.print(picture.outputs(run))
    site.check_alive()
    return run


def _wait(site: Site) -> None:
    """Stay until Ctrl-C."""
    _say("server and agent go on running; Ctrl-C stops them. In another terminal, for example:")
    base = f"{sys.executable} -m jobarranger.commands"
    print(
        f"  {base}.exec -z 127.0.0.1 -p {site.server_port} -U {site.user}"
        f" --password-file {site.password_file} -j {JOBNET}\n"
        f"  {base}.ctl -c {site.server_config} jobnet list\n"
        f"  tail -f {site.directory}/*.log",
        flush=True,
    )
    while signal.sigtimedwait([], 1.0) is None:
        site.check_alive()


def _say(text: str) -> None:
    """Show the reader what happens."""
    print(f"demo: {text}", flush=True)


if __name__ == "__main__":
    raise SystemExit(main())

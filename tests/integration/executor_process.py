"""A real job-executor as a process of its own, without the rest of the server.

`python -m tests.integration.executor_process CONFIG LIFELINE_DESCRIPTOR`
"""

from __future__ import annotations

import logging
import socket
import sys
from pathlib import Path

from ipc.queues import Sender
from jobarranger.clock import SystemClock
from jobarranger.config import load_server
from jobarranger.wakes import Role
from processes import executor
from processes.aio import run_async
from processes.context import ChildContext
from processes.lifeline import Lifeline
from processes.link import Figures, ParentLink
from processes.signals import child_signals
from processes.title import Title

HANG_LIMIT = 30.0


def main() -> int:
    """Live as job-executor #1 of 1 until asked to end or the other side is gone."""
    logging.basicConfig(format="%(asctime)s %(name)s %(levelname)s %(message)s", level=logging.INFO)
    config, _ = load_server(Path(sys.argv[1]))
    clock = SystemClock()
    line = Lifeline(socket.socket(fileno=int(sys.argv[2])))
    context = ChildContext(
        config=config,
        clock=clock,
        role=Role.EXECUTOR,
        number=1,
        counts={Role.EXECUTOR: 1},
        server_id="20240105101500123",
        runtime_dir=config.ja_runtime_dir,
        interval=float(config.ja_job_interval),
        hang_limit=HANG_LIMIT,
        link=ParentLink(line, child_signals(), clock, Figures(name="executor"), HANG_LIMIT),
        sender=Sender(config.ja_runtime_dir),
        title=Title("executor", clock),
    )
    return run_async(executor.main, context)


if __name__ == "__main__":
    sys.exit(main())

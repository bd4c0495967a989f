"""A whole site: server and agent as real processes, asked over the wire like by any client."""

from __future__ import annotations

import pytest

from tests.stack import Stack

JOBNET = """
jobnet: HELLO
name: one job
icons:
  START: {type: start}
  JOB-1: {type: job, host: localhost, command: "echo hello >> %s"}
  END-1: {type: end}
flows:
  - START -> JOB-1 -> END-1
"""


# Ports, directories and databases are the site's own; `close` ends whatever is left.
@pytest.fixture
def site(tmp_path):
    """Give a running site on an embedded database."""
    stack = Stack(tmp_path)
    stack.start()
    yield stack
    stack.close()


# No sleep: wait for a condition, with a limit.
def test_a_job_runs_on_its_host_once(site):
    """A start over the wire ends with one line in the ledger."""
    site.define(JOBNET % site.ledger)
    run = site.client().start_jobnet("HELLO")
    site.wait_for_end(run, 20)
    assert site.ledger.read_text() == "hello\n"

"""What the executor reads in the answers of agents."""

from __future__ import annotations

import json

import pytest

from ipc.telegrams import JobRunReply
from jobarranger.requests.steps import Answered, Silent
from processes.executing.channels import telegrams


def test_try_again_is_an_answer_of_its_own() -> None:
    """An agent that cannot take a job for now says so beside its refusal."""
    reply = JobRunReply(result=2, message="the disk is full", agent="x 1", attempt=2, retry=1)
    answer = telegrams.run_answer(reply.to_json())
    assert answer == Answered(2, "the disk is full", "x 1", retry=True)


@pytest.mark.parametrize("retry", [None, 0])
def test_a_refusal_without_it_is_final(retry: int | None) -> None:
    """The key is written only when it is set, and counts only when it is not 0."""
    reply = JobRunReply(result=2, message="no", retry=retry)
    assert ("retry" in json.loads(reply.to_json())["data"]) is (retry is not None)
    assert telegrams.run_answer(reply.to_json()) == Answered(2, "no")


def test_an_answer_that_cannot_be_read_leaves_the_outcome_open() -> None:
    """The agent may have taken the job."""
    answer = telegrams.run_answer(b"nonsense")
    assert isinstance(answer, Silent)
    assert not answer.timed_out

"""The line between parent and child never waits, keeps records apart, and shows the end."""

from __future__ import annotations

from processes.lifeline import RECORD_LIMIT, LifelineRecord, RecordKind, lifeline


def test_records_arrive_in_order() -> None:
    """Each send is one record."""
    parent, child = lifeline()
    child.send(RecordKind.READY)
    child.send(RecordKind.BEAT, "{}")
    assert parent.receive() == [
        LifelineRecord(RecordKind.READY),
        LifelineRecord(RecordKind.BEAT, "{}"),
    ]
    assert parent.receive() == []
    assert not parent.gone
    parent.close()
    child.close()


def test_a_full_line_drops() -> None:
    """Nobody waits for a parent that does not read, or a child that hangs."""
    parent, child = lifeline()
    taken = [child.send(RecordKind.BEAT, "x" * 1000) for _ in range(10_000)]
    assert taken[0]
    assert not taken[-1]
    assert len(parent.receive()) == sum(taken)
    assert child.send(RecordKind.BEAT)
    parent.close()
    child.close()


def test_last_words_are_heard_before_the_end() -> None:
    """What was sent before the death comes first."""
    parent, child = lifeline()
    child.send(RecordKind.FAULT, "why")
    child.close()
    assert parent.receive() == [LifelineRecord(RecordKind.FAULT, "why")]
    assert parent.gone
    assert not parent.send(RecordKind.REOPEN)
    parent.close()


def test_what_a_damaged_child_sends_does_no_harm() -> None:
    """Unknown records are passed over, long ones are cut."""
    parent, child = lifeline()
    child._end.send(b"\xff\xfe")
    child.send(RecordKind.FAULT, "x" * 2 * RECORD_LIMIT)
    (record,) = parent.receive()
    assert len(record.text) == RECORD_LIMIT - 1
    parent.close()
    child.close()

"""A property: Hypothesis looks for an input that breaks the rule."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from ipc.frames import FrameReader, encode


# Describe all inputs, not some. When one fails, Hypothesis shows the smallest; keep it as an
# @example above the test, so that it is tried for ever.
@given(payload=st.binary(max_size=300), cuts=st.lists(st.integers(0, 320), max_size=5))
def test_a_frame_survives_any_segmentation(payload, cuts):
    """However the bytes are cut on their way, the payload comes out as it went in."""
    frame = encode(payload)
    places = [0, *sorted(min(cut, len(frame)) for cut in cuts), len(frame)]
    reader = FrameReader()
    found = []
    for start, end in pairwise(places):
        reader.feed(frame[start:end])
        if (part := reader.next()) is not None:
            found.append(part)
    assert found == [payload]

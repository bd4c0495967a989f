"""All messages that the product raises, gathered from the modules that declare them.

Ids, kinds and fields of the original are kept where the meaning is. Its fields stand in its order,
so that an edited catalogue file of 3.0.0 with `%s` and `%d` still fits; the `function` that many
of its texts begin with is filled with the name of this package and used by none of ours.
"""

from __future__ import annotations

from jobarranger.messages.agents import *  # noqa: F403
from jobarranger.messages.icons import *  # noqa: F403
from jobarranger.messages.jobnets import *  # noqa: F403
from jobarranger.messages.loading import *  # noqa: F403
from jobarranger.messages.model import Message
from jobarranger.messages.monitor import *  # noqa: F403
from jobarranger.messages.purging import *  # noqa: F403
from jobarranger.messages.server import *  # noqa: F403
from jobarranger.messages.trapper import *  # noqa: F403


def declared() -> dict[str, Message]:
    """Return every declared message by its id, in the order of ids."""
    found = {value.id: value for value in globals().values() if isinstance(value, Message)}
    return dict(sorted(found.items()))

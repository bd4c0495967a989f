"""One request on its way: sends and asks until nothing can be done for it now.

Each step is decided in `jobarranger.requests.decide`, from what the last one has shown.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from jobarranger.requests import decide
from jobarranger.requests.request import Request
from jobarranger.requests.steps import Pursue, Query, Send, SendLimits, Step
from jobarranger.states import DispatchState
from processes.executing.channels import telegrams
from processes.executing.contacts import Contacts
from processes.executing.work import Begin, Task


async def carry_out(
    task: Task,
    contacts: Contacts,
    limits: SendLimits,
    may_repeat: Callable[[Request], Awaitable[bool]],
) -> tuple[Request, Step | None]:
    """Send and ask as the rules say; return the request as it is then, and the last step.

    No step: somebody else has concluded the request meanwhile.

    Args:
        task: what to do.
        contacts: makes the connections.
        limits: the rules that an operator sets.
        may_repeat: asks the database before anything is sent a second time.
    """
    request = task.request
    oversized = telegrams.too_large(request.payload) is not None
    unsent = task.begin is Begin.SEND
    if unsent:
        step = decide.first_step(request, oversized=oversized)
    else:
        step = decide.when_due(request, contacts.view(request), limits)
    sends = 0
    while isinstance(step, Send | Query):
        if isinstance(step, Query):
            asked = replace(request, state=DispatchState.NEW) if unsent else request
            event = await contacts.make(asked, step)
            view = contacts.view(request)
            step = decide.after_query(asked, event, view, limits, oversized=oversized)
            continue
        if not unsent and not await may_repeat(request):
            return request, None
        if sends:
            pause = decide.pause(request.tries, decide.QUERY_FIRST, decide.QUERY_MOST)
            return request, Pursue(contacts.view(request).now + pause)
        sends += 1
        event = await contacts.make(request, step)
        step = decide.after_sending(
            request, event, contacts.view(request), limits, again=not unsent
        )
        unsent = False
    return request, step

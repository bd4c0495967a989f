"""Carries telegrams to agents: one connection each, and says what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from ipc.client import exchange
from ipc.errors import NoAnswer, NotConnected
from ipc.resolver import Resolver
from jobarranger.failpoints import failpoint
from jobarranger.requests.request import Request
from jobarranger.requests.steps import Event, Silent, Unreachable
from processes.executing.channels import telegrams

#: An original agent that is busy with another connection answers after this much more (seconds),
#: and its server waits twice.
BUSY_SECONDS, WAITS = 15, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentClient:
    """Knows how this server connects."""

    server_id: str
    timeout: int  #: seconds, `Timeout`
    source: str | None = None  #: `SourceIP`
    resolver: Resolver = field(default_factory=Resolver)

    async def send(self, request: Request) -> Event:
        """Send a jobrun."""
        failpoint("executor.before_send")
        event = await self._ask(request, telegrams.jobrun(request, self.server_id), run=True)
        failpoint("executor.after_send")
        return event

    async def query(self, request: Request) -> Event:
        """Ask after a request."""
        return await self._ask(request, telegrams.jobquery(request, self.server_id), run=False)

    async def _ask(self, request: Request, payload: bytes, *, run: bool) -> Event:
        try:
            reply = await exchange(
                request.address or "",
                request.port or 0,
                payload,
                source=self.source,
                connect_timeout=self.timeout,
                reply_timeout=(self.timeout + BUSY_SECONDS) * WAITS,
                resolver=self.resolver,
            )
        except NotConnected as error:
            return Unreachable(str(error))
        except NoAnswer as error:
            closed = error.closed and error.received == 0
            return Silent(str(error), closed=closed, timed_out=error.timed_out)
        read = telegrams.run_answer if run else telegrams.query_answer
        return read(reply.payload)

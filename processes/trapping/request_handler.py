"""Takes each request to its handler and brings back the answer in the kind the asker expects."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial

from ipc import telegrams
from ipc.budget import SMALL
from ipc.pool import Pool
from ipc.server import Answer, Ending, Peer
from jobarranger.errors import CannotStore, DatabaseUnavailable
from processes.trapping.client_requests import read_variables
from processes.trapping.clients import ClientHandler
from processes.trapping.operators import OperatorHandler
from processes.trapping.refusals import Refused, report
from processes.trapping.results import ResultHandler
from processes.trapping.routing import Routed, route

log = logging.getLogger(__name__)

_BUSY = "the database cannot be reached now; try again later"
_CANNOT_STORE = "the request has a value that the database cannot take"


@dataclass(slots=True, kw_only=True)
class RequestHandler:
    """The handler of the trapper's server.

    Small requests are read at once; large ones in `readers`, so that they hold nobody up.
    """

    results: ResultHandler
    clients: ClientHandler
    operators: OperatorHandler
    server_id: str
    readers: Pool
    vouch: Callable[[str], None]  #: called with the address of whoever has shown who it is
    served: int = 0

    async def handle(self, payload: bytes, peer: Peer) -> Answer:
        """Answer one request."""
        self.served += 1
        large = len(payload) > SMALL
        routed = await self.readers.run(route, payload) if large else route(payload)
        if isinstance(routed, Ending):
            log.warning("request from %s is not a telegram", peer.address)
            return routed
        if isinstance(routed, Refused):
            report(routed, peer.address)
            return telegrams.ErrorReply(
                serverid=self.server_id, result=1, message=str(routed)
            ).to_json()
        if routed.kind == telegrams.JobResult.kind:
            return await self.results.answer(routed.message, peer, large=large)
        return await self._client(routed, peer)

    async def _client(self, routed: Routed, peer: Peer) -> bytes:
        """Answer a command; what goes wrong becomes the text of its reply."""
        handlers = {
            telegrams.JobnetRun.kind: (self._start(routed), self.clients.start_refused),
            telegrams.StatusRequest.kind: (self.clients.status, self.clients.status_refused),
            telegrams.Release.kind: (self.operators.release, self.operators.release_refused),
            telegrams.LogRequest.kind: (self.operators.log, self.operators.log_refused),
        }
        answer, refuse = handlers[routed.kind]
        try:
            reply = await answer(routed.message, peer.address)
        except Refused as refused:
            report(refused, peer.address)
            return refuse(refused)
        except DatabaseUnavailable as error:
            log.warning("%s from %s: %s", routed.kind, peer.address, error)
            return refuse(Refused(_BUSY))
        except CannotStore as error:
            log.info("%s from %s refused: %s", routed.kind, peer.address, error)
            return refuse(Refused(_CANNOT_STORE))
        except Exception:
            log.exception("%s from %s failed", routed.kind, peer.address)
            return refuse(Refused("internal error; see the server's log"))
        self.vouch(peer.address)
        return reply

    def _start(self, routed: Routed) -> Callable[[Mapping[str, object], str], Awaitable[bytes]]:
        """Return how to answer a start; variables that are unread are read after the log-in."""
        if routed.unread is None:
            return self.clients.start
        rest = partial(self.readers.run, read_variables, routed.unread)
        return partial(self.clients.start, rest=rest)

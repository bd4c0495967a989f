"""Takes each request to its desk and brings back the answer in the kind the asker expects."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from ipc import telegrams
from ipc.server import Answer, Ending, Peer
from jobarranger import messages as m
from jobarranger.errors import CannotStore, DatabaseUnavailable
from processes.trapping.clients import ClientDesk
from processes.trapping.operators import OperatorDesk
from processes.trapping.refusals import Refused
from processes.trapping.results import ResultDesk
from processes.trapping.routing import Routed, route

log = logging.getLogger(__name__)

_BUSY = "the database cannot be reached now; try again later"
_CANNOT_STORE = "the request has a value that the database cannot take"


@dataclass(slots=True, kw_only=True)
class Reception:
    """The handler of the trapper's server."""

    results: ResultDesk
    clients: ClientDesk
    operators: OperatorDesk
    server_id: str
    served: int = 0

    async def handle(self, payload: bytes, peer: Peer) -> Answer:
        """Answer one request."""
        self.served += 1
        routed = route(payload)
        if isinstance(routed, Ending):
            log.warning("request from %s is not a telegram", peer.address)
            return routed
        if isinstance(routed, Refused):
            report(routed, peer)
            return telegrams.ErrorReply(
                serverid=self.server_id, result=1, message=str(routed)
            ).to_json()
        if routed.kind == telegrams.JobResult.kind:
            return await self.results.answer(routed.message, peer)
        return await self._client(routed, peer)

    async def _client(self, routed: Routed, peer: Peer) -> bytes:
        """Answer a command; what goes wrong becomes the text of its reply."""
        desks = {
            telegrams.JobnetRun.kind: (self.clients.start, self.clients.start_refused),
            telegrams.StatusRequest.kind: (self.clients.status, self.clients.status_refused),
            telegrams.Release.kind: (self.operators.release, self.operators.release_refused),
            telegrams.LogRequest.kind: (self.operators.log, self.operators.log_refused),
        }
        answer, refuse = desks[routed.kind]
        try:
            return await answer(routed.message, peer.address)
        except Refused as refused:
            report(refused, peer)
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


def report(refused: Refused, peer: Peer) -> None:
    """Write the log lines of a refusal; the request itself is never in them."""
    if refused.told is not None:
        m.say(refused.told, **refused.fields)
    log.info("request from %s refused: %s", peer.address, refused)

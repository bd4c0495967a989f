"""The agent at work: listening, answering, and the chores of every second."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
from collections.abc import Callable
from logging import getLogger
from pathlib import Path
from typing import Any

from setproctitle import setproctitle

from ipc import heap
from ipc.budget import SMALL
from ipc.crowds import Everybody
from ipc.frames import FrameLimits
from ipc.pool import Pool, to_the_end
from ipc.server import Answer, Ending, Peer, ServerSettings, TelegramServer
from jobarranger import __version__, logs
from jobarranger.agent import accept
from jobarranger.agent.chores import Chores, MemoryWatch
from jobarranger.agent.directories import JobsDirectory, sweep
from jobarranger.agent.jobs import AcceptVerdict, JobState, Order
from jobarranger.agent.journal import Acceptance, Journal
from jobarranger.agent.journal_file import JournalError
from jobarranger.agent.peers import Peers
from jobarranger.agent.result_sender import DAY_MS, DeliverySettings
from jobarranger.agent.running import Runner
from jobarranger.agent.trouble import Holding, PassingTrouble
from jobarranger.clock import Clock
from jobarranger.config import AgentConfig
from jobarranger.daemon import output
from jobarranger.failpoints import failpoint

log = getLogger(__name__)

#: What we call ourselves in telegrams to servers that count attempts.
AGENT_NAME = f"jobarranger-py {__version__}"
#: Seconds that a request may take longer than `Timeout` to arrive, as with the original.
REQUEST_EXTRA = 15
CONNECTIONS = 200
MAX_REQUEST_BYTES = 16 << 20
#: Seconds that a start waits for the names in `Server`, before it goes on without them.
NAMES_PATIENCE = 3.0
STOP_GRACE = 3.0
CHORE_SECONDS = 1.0
PURGE_EVERY = 600  #: chores between two purges of the journal
BACKLOG = 4096

_STATE_WORDS = {
    JobState.ACCEPTED: "accepted",
    JobState.RUNNING: "running",
    JobState.ENDED: "ended",
    JobState.CLOSED: "closed",
}


class AgentService:
    """One running agent."""

    def __init__(
        self,
        config: AgentConfig,
        journal: Journal,
        place: JobsDirectory,
        *,
        clock: Clock,
        boot_id: str,
        files: int,
        keep: Callable[[], object],
    ) -> None:
        """Prepare on the running event loop, and continue the jobs of the journal.

        Args:
            config: all parameters.
            journal: the open journal.
            place: where the jobs' directories are.
            clock: gives the time.
            boot_id: this boot of the machine.
            files: soft limit of open files that jobs get.
            keep: sees once a second that the pid file is still there.
        """
        self._config = config
        self._journal = journal
        self._clock = clock
        self._me = accept.Identity(hostname=config.hostname, extjob_path=config.ja_extjob_path)
        self._peers = Peers(config.server, clock)
        unfinished = journal.unfinished()
        journal.start()
        self.runner = Runner(
            journal,
            delivery_settings(config, self._peers),
            place,
            clock=clock,
            command_user=config.ja_command_user or "",
            max_jobs=config.ja_max_jobs,
            files=files,
        )
        if unfinished:
            log.info("taking up %d unfinished jobs", len(unfinished))
        sweep(journal.jobs_dir, {job.directory for job in unfinished})
        self.runner.recover(unfinished, boot_id)
        settings = ServerSettings(
            request_timeout=config.timeout + REQUEST_EXTRA,
            reply_timeout=config.timeout,
            connections=CONNECTIONS,
            becomes=accept.SHAPE.becomes,
            limits=FrameLimits(frame=MAX_REQUEST_BYTES, plain=SMALL),
            welcome=self._is_welcome,
        )
        self._readers = Pool(1, "reader")
        self._server = TelegramServer(self.answer, settings, Everybody())
        self._stop = asyncio.Event()
        self._patience = Holding()
        self._turns = 0
        self._memory = MemoryWatch()
        self._chores = Chores(
            [
                ("looking after jobs", self.runner.look),
                ("keeping the directory of the jobs", place.keep),
                ("keeping the journal", self._tend_journal),
                ("keeping the pid file", keep),
                ("rotating the log", self._rotate),
                ("showing the state", self._show),
                ("answering", self._memory.look),
            ]
        )

    async def run(self, listener: socket.socket, ready: Callable[[], None]) -> None:
        """Serve until a signal ends it."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            loop.add_signal_handler(number, self._stop.set)
        loop.add_signal_handler(signal.SIGHUP, output.reopen)
        loop.set_exception_handler(self._unhandled)
        heap.return_large_blocks()
        await self._peers.settle(NAMES_PATIENCE)
        if os.geteuid() == 0 and self._peers.admits_this_host():
            log.warning(
                "Server names this host itself: every local user can send jobs, "
                "which run as any user, since the agent is root"
            )
        self._server.start([listener])
        gc.collect()
        gc.freeze()
        ready()
        while not self._stop.is_set():
            self._chores.round()
            logs.report_floods()
            try:
                await asyncio.wait_for(self._stop.wait(), CHORE_SECONDS)
            except TimeoutError:
                continue
        setproctitle("jobarg_agentd: stopping")
        await self._server.stop(STOP_GRACE)
        await self.runner.close(STOP_GRACE)
        self._readers.close()

    def _is_welcome(self, address: str) -> bool:
        """Return whether a caller may speak at all; strangers are seen off before they do."""
        if self._peers.allowed(address):
            return True
        log.warning("connection from %s refused: it is not in Server", address)
        return False

    def _unhandled(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Take what nobody has caught; missing memory gets no traceback each time."""
        if isinstance(context.get("exception"), MemoryError):
            self._memory.ran_short(str(context.get("message", "something")))
        else:
            loop.default_exception_handler(context)

    async def answer(self, payload: bytes, peer: Peer) -> Answer:
        """Answer one request."""
        self.runner.result_sender.heard_from(peer.address)
        try:
            answer = await self._respond(payload, peer)
        except MemoryError:
            self._memory.ran_short(f"a request from {peer.address}")
            return Ending.RESET
        self._memory.sufficed()
        return answer

    async def _respond(self, payload: bytes, peer: Peer) -> Answer:
        match await self._read(payload, peer):
            case accept.RunRequest() as run:
                return await self._run(run)
            case accept.KillRequest() as kill:
                return await self._kill(kill)
            case accept.QueryRequest() as query:
                return await self._query(query)
            case accept.RefusedRequest(envelope, message):
                log.warning("request from %s refused: %.300s", peer.address, message)
                return self._reply(envelope, accept.REFUSED, message)

    async def _read(self, payload: bytes, peer: Peer) -> accept.Decision:
        """Read a request; a large one in a thread, so that it holds no other up."""
        if len(payload) > SMALL:
            return await self._readers.run(accept.decide, payload, peer.address, self._me)
        return accept.decide(payload, peer.address, self._me)

    async def _run(self, run: accept.RunRequest) -> Answer:
        order, envelope = run.order, run.envelope
        hold = not accept.understands_retry(envelope)
        try:
            acceptance = await self._patience.attempt(
                lambda: to_the_end(self._accept(order)), hold=hold
            )
        except PassingTrouble as trouble:
            return self._later(envelope, order.job_id, trouble)
        except JournalError as error:
            return self._reply(envelope, accept.REFUSED, str(error))
        if acceptance.verdict in {AcceptVerdict.NEW, AcceptVerdict.REPEATED}:
            return self._reply(envelope, accept.ACCEPTED)
        known = acceptance.known
        assert known is not None
        if acceptance.verdict is AcceptVerdict.UNFINISHED:
            message = f"job {order.job_id} is not finished, its status is {int(known.state)}"
            return self._reply(envelope, accept.UNFINISHED, message)
        message = f"attempt {order.attempt} of job {order.job_id} is older than {known.attempt}"
        return self._reply(envelope, accept.REFUSED, message)

    async def _accept(self, order: Order) -> Acceptance:
        """Store a job and begin it: a job that is stored runs, whether its server waits or not."""
        acceptance = await self._journal.accept(order)
        if acceptance.job is not None:
            failpoint("agent.accepted")
            log.debug("job %d accepted from %s", order.job_id, order.peer)
            self.runner.begin(acceptance.job)
        return acceptance

    async def _kill(self, kill: accept.KillRequest) -> Answer:
        hold = not accept.understands_retry(kill.envelope)
        try:
            problem = await self._patience.attempt(
                lambda: to_the_end(self.runner.kill(kill.job_id, kill.attempt)), hold=hold
            )
        except PassingTrouble as trouble:
            return self._later(kill.envelope, kill.job_id, trouble)
        if problem:
            log.warning("kill refused: %s", problem)
            return self._reply(kill.envelope, accept.REFUSED, problem)
        log.info("job %d killed", kill.job_id, extra=logs.KEEP)
        return self._reply(kill.envelope, accept.ACCEPTED)

    async def _query(self, query: accept.QueryRequest) -> Answer:
        state = self.runner.state_of(query.job_id, query.attempt)
        if state is None:
            try:
                known = await self._journal.known(query.job_id, query.attempt)
            except PassingTrouble as trouble:
                return self._later(query.envelope, query.job_id, trouble)
            live = self.runner.state_of(query.job_id, query.attempt)  # accepted meanwhile
            state = live if live is not None or known is None else known.state
        word = "unknown" if state is None else _STATE_WORDS[state]
        return accept.reply(query.envelope, accept.ACCEPTED, agent=AGENT_NAME, state=word)

    def _later(self, envelope: accept.ReplyHead, job_id: int, trouble: PassingTrouble) -> Answer:
        """Have the server come again; one that cannot be asked gets no answer at all."""
        log.debug("request for job %d cannot be served now: %s", job_id, trouble)
        if not accept.understands_retry(envelope):
            log.warning("request for job %d is left without an answer: %s", job_id, trouble)
            return Ending.RESET
        return accept.reply(envelope, accept.REFUSED, str(trouble), agent=AGENT_NAME, retry=True)

    def _reply(self, envelope: accept.ReplyHead, result: int, message: str = "") -> bytes:
        return accept.reply(envelope, result, message, agent=AGENT_NAME)

    def _show(self) -> None:
        runner = self.runner
        more = f", {runner.waiting} waiting" if runner.waiting else ""
        more += f", {runner.stopped} stopped" if runner.stopped else ""
        setproctitle(
            f"jobarg_agentd: listening on {self._config.ja_listen_port}"
            f" [{runner.running} running{more}, {runner.result_sender.held} to deliver]"
        )

    def _rotate(self) -> None:
        if self._config.ja_log_file:
            logs.rotate(Path(self._config.ja_log_file), self._config.log_file_size)

    def _tend_journal(self) -> None:
        self._journal.tend()
        if self._turns % PURGE_EVERY == 0:
            self._journal.purge(self._clock.now_ms() - self._config.ja_job_history * DAY_MS)
        self._peers.keep_fresh()
        self._turns += 1


def delivery_settings(config: AgentConfig, peers: Peers) -> DeliverySettings:
    """Return where results go and how patiently."""
    return DeliverySettings(
        hostname=config.hostname,
        agent=AGENT_NAME,
        destinations=peers.destinations,
        port=config.ja_server_port,
        source=config.listen_ip,
        timeout=config.timeout,
        close_tries=max(1, config.ja_send_retry),
        longest_pause=config.ja_result_retry_max,
        keep_ms=config.ja_result_keep * DAY_MS,
    )


def listen(address: str | None, port: int) -> socket.socket:
    """Return a listening socket on one address, or on all of both families.

    Raises:
        OSError: the address is taken or not ours.
    """
    if address is None and socket.has_dualstack_ipv6():
        return socket.create_server(
            ("", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=BACKLOG
        )
    family = socket.AF_INET6 if address and ":" in address else socket.AF_INET
    return socket.create_server((address or "", port), family=family, backlog=BACKLOG)

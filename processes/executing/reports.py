"""What is reported to operators about hosts: once when trouble begins, once when it is over.

And of requests whose answer is worth a line.
"""

from __future__ import annotations

from jobarranger import messages as m
from jobarranger.requests import decide
from jobarranger.requests.hosts import Health, HostState
from jobarranger.requests.request import Request
from jobarranger.requests.steps import Answered, Event, Reported, SendLimits
from jobarranger.states import DispatchState


def report_trouble(request: Request, health: Health, limits: SendLimits) -> None:
    """Say what is wrong with the host of a request."""
    host, address, port = request.host_name, request.address, request.port
    seconds = limits.connect_retry // 1000
    match health.state:
        case HostState.DOWN:
            m.log_message(
                m.JACONNECT300002,
                host=host,
                host_address=address,
                port=port,
                error_text=health.text,
                seconds=seconds,
            )
        case HostState.SLOW:
            m.log_message(m.JACONNECT300003, host=host, host_address=address, port=port)
        case HostState.BUSY:
            m.log_message(m.JADISPATCH300002, host=host, agent_message=health.text, seconds=seconds)
        case _:
            pass


def report_recovery(request: Request, before: Health, after: Health) -> None:
    """Say that the trouble that was reported is over."""
    if not before.reported or after.is_troubled:
        return
    if before.state is HostState.BUSY:
        m.log_message(m.JADISPATCH000002, host=request.host_name)
        return
    back = m.JACONNECT000001 if before.state is HostState.DOWN else m.JACONNECT000002
    m.log_message(back, host=request.host_name, host_address=request.address, port=request.port)


def report_answer(request: Request, event: Event) -> None:
    """Say that a request waits for an older attempt, or that a missing answer has come."""
    job, host = request.job_id, request.host_name
    match event:
        case Answered() if request.tries == 1 and decide.is_older_alive(request, event):
            m.log_message(m.JADISPATCH300001, inner_job_id=job, host=host)
        case Reported(standing) if request.state is DispatchState.SENDING:
            m.log_message(m.JADISPATCH000001, inner_job_id=job, host=host, state=standing.value)
        case _:
            pass

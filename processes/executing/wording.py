"""Which message a failed request raises, by what was asked and of which icon."""

from __future__ import annotations

from dataclasses import dataclass

from jobarranger import messages as m
from jobarranger.flow.dispatching import DispatchFailure
from jobarranger.icons import Traits, asked_by, traits_of
from jobarranger.messages import Message
from jobarranger.requests import decide
from jobarranger.requests.request import RUNS, Request
from jobarranger.requests.steps import Fail, FailureReason, SendLimits
from processes.executing.channels import telegrams


@dataclass(frozen=True, slots=True)
class IconName:
    """What the messages say about an icon."""

    job_type: int
    job_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """Puts failures into words; knows the parameters that the messages quote."""

    limits: SendLimits
    timeout: int  #: seconds, `Timeout`
    source: str | None = None  #: `SourceIP`

    def failure(
        self, request: Request, step: Fail, icon: IconName | None
    ) -> DispatchFailure | None:
        """Return what the engine must know; None if it was only to be logged, and is now.

        Args:
            request: what has failed.
            step: why.
            icon: whose request it is; None: its row is gone.
        """
        traits = traits_of(icon.job_type) if icon else asked_by(request.payload.type)
        message, fields = self._message(request, step, traits, icon.job_id if icon else "")
        if icon is None or not decide.fails_icon(step.reason, request.method, traits.failed_stop):
            m.log_message(message, **fields)
            return None
        return DispatchFailure(
            job_id=request.job_id,
            attempt=request.attempt,
            method=request.method,
            message=m.render(message, **fields),
            host=request.host_name,
            outcome_unknown=is_unknown(request, step),
        )

    def _message(  # noqa: PLR0911 - one message for each case
        self, request: Request, step: Fail, traits: Traits, name: str
    ) -> tuple[Message, dict[str, object]]:
        fields: dict[str, object] = {"inner_job_id": request.job_id, "host": request.host_name}
        text = step.text or step.reason.value
        match step.reason:
            case FailureReason.UNKNOWN_HOST:
                return m.JAHOST200002, fields
            case FailureReason.DISABLED_HOST:
                return m.JAHOST200003, {**fields, "job_id": name}
            case FailureReason.UNREACHABLE:
                return m.JACONNECT300001, {**fields, **self._connection(request, text)}
            case FailureReason.TOO_LARGE:
                return m.JADISPATCH200002, {**fields, **_excess(request)}
            case FailureReason.NO_OUTCOME if request.method in RUNS:
                seconds = self.limits.unknown // 1000
                return m.JADISPATCH200001, {**fields, "job_id_path": name, "seconds": seconds}
            case FailureReason.NO_OUTCOME:
                return m.JADISPATCH200003, {**fields, "error_text": text}
            case FailureReason.REFUSED | FailureReason.STOPPED:
                return traits.refused, {**fields, "agent_message": text}

    def _connection(self, request: Request, text: str) -> dict[str, object]:
        return {
            "error_text": text,
            "host_address": request.address or request.host_name,
            "port": request.port or 0,
            "source_ip": self.source or "any address",
            "timeout": self.timeout,
        }


def is_unknown(request: Request, step: Fail) -> bool:
    """Tell whether the job may have run all the same."""
    return step.reason is FailureReason.NO_OUTCOME and request.method in RUNS


def _excess(request: Request) -> dict[str, object]:
    what, length = telegrams.too_large(request.payload) or ("request", 0)
    return {"what": what, "length": length, "limit": telegrams.ORIGINAL_LIMIT}

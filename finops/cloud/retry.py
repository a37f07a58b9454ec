"""The one retry policy: what is sent again, after how long, and when we stop and say when to come back.

A change is never sent again in here: whoever decided on it looks again first (finops.acts). What Azure turned away is
`NotSent`; what it may have carried out is `lost`.

azure-core 1.41 neither reads Cost Management's own retry-after headers, nor retries POST on 429 without a plain
Retry-After, nor 502 for POST, nor 529, and sleeps three hours when it is told to. All of that is decided here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from azure.core import exceptions as sdk
from azure.core.pipeline import PipelineRequest, PipelineResponse
from azure.core.pipeline.policies import HTTPPolicy

from finops.errors import AzureError, NotSent, TemporaryError

from .budgets import Budgets
from .calls import Answer, Call
from .credentials import Tokens
from .faults import BUSY, printable, read_fault
from .waits import asked_wait, come_back, quota_reset

TRIES = 4  # of a call that fails, and
THROTTLED_TRIES = 7  # of one that Azure refuses for its rate: those say when to come back, so patience pays
FIRST_BACKOFF_SECONDS = 0.8
LONGEST_BACKOFF_SECONDS = 30.0
# Cost Management without any header: its smallest window that helps is a minute, so half of it, twice.
COST_WAIT_SECONDS = 30.0

# Turned away at the door, where a Retry-After comes with it. Without one, a proxy may have said 503 because the
# connection behind it broke, long after the request was on its way (Envoy does).
TURNED_AWAY = {503, 529}


@dataclass(frozen=True)
class Time:
    """The clocks: `monotonic` for deadlines, `now` for people, `sleep` to wait, `jitter` a share of a wait (0 to 1)."""

    monotonic: Callable[[], float]
    now: Callable[[], datetime]
    sleep: Callable[[float], None]
    jitter: Callable[[], float]


@dataclass(frozen=True)
class Timeouts:
    connect: float
    read: float
    call: float


class Patience(HTTPPolicy[Any, Any]):
    """Sends a request until it is answered for good, the tries are used up or the call's deadline would pass."""

    def __init__(self, time: Time, timeouts: Timeouts, budgets: Budgets, tokens: Tokens) -> None:
        super().__init__()
        self._time = time
        self._timeouts = timeouts
        self._budgets = budgets
        self._tokens = tokens

    def send(self, request: PipelineRequest[Any]) -> PipelineResponse[Any, Any]:
        call: Call = request.context.options.pop("call")
        request.context["call"] = call
        failed = throttled = 0
        token_renewed = False
        while True:
            answer, response, fault = self._attempt(request, call)
            if answer is None:
                assert fault is not None
                failed += 1
                self._give_up_or_wait(call, fault, failed, urlsplit(request.http_request.url).netloc)
                continue
            assert response is not None
            if answer.status == 401 and not token_renewed:
                token_renewed = True
                self._tokens.forget()
                continue
            if answer.status not in BUSY:
                self._heed_quota(call, answer)
                return response
            asked = asked_wait(answer.headers, self._time.now())
            if answer.status == 429 or (answer.status in TURNED_AWAY and asked):
                if _decided(call):
                    raise self._turned_away(call, answer, asked)
                throttled += 1
                if throttled >= THROTTLED_TRIES:
                    return response
                self._wait_for_quota(call, answer, asked, throttled)
                continue
            failed += 1
            if not call.read:
                call.lost_answers += 1
                raise _perhaps_done(call, answer)
            if failed >= TRIES:
                return response
            self._back_off(call, failed, f"answered {answer.status}")

    def _attempt(
        self, request: PipelineRequest[Any], call: Call
    ) -> tuple[Answer | None, PipelineResponse[Any, Any] | None, sdk.AzureError | None]:
        left = call.deadline - self._time.monotonic()
        if left <= 0:
            raise self._late(call, "took too long")
        request.context.options["connection_timeout"] = min(self._timeouts.connect, left)
        request.context.options["read_timeout"] = min(self._timeouts.read, left)
        call.answer = None
        try:
            response = self.next.send(request)
        except sdk.AzureError as fault:
            call.trail[0] += 1
            return None, None, fault
        assert call.answer is not None
        call.trail[call.answer.status] += 1
        return call.answer, response, None

    def _give_up_or_wait(self, call: Call, fault: sdk.AzureError, failed: int, host: str) -> None:
        """After an attempt without a (readable) answer."""
        reason = reason_of(fault)
        arrived = not isinstance(fault, sdk.ServiceRequestError)
        if arrived:
            call.lost_answers += 1
            if not call.read:
                raise lost(call.doing, reason) from fault
        else:
            reason = f"{reason} by {host}" if "refused" in reason.lower() else f"{host}: {reason}"
            if _decided(call):
                raise NotSent(
                    f"{call.doing} was not sent: {reason}.", "Check the network and any proxy, then try again.",
                    code="NotSent", seconds=FIRST_BACKOFF_SECONDS,
                ) from fault  # fmt: skip
        if failed >= TRIES:
            if isinstance(fault, sdk.DecodeError):
                raise AzureError(
                    f"Azure's answer to {call.doing} cannot be read: {reason}.",
                    "A sign-in page or proxy may stand in between; check the network.",
                    code="OddAnswer",
                ) from fault
            raise TemporaryError(
                f"Azure did not answer {call.doing} in {failed} tries: {reason}.",
                "Check the network and any proxy, then try again.",
            ) from fault
        self._back_off(call, failed, reason, fault)

    def _back_off(self, call: Call, failed: int, why: str, fault: Exception | None = None) -> None:
        longest = min(LONGEST_BACKOFF_SECONDS, FIRST_BACKOFF_SECONDS * 2 ** (failed - 1))
        wait = longest * (0.5 + 0.5 * self._time.jitter())
        if wait > call.deadline - self._time.monotonic():
            raise self._late(call, why) from fault
        self._time.sleep(wait)

    def _wait_for_quota(self, call: Call, answer: Answer, asked: float | None, throttled: int) -> None:
        """After a refusal for its rate: wait as asked, all threads alike; `take` refuses to wait past the deadline."""
        self._hold(call, answer, asked, throttled)
        left = call.deadline - self._time.monotonic()
        self._budgets.take(call.budget, call.scope, call.units, at_most=left)

    def _turned_away(self, call: Call, answer: Answer, asked: float | None) -> NotSent:
        """The error for a change that Azure refused for its rate. All threads wait as long as it asked."""
        return turned_away(call.doing, self._time.now(), self._hold(call, answer, asked, 1), answer.status)

    def _hold(self, call: Call, answer: Answer, asked: float | None, throttled: int) -> float:
        """Seconds for which nothing more of the kind is sent."""
        if asked is None and call.service == "cost":
            asked = COST_WAIT_SECONDS
        wait = asked or min(LONGEST_BACKOFF_SECONDS, 2 * FIRST_BACKOFF_SECONDS * 2 ** (throttled - 1))
        wait += self._time.jitter() * min(1.0, wait / 10)
        self._budgets.hold(call.budget, _held_scope(call, answer), wait)
        return wait

    def _heed_quota(self, call: Call, answer: Answer) -> None:
        if call.service == "graph" and (reset := quota_reset(answer.headers)):
            self._budgets.hold(call.budget, "", reset)

    def _late(self, call: Call, why: str) -> TemporaryError:
        met = ", ".join(f"{count} x {status or 'no answer'}" for status, count in sorted(call.trail.items()))
        return TemporaryError(
            f"Azure did not finish {call.doing} within {self._timeouts.call:g} s: {why} ({met or 'no answer'}).",
            "Try again later; azure.call_deadline_seconds sets how long one call may take.",
            code="Deadline",
        )


def _decided(call: Call) -> bool:
    """Whether somebody decided on it by what they read, which has to hold still when it is sent."""
    return not (call.read or call.patient)


def turned_away(doing: str, now: datetime, seconds: float, status: int = 429) -> NotSent:
    """The error for a change that is not carried out now, as there were too many before it."""
    return NotSent(
        f"{doing} was turned away: Azure asks to wait {seconds:.0f} s. It was not carried out.",
        come_back(now, seconds), status, "Throttled", seconds,
    )  # fmt: skip


def _perhaps_done(call: Call, answer: Answer) -> TemporaryError:
    """The error for a change that was answered with an error of Azure's own."""
    fault = read_fault(answer.body)
    code = f" {fault.code}" if fault.code and fault.code != str(answer.status) else ""
    said = f": {fault.message.rstrip('.')}" if fault.message else ""
    return TemporaryError(
        f"Azure answered {call.doing} with an error of its own ({answer.status}{code}){said}. "
        "It may or may not have been carried out.",
        "Look at the resource before anything else is done to it.",
        answer.status,
        "OutcomeUnknown",
    )


def lost(doing: str, reason: str) -> AzureError:
    """The error for a change whose answer was lost: it may have been carried out."""
    return AzureError(
        f"The answer to {doing} was lost ({reason}). It may or may not have been carried out.",
        "Look at the resource before anything else is done to it.",
        code="OutcomeUnknown",
    )


def reason_of(fault: BaseException) -> str:
    """What went wrong, in the system's words where there are any ("Connection refused")."""
    todo, seen = [fault], set()
    while todo:
        one = todo.pop(0)
        if id(one) in seen:
            continue
        seen.add(id(one))
        if isinstance(one, OSError) and one.strerror:
            return printable(one.strerror)
        todo += [arg for arg in one.args if isinstance(arg, BaseException)]
        todo += [
            cause
            for cause in (
                one.__cause__,
                one.__context__,
                getattr(one, "reason", None),  # urllib3
                getattr(one, "inner_exception", None),  # azure-core
            )
            if isinstance(cause, BaseException)
        ]
    return printable(str(fault)).rstrip(".")


def _held_scope(call: Call, answer: Answer) -> str:
    """Whom a refusal holds: Cost Management's "entity" is one scope, its qpu, tenant and client are all of us."""
    if call.service != "cost":
        return call.scope
    names = [name.lower() for name in answer.headers if name.lower().endswith("retry-after")]
    return call.scope if names and all("-entity-" in name for name in names) else ""

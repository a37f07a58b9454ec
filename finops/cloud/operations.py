"""Long-running operations, followed to their end: by Azure-AsyncOperation, by Location or by provisioningState."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from finops.errors import AzureError, NotFound, TemporaryError

from .calls import Answer
from .clouds import followed
from .faults import printable, read_fault
from .shapes import Json, an_object, odd
from .waits import asked_wait, come_back

if TYPE_CHECKING:
    from .gateway import Azure

FAILED = {"failed", "canceled", "cancelled"}
DONE = {"succeeded", "completed"}  # "completed": cost details
FIRST_POLL_SECONDS = 0.5  # AML sends no Retry-After
LONGEST_POLL_SECONDS = 15.0
LOST_POLLS = 5  # in a row, each after its own retries


def finished(
    azure: Azure, verb: str, path: str, api_version: str, answer: Answer, doing: str, seconds: float | None = None
) -> Json:
    """What the change came to: the resource after PUT and PATCH, the result of a POST, {} after DELETE.

    seconds: how long to wait for the result of a POST, in place of the gateway's own bound.
    """
    if verb == "DELETE":
        _deleted(azure, path, api_version, answer, doing)
        return {}
    status_url, location = _status_url(answer), answer.header("location")
    if status_url:
        end = _Poll(azure, status_url, doing, seconds=seconds).until(_operation_over, answer)
        if verb in {"PUT", "PATCH"}:
            return azure.get(path, api_version)
        return _result(azure, location, doing, answer.acted) if location else an_object(end.json or {}, doing)
    if answer.status == 202 and location:
        end = _Poll(azure, location, doing, seconds=seconds).until(_location_over, answer)
        if verb in {"PUT", "PATCH"} and not (isinstance(end.json, dict) and "id" in end.json):
            return azure.get(path, api_version)
        return an_object(end.json if end.json is not None else {}, doing)
    if verb in {"PUT", "PATCH"} and _unsettled(answer.json):
        return an_object(_Poll(azure, path, doing, api_version).until(_resource_over, answer).json, doing)
    return an_object(answer.json if answer.json is not None else {}, doing)


def settle_lost_delete(azure: Azure, path: str, api_version: str, doing: str, fault: AzureError) -> None:
    """Find out by reading what became of a DELETE whose answer was lost. Comes back when it is gone."""
    body = azure.state_of(path, api_version)
    if body is None:
        return
    if _provisioning(body) != "deleting":
        raise TemporaryError(
            f"The answer to {doing} was lost, and it is still there.",
            "Look at it again and decide anew; nothing is sent twice blindly.",
            fault.status,
            "OutcomeUnknown",
        ) from fault
    _wait_until_gone(azure, path, api_version, doing)


def _deleted(azure: Azure, path: str, api_version: str, answer: Answer, doing: str) -> None:
    """Come back when an accepted DELETE is over. Where its progress cannot be told, the resource itself tells."""
    status_url, location = _status_url(answer), answer.header("location")
    if answer.status != 202 and not status_url:
        return
    if not (status_url or location):
        _wait_until_gone(azure, path, api_version, doing)
        return
    over = _operation_over if status_url else _location_over
    try:
        _Poll(azure, status_url or location or "", doing).until(over, answer)
    except (NotFound, TemporaryError) as fault:  # the record went with what it recorded, or its polls were lost
        if azure.state_of(path, api_version) is not None:
            if isinstance(fault, NotFound):
                _wait_until_gone(azure, path, api_version, doing)
            else:
                raise


def _wait_until_gone(azure: Azure, path: str, api_version: str, doing: str) -> None:
    deadline = azure.time.monotonic() + azure.operation_seconds
    wait = FIRST_POLL_SECONDS
    while azure.state_of(path, api_version) is not None:
        if azure.time.monotonic() + wait > deadline:
            raise TemporaryError(
                f"{doing} was accepted, but it is still there.", "Look again later.", code="StillRunning"
            )
        azure.time.sleep(wait)
        wait = min(LONGEST_POLL_SECONDS, wait * 2)


def _status_url(answer: Answer) -> str | None:
    return answer.header("azure-asyncoperation") or answer.header("operation-location")


class _Poll:
    """One operation being watched."""

    def __init__(
        self, azure: Azure, target: str, doing: str, api_version: str | None = None, seconds: float | None = None
    ) -> None:
        self._azure = azure
        self._target = target if target.startswith("/") else followed(target, azure.cloud.arm, doing)
        self._is_operation = not target.startswith("/")
        self._doing = doing
        self._api_version = api_version
        self._seconds = azure.operation_seconds if seconds is None else seconds

    def until(self, over: Any, started: Answer) -> Answer:
        """The answer at which `over(answer, doing)` holds."""
        azure, time = self._azure, self._azure.time
        deadline = time.monotonic() + self._seconds
        begun_by = started.acted and self._is_operation  # the resource itself is looked at as whoever reads
        answer, number, lost = started, 0, 0
        while True:
            # on a poll, the plain Retry-After is the interval; the rate headers beside it are not
            asked = asked_wait({"retry-after": answer.header("retry-after") or ""}, time.now())
            wait = min(asked or FIRST_POLL_SECONDS * 2 ** min(number, 5), LONGEST_POLL_SECONDS)
            if time.monotonic() + wait > deadline:
                raise TemporaryError(
                    f"{self._doing} is still running after {self._seconds:.0f} s. Azure goes on with it.",
                    f"Look again later. {come_back(time.now(), 300)}",
                    code="StillRunning",
                )
            time.sleep(wait)
            number += 1
            try:
                answer = azure.send(
                    "arm", "GET", self._target, self._api_version, read=True, acting=begun_by,
                    doing=f"the progress of {self._doing}",
                )  # fmt: skip
                lost = 0
            except TemporaryError:
                lost += 1
                if lost >= LOST_POLLS:
                    raise
                continue
            if over(answer, self._doing):
                return answer


def _operation_over(answer: Answer, doing: str) -> bool:
    if answer.status == 202 and answer.json is None:
        return False
    status = an_object(answer.json, doing).get("status")
    if not isinstance(status, str):
        raise odd(f"the progress of {doing}", "has no 'status'")
    _raise_if_failed(status, answer, doing)
    return status.lower() in DONE


def _location_over(answer: Answer, doing: str) -> bool:
    if answer.status == 202:
        return False
    if isinstance(answer.json, dict) and isinstance(answer.json.get("status"), str):
        _raise_if_failed(answer.json["status"], answer, doing)
    return True


def _resource_over(answer: Answer, doing: str) -> bool:
    state = _provisioning(an_object(answer.json, doing)) or "succeeded"
    _raise_if_failed(state, answer, doing)
    return state in DONE


def _unsettled(body: Any) -> bool:
    return isinstance(body, dict) and _provisioning(body) not in {"", *DONE}


def _provisioning(body: Json) -> str:
    """Its provisioningState in lower case, "" without one."""
    properties = body.get("properties")
    state = properties.get("provisioningState") if isinstance(properties, dict) else None
    return state.lower() if isinstance(state, str) else ""


def _raise_if_failed(status: str, answer: Answer, doing: str) -> None:
    if status.lower() in FAILED:
        fault = read_fault(answer.body)
        said = f" ({fault.code}): {fault.message}" if fault.message else ""
        raise AzureError(
            f"{doing} ended as {printable(status)}{said}",
            "Mend what Azure names and run it again.",
            answer.status,
            fault.code,
        )


def _result(azure: Azure, location: str, doing: str, acted: bool) -> Json:
    answer = azure.send(
        "arm",
        "GET",
        followed(location, azure.cloud.arm, doing),
        None,
        read=True,
        doing=f"the result of {doing}",
        acting=acted,
    )
    return an_object(answer.json if answer.json is not None else {}, doing)

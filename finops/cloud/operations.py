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


def finished(azure: Azure, verb: str, path: str, api_version: str, answer: Answer, doing: str) -> Json:
    """What the change came to: the resource after PUT and PATCH, the result of a POST, {} after DELETE."""
    status_url = answer.header("azure-asyncoperation") or answer.header("operation-location")
    location = answer.header("location")
    if status_url:
        end = _Poll(azure, status_url, doing).until(_operation_over, answer)
        if verb == "DELETE":
            return {}
        if verb in {"PUT", "PATCH"}:
            return azure.get(path, api_version)
        return _result(azure, location, doing) if location else an_object(end.json or {}, doing)
    if answer.status == 202 and location:
        try:
            end = _Poll(azure, location, doing).until(_location_over, answer)
        except NotFound:
            if verb == "DELETE":  # the record of the deletion went with what it deleted; the caller reads to be sure
                azure.gone(path, api_version, doing)
                return {}
            raise
        if verb in {"PUT", "PATCH"} and not (isinstance(end.json, dict) and "id" in end.json):
            return azure.get(path, api_version)
        return {} if verb == "DELETE" or end.json is None else an_object(end.json, doing)
    if verb in {"PUT", "PATCH"} and _unsettled(answer.json):
        end = _Poll(azure, path, doing, api_version).until(_resource_over, answer)
        return an_object(end.json, doing)
    if verb == "DELETE":
        if answer.status == 202:
            azure.gone(path, api_version, doing)
        return {}
    return an_object(answer.json if answer.json is not None else {}, doing)


class _Poll:
    """One operation being watched."""

    def __init__(self, azure: Azure, target: str, doing: str, api_version: str | None = None) -> None:
        self._azure = azure
        self._target = target if target.startswith("/") else followed(target, azure.cloud.arm, doing)
        self._doing = doing
        self._api_version = api_version

    def until(self, over: Any, started: Answer) -> Answer:
        """The answer at which `over(answer, doing)` holds."""
        azure, time = self._azure, self._azure.time
        deadline = time.monotonic() + azure.operation_seconds
        answer, number, lost = started, 0, 0
        while True:
            asked = asked_wait(answer.headers, time.now())
            wait = min(LONGEST_POLL_SECONDS, FIRST_POLL_SECONDS * 2**number)
            if asked:  # on a poll, Retry-After is the interval
                wait = min(asked, 60.0)
            if time.monotonic() + wait > deadline:
                raise TemporaryError(
                    f"{self._doing} is still running after {azure.operation_seconds:.0f} s. Azure goes on with it.",
                    f"Look again later. {come_back(time.now(), 300)}",
                    code="StillRunning",
                )
            time.sleep(wait)
            number += 1
            try:
                answer = azure.send(
                    "arm", "GET", self._target, self._api_version, read=True, doing=f"the progress of {self._doing}"
                )
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
    properties = an_object(answer.json, doing).get("properties") or {}
    state = str(properties.get("provisioningState", "Succeeded"))
    _raise_if_failed(state, answer, doing)
    return state.lower() in DONE


def _unsettled(body: Any) -> bool:
    properties = body.get("properties") if isinstance(body, dict) else None
    state = properties.get("provisioningState") if isinstance(properties, dict) else None
    return isinstance(state, str) and state.lower() not in DONE


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


def _result(azure: Azure, location: str, doing: str) -> Json:
    answer = azure.send(
        "arm", "GET", followed(location, azure.cloud.arm, doing), None, read=True, doing=f"the result of {doing}"
    )
    return an_object(answer.json if answer.json is not None else {}, doing)

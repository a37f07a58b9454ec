"""What every request passes through, whichever SDK client sends it: our hosts only, our token, bounded, whole.

The clients are built with exactly these policies. Left out on purpose: the SDK's network trace logging (prints the
token), its HTTP logging (prints addresses), redirects, and the automatic registration of resource providers, which
writes to the subscription during what was meant as a read.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from azure.core import exceptions as sdk
from azure.core.pipeline import PipelineRequest, PipelineResponse
from azure.core.pipeline.policies import HTTPPolicy, RequestIdPolicy, SansIOHTTPPolicy, UserAgentPolicy
from azure.mgmt.core.policies import ARMChallengeAuthenticationPolicy

from finops import __version__
from finops.errors import AzureError

from .calls import LARGEST_BODY, Answer, Call, parsed
from .clouds import Cloud
from .credentials import Tokens
from .retry import Patience
from .transport import reading_until

Policy = HTTPPolicy[Any, Any] | SansIOHTTPPolicy[Any, Any]


def policies(
    cloud: Cloud, patience: Patience, tokens: Tokens | None, scope: str, clock: Callable[[], float]
) -> list[Policy]:
    """The whole pipeline of one client, outermost first; without `tokens` it carries no identity."""
    found: list[Policy] = [RequestIdPolicy(), UserAgentPolicy(base_user_agent=f"aml-finops/{__version__}"), patience]
    if cloud.local:
        found.append(AllowHttp())
    found.append(OnlyOurHosts(cloud))
    if tokens is not None:
        found.append(ARMChallengeAuthenticationPolicy(tokens, scope))
    found.append(WholeBody(clock))
    return found


class AllowHttp(SansIOHTTPPolicy[Any, Any]):
    """Lets the bearer policy send its (worthless) token over http. Added for a loopback endpoint only."""

    def on_request(self, request: PipelineRequest[Any]) -> None:
        request.context["enforce_https"] = False


class OnlyOurHosts(SansIOHTTPPolicy[Any, Any]):
    """The last look before the token is attached: whatever led to this address, no other host is ever called."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    def on_request(self, request: PipelineRequest[Any]) -> None:
        url = request.http_request.url
        if not self._cloud.allows(url):
            raise AzureError(
                f"{url.partition('?')[0]} is not on a host of the {self._cloud.name} cloud. It was not called.",
                "Check azure.cloud and azure.endpoint.",
                code="ForeignAddress",
            )


class WholeBody(HTTPPolicy[Any, Any]):
    """Reads the body here, inside the retries: at most LARGEST_BODY bytes, by the deadline, and as valid JSON."""

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__()
        self._clock = clock

    def send(self, request: PipelineRequest[Any]) -> PipelineResponse[Any, Any]:
        call: Call = request.context["call"]
        with reading_until(max(0.001, call.deadline - self._clock())):
            response = self.next.send(request)
            try:
                body = self._read(response.http_response, call)
            finally:
                response.http_response.close()
        status = response.http_response.status_code
        call.answer = Answer(
            status, dict(response.http_response.headers), body, self._json(status, body, call), call.acting
        )
        return response

    def _read(self, response: Any, call: Call) -> bytes:
        chunks: list[bytes] = []
        size = 0
        for chunk in response.iter_bytes():
            size += len(chunk)
            if size > LARGEST_BODY:
                raise AzureError(
                    f"Azure's answer to {call.doing} is larger than {LARGEST_BODY // 2**20} MiB. It was not read on.",
                    "Ask for less at once: a shorter period, fewer columns or one subscription.",
                    code="TooLarge",
                )
            chunks.append(chunk)
        return b"".join(chunks)

    def _json(self, status: int, body: bytes, call: Call) -> Any:
        if status >= 300 or call.raw or not body.strip():
            return None
        try:
            return parsed(body, call.exact)
        except ValueError as fault:
            start = body[:60].decode("utf-8", "replace")
            raise sdk.DecodeError(f"it is not JSON ({fault}); it begins with {start!r}") from fault

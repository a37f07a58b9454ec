"""The gateway: the verbs of ARM and the reads of the other services, for everything above this floor."""

from __future__ import annotations

import random
import threading
import time as clocks
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, Self, TypeVar
from urllib.parse import quote, urlsplit

from azure.core.rest import HttpRequest

from finops.config.model import AzureSettings
from finops.errors import AzureError, NotFound, TemporaryError

from . import batchjobs, cost, directory, fanout, graph, monitor, nodes, operations, policystates, retail, subscriptions
from .budgets import AZURE_LIMITS, Budgets, Limits
from .calls import Answer, Call
from .clients import Clients
from .clouds import cloud_of
from .credentials import Tokens, reads_only, sign_in_fix, tokens_of
from .faults import azure_error
from .paging import every_item
from .permissions import scope_of
from .registry import Registry
from .retry import Patience, Time, Timeouts, turned_away
from .shapes import Json, an_object
from .storage import Storage
from .table import Table
from .transport import new_session, quiet_logs, shared_transport

Item = TypeVar("Item")
Result = TypeVar("Result")
Params = Mapping[str, str] | None

POSTS = {"directory", "email", "email-signed"}  # what leaves there is mail, and changes nothing in Azure
OPERATION_SECONDS = 1800.0  # an AML endpoint is deleted in 2 to 15 min, a cluster created in 1 to 5


def connect(
    settings: AzureSettings,
    *,
    acting: bool = False,
    time: Time | None = None,
    tokens: Tokens | None = None,
    limits: Mapping[str, Limits] | None = None,
    operation_seconds: float = OPERATION_SECONDS,
    tell: Callable[[str], None] | None = None,
) -> Azure:
    """The gateway to the Azure that `settings` name. Nothing is sent until the first call.

    A local server says itself when it has enough (429), so our own budgets apply to Azure only, unless `limits` say.
    acting: what changes Azure goes out as azure.executor, where that is another identity; else such calls are refused.
    tell: hears of long waits, in words for a person.
    """
    return Azure(
        settings, acting=acting, time=time, tokens=tokens, limits=limits, operation_seconds=operation_seconds, tell=tell
    )


class Azure:
    """Every call to Azure. Safe to share between threads; close it, or use it in a `with`."""

    def __init__(
        self,
        settings: AzureSettings,
        *,
        acting: bool,
        time: Time | None,
        tokens: Tokens | None,
        limits: Mapping[str, Limits] | None,
        operation_seconds: float,
        tell: Callable[[str], None] | None = None,
    ) -> None:
        self.settings = settings
        self.cloud = cloud_of(settings)
        self.max_pages = settings.max_pages
        self.operation_seconds = operation_seconds
        self.sign_in_fix = sign_in_fix(settings)
        self.calls: Counter[tuple[str, int]] = Counter()
        self._closing = threading.Event()
        self.time = time or Time(clocks.monotonic, lambda: datetime.now(UTC), self._sleep, random.SystemRandom().random)
        if limits is None:
            limits = {} if self.cloud.local else AZURE_LIMITS
        self._budgets = Budgets(limits, self.time.monotonic, self.time.sleep, self.time.now, tell)
        self._counting = threading.Lock()
        self.tokens = tokens = tokens or tokens_of(settings, self.cloud)
        executor = settings.acting()
        self.changes = acting or executor is settings
        self.acts_as_another = executor is not settings
        self.acting_tokens = tokens if executor is settings else tokens_of(executor, self.cloud)
        timeouts = Timeouts(
            settings.connect_timeout_seconds, settings.read_timeout_seconds, settings.call_deadline_seconds
        )
        quiet_logs()
        self._session = new_session(settings.workers, local=bool(self.cloud.local))
        self._clients = Clients(
            self.cloud,
            tokens,
            self.acting_tokens,
            shared_transport(self._session),
            lambda tokens: Patience(self.time, timeouts, self._budgets, tokens),
            self.time.monotonic,
        )
        self._pool = ThreadPoolExecutor(settings.workers, thread_name_prefix="azure")
        self._registries: dict[str, Registry] = {}
        self._storages: dict[str, Storage] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *fault: object) -> None:
        self.close()

    def close(self) -> None:
        """Give back threads and connections; calls that wait are ended."""
        self._closing.set()
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._session.close()

    # -- ARM ---------------------------------------------------------------------------------------------------

    def get(self, path: str, api_version: str, params: Params = None) -> Json:
        """One body. NotFound when Azure itself says that it is not there."""
        doing = f"GET {path}"
        return an_object(self.send("arm", "GET", path, api_version, params=params, read=True).json, doing)

    def pages(
        self,
        path: str,
        api_version: str,
        params: Params = None,
        verb: str = "GET",
        body: Any = None,
        *,
        items: str = "value",
        next_verb: str | None = None,
        service: str = "arm",
    ) -> Iterator[Json]:
        """Every item of every page of a list. A POST is taken for a read here, as lists by POST are."""
        doing = f"{verb} {path}"

        def fetch(address: str | None) -> Any:
            if address is None:
                answer = self.send(service, verb, path, api_version, params=params, body=body, read=True, doing=doing)
            else:
                again = next_verb or verb
                answer = self.send(
                    service, again, address, None, body=body if again == "POST" else None, read=True, doing=doing
                )
            return answer.json

        return every_item(fetch, base=self.cloud.arm, doing=doing, most_pages=self.max_pages, items=items)

    def post(self, path: str, api_version: str, body: Any = None, wait: bool = True, params: Params = None) -> Json:
        """The result of an action; a long-running one is followed to its end when `wait`."""
        return self._change("POST", path, api_version, body, wait, params)

    def put(self, path: str, api_version: str, body: Any = None, wait: bool = True, params: Params = None) -> Json:
        """The resource as it was created or replaced."""
        return self._change("PUT", path, api_version, body, wait, params)

    def patch(self, path: str, api_version: str, body: Any = None, wait: bool = True, params: Params = None) -> Json:
        """The resource as it was changed."""
        return self._change("PATCH", path, api_version, body, wait, params)

    def delete(self, path: str, api_version: str, body: Any = None, wait: bool = True, params: Params = None) -> Json:
        """{} once it is gone (with `wait`), NotFound when it was not there to begin with.

        A compute needs params={"underlyingResourceAction": "Delete"} (or "Detach").

        When an answer is lost, a 404 is success in disguise: what happened is then found out by reading.
        """
        call = self._new_call("arm", "DELETE", path, read=False)
        try:
            answer = self._run(call, self._request("DELETE", path, api_version, params, body, {}))
        except AzureError as fault:
            if not call.lost_answers:
                raise
            operations.settle_lost_delete(self, path, api_version, call.doing, fault)
            return {}
        return operations.finished(self, "DELETE", path, api_version, answer, call.doing) if wait else {}

    def state_of(self, path: str, api_version: str) -> Json | None:
        """The body of `path`, None when Azure itself says that it is not there."""
        try:
            return self.get(path, api_version)
        except NotFound:
            return None

    # -- other services -----------------------------------------------------------------------------------------

    def subscriptions(self) -> list[Json]:
        """Those the settings name, else every one that the identity sees. See finops.cloud.subscriptions."""
        return subscriptions.readable(self)

    def graph(self, query: str, subscriptions: Sequence[str] | None) -> list[Json]:
        """Every row of a Resource Graph query. Fine to nominate, never to confirm: the service lags behind ARM.

        subscriptions: None where the table is of none, as SpotResources is.
        """
        return graph.rows(self, query, subscriptions)

    def query_cost(self, scope: str, definition: Json) -> Table:
        """The whole answer of a Cost Management query, amounts as Decimal."""
        return cost.query(self, scope, definition)

    def metrics(
        self,
        resource_ids: Sequence[str],
        namespace: str,
        names: Sequence[str],
        start: datetime,
        end: datetime,
        interval: str = "PT1H",
        aggregation: str = "average",
        filter: str | None = None,  # noqa: A002 - the name of the parameter in Azure
        *,
        region: str,
        subscription: str,
    ) -> dict[str, list[Json]]:
        """Metrics by resource id in lower case. An id that is absent from the answer is unknown, not idle."""
        return monitor.batches(
            self, resource_ids, namespace, names, start, end,
            region=region, subscription=subscription, interval=interval, aggregation=aggregation, filter=filter,
        )  # fmt: skip

    def nodes(self, compute_id: str) -> list[Json]:
        """The nodes of a compute cluster."""
        return nodes.nodes_of(self, compute_id)

    def users(self, whos: Sequence[str]) -> dict[str, Json | AzureError | None]:
        """The directory's account of each object id or address; None when the directory says that there is none."""
        return directory.users(self, whos)

    def batch_jobs(self, endpoint_id: str, region: str) -> Iterator[Json]:
        """The jobs that calls of a batch endpoint started."""
        return batchjobs.jobs_of(self, endpoint_id, region)

    def retail_prices(self, filter: str, currency: str = "USD") -> Iterator[Json]:  # noqa: A002 - as in Azure
        """Published prices that `filter` selects."""
        return retail.items(self, filter, currency)

    def policy_states(self, subscription_id: str) -> Iterator[Json]:
        """The latest policy state of every resource and assignment."""
        return policystates.latest(self, subscription_id)

    def registry(self, server: str) -> Registry:
        """What the container registry with the login server `server` holds; its tokens are remembered."""
        with self._counting:
            return self._registries.setdefault(server.lower(), Registry(self, server.lower()))

    def storage(self, account: Json | str) -> Storage:
        """The blobs of a storage account: its ARM body, or its name where its blobs are at the usual address."""
        address = self.cloud.storage(account)
        with self._counting:
            return self._storages.setdefault(address, Storage(self, address))

    def each(
        self, items: Iterable[Item], work: Callable[[Item], Result], workers: int | None = None
    ) -> Iterator[tuple[Item, Result | AzureError]]:
        """`work` on all items at the same time, outcomes in their order: a refused one yields its error."""
        return fanout.each(self._pool, self.settings.workers, items, work, workers)

    # -- one call -----------------------------------------------------------------------------------------------

    def send(
        self,
        service: str,
        method: str,
        target: str,
        api_version: str | None,
        *,
        params: Params = None,
        body: Any = None,
        read: bool = False,
        headers: Mapping[str, str] | None = None,
        scope: str | None = None,
        units: float = 1,
        doing: str | None = None,
        exact: bool = False,
        content: bytes | None = None,
        also: Collection[int] = (),
        patient: bool = False,
        acting: bool | None = None,
    ) -> Answer:
        """One answered call, or the error that says why not. `target` is a path of ARM or an address on our hosts.

        patient: see Call
        acting: whether it goes out as whoever changes Azure; by default what reads does not.
        content: sent as it is, in place of a JSON `body`; the answer is then not taken for JSON either.
        also: statuses that are answers here, not refusals.
        """
        call = self._new_call(service, method, target, read=read, scope=scope, units=units, doing=doing, exact=exact)
        request = self._request(method, target, api_version, params, body, headers or {})
        call.patient = patient
        if acting is not None:
            call.acting = acting
        if content is not None:
            call.raw = True
            request = HttpRequest(method, request.url, content=content or None, headers=dict(request.headers))
        return self._run(call, request, also)

    def _change(self, method: str, path: str, api_version: str, body: Any, wait: bool, params: Params) -> Json:
        answer = self.send("arm", method, path, api_version, params=params, body=body)
        if wait:
            return operations.finished(self, method, path, api_version, answer, f"{method} {path}")
        return an_object(answer.json if answer.json is not None else {}, f"{method} {path}")

    def _new_call(
        self,
        service: str,
        method: str,
        target: str,
        *,
        read: bool,
        scope: str | None = None,
        units: float = 1,
        doing: str | None = None,
        exact: bool = False,
    ) -> Call:
        path = urlsplit(target).path
        named = {"graph", "cost", "metrics", "prices", "registry", "storage"}
        budget = service if service in named else "arm-read" if read else "arm-write"
        return Call(
            service=service,
            budget=budget,
            scope=scope if scope is not None else _subscription(path),
            doing=doing or f"{method} {path}",
            read=read,
            deadline=0,
            units=units,
            exact=exact,
            acting=not read and service not in POSTS,
        )

    def _request(
        self, method: str, target: str, api_version: str | None, params: Params, body: Any,
        headers: Mapping[str, str],
    ) -> HttpRequest:  # fmt: skip
        url = self._url(target)
        query = dict(params or {})
        if api_version and "api-version=" not in url.lower():
            query["api-version"] = api_version
        if query:
            pairs = "&".join(f"{quote(name, safe='$-')}={quote(value, safe='')}" for name, value in query.items())
            url += ("&" if "?" in url else "?") + pairs
        return HttpRequest(method, url, json=body, headers={"Accept": "application/json", **headers})

    def _url(self, target: str) -> str:
        if not target.startswith("/"):
            return target
        if "?" in target or "#" in target or any(part in {".", ".."} for part in target.split("/")):
            raise AzureError(f"{target} is not the path of a resource.", "Ids come from Azure; this one was altered.")
        return self.cloud.arm + quote(target, safe="/()=,:@$!*'~-._")

    def _run(self, call: Call, request: HttpRequest, also: Collection[int] = ()) -> Answer:
        if call.acting and not self.changes:
            raise reads_only(call.doing)
        if call.read or call.patient:
            self._budgets.take(call.budget, call.scope, call.units)
        elif wait := self._budgets.wait(call.budget, call.scope, call.units):
            raise turned_away(call.doing, self.time.now(), wait)
        call.deadline = self.time.monotonic() + self.settings.call_deadline_seconds
        try:
            self._clients.sender(call.service, call.acting)(request, stream=True, call=call)
        finally:
            with self._counting:
                for status, count in call.trail.items():
                    self.calls[call.service, status] += count
        answer = call.answer
        assert answer is not None
        if answer.status >= 300 and answer.status not in also:
            raise azure_error(
                answer.status, answer.headers, answer.body,
                doing=call.doing, method=request.method, path=urlsplit(request.url).path, sign_in_fix=self.sign_in_fix,
            )  # fmt: skip
        return answer

    def _sleep(self, seconds: float) -> None:
        if self._closing.wait(seconds):
            raise TemporaryError("The connection to Azure was closed while a call waited.", "Run it again.")


def _subscription(path: str) -> str:
    found = scope_of(path).lower()
    return found.split("/")[2] if found.startswith("/subscriptions/") else ""

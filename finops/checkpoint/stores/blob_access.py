"""The way to a container of blobs: its address, and credentials out of the environment, which the writer shares.

A shared access signature is a secret in an address: it is kept off command lines, out of messages and out of logs.
"""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from finops.checkpoint.faults import StoreFault
from finops.checkpoint.stores.place_of_job import FOLDER

SAS = "FINOPS_CHECKPOINT_SAS"
CONNECTION = "AZURE_STORAGE_CONNECTION_STRING"  # as Azure's command line calls it
IDENTITY = "DEFAULT_IDENTITY_CLIENT_ID"  # Azure ML's compute tells so which of its identities to use

# All that is asked of the service it has known since 2019; clients since 12.9 (2021) speak this version.
VERSION = "2020-10-02"
# About half a minute of trying; Microsoft's own default waits for 15 s before it first tries again.
RETRIES: Mapping[str, Any] = {"retry_total": 5, "retry_connect": 5, "retry_read": 5, "retry_status": 5,
                              "initial_backoff": 1, "increment_base": 2, "random_jitter_range": 1}  # fmt: skip
CONNECT_SECONDS, READ_SECONDS = 20, 60
LARGEST_READ = 64 << 20  # in one request: more than a chunk
READ_PIECE = 1 << 20  # off the line at once: by 4 KiB, as it is by default, it costs up to twice the processor time

_INSTALL = "Run: pip install azure-storage-blob azure-identity, or name a mounted folder."


@dataclass(frozen=True)
class Address:
    """account: of its blobs, as https://lake.blob.core.windows.net. prefix: "" or what ends with a "/"."""

    account: str
    container: str
    prefix: str

    def __str__(self) -> str:
        return quote(f"{self.account}/{self.container}/{self.prefix}".rstrip("/"), safe="/:~")

    @property
    def name(self) -> str:
        """Of the account."""
        parts = urlsplit(self.account)
        return parts.path.strip("/") or (parts.hostname or "").partition(".")[0]


def address_of(url: str) -> tuple[Address, str]:
    """Where `url` leads, and the shared access signature in it, "" where it has none."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme != "https" and not _is_local(host):
        raise StoreFault(f"{parts.scheme}://{host} is not encrypted.", "Write https://.")
    # An emulator's accounts are told apart by the path, Azure's by the host.
    leading = 1 if _is_local(host) else 0
    steps = [unquote(step) for step in parts.path.split("/") if step]
    if not host or len(steps) <= leading:
        raise StoreFault(
            f"{parts.scheme}://{parts.netloc}{parts.path} names no container.",
            "Write https://ACCOUNT.blob.core.windows.net/CONTAINER/FOLDER.",
        )
    account = "/".join([f"{parts.scheme}://{parts.netloc.replace('.dfs.', '.blob.', 1)}", *steps[:leading]])
    prefix = "".join(f"{step}/" for step in steps[leading + 1 :])
    return Address(account, steps[leading], prefix), parts.query


def signature_of(address: Address, env: Mapping[str, str]) -> str:
    """The shared access signature that the environment has for `address`, "" where it has none."""
    if named := env.get(SAS):
        return named.lstrip("?")
    if (folder := env.get(FOLDER, "")).startswith("https://"):
        theirs, found = address_of(folder)
        return found if theirs == address else ""
    return ""


def container_client(address: Address, signature: str, env: Mapping[str, str], retries: Mapping[str, Any]) -> Any:
    """Microsoft's client. By the signature; else a connection string for this account; else an Entra identity."""
    try:
        from azure.storage.blob import ContainerClient
    except ImportError:
        raise StoreFault(f"{address} needs azure-storage-blob, which is not installed.", _INSTALL) from None
    _keep_signatures_out_of_logs()
    try:
        return ContainerClient(
            address.account,
            address.container,
            credential=_credential(address, signature, env),
            api_version=VERSION,
            connection_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            max_single_get_size=LARGEST_READ,
            connection_data_block_size=READ_PIECE,
            **retries,
        )
    except ValueError as fault:  # an older client, to which this version of the service is a later one
        first = str(fault).partition("\n")[0]
        raise StoreFault(
            f"{address} cannot be used: {first}", "Run: pip install --upgrade azure-storage-blob"
        ) from None


def _credential(address: Address, signature: str, env: Mapping[str, str]) -> Any:
    from azure.core.credentials import AzureSasCredential

    if signature:
        return AzureSasCredential(signature)
    told = dict(part.split("=", 1) for part in env.get(CONNECTION, "").split(";") if "=" in part)
    named = told.get("AccountName") or told.get("BlobEndpoint", "").rpartition("//")[2].partition(".")[0]
    if named == address.name:
        if "AccountKey" in told:
            return {"account_name": address.name, "account_key": told["AccountKey"]}
        return AzureSasCredential(told.get("SharedAccessSignature", ""))
    return identity(env, f"{address} needs azure-identity, or a signature in {SAS}.")


def identity(env: Mapping[str, str], needed: str) -> Any:
    """Whoever this process is to Entra: a managed identity, a service principal, or who ran `az login`."""
    try:
        from azure.identity import DefaultAzureCredential
    except ImportError:
        raise StoreFault(needed, _INSTALL) from None
    return DefaultAzureCredential(managed_identity_client_id=env.get("AZURE_CLIENT_ID") or env.get(IDENTITY))


@contextlib.contextmanager
def told(what: str, doing: str) -> Iterator[None]:
    """A client's fault as a StoreFault. Without its cause: in that stands the address with its signature."""
    from azure.core.exceptions import AzureError

    try:
        yield
    except (AzureError, OSError) as fault:
        status = getattr(fault, "status_code", None)
        raise StoreFault(f"Cannot {doing} {what}: {_why(fault)}.", _FIX.get(status, _FIX[None])) from None


_FIX = {
    None: "Look whether the account can be reached from here, and how this process signs in.",
    401: f"Sign in: a managed identity on the compute, `az login`, or a signature in {SAS}.",
    403: 'Give this identity "Storage Blob Data Contributor" on the container, or a signature that has not expired, '
    "and let the account's firewall in.",
    404: "Look whether the container is there.",
    412: "Something else writes there: give each job its own folder.",
}


def _why(fault: BaseException) -> str:
    status = getattr(fault, "status_code", None)
    if status is not None:
        code = getattr(fault, "error_code", None)
        return f"{status} {getattr(code, 'value', code) or getattr(fault, 'reason', '')}".strip()
    first = _unsigned(str(fault).strip().splitlines()[0] if str(fault).strip() else type(fault).__name__)
    return first.rstrip(".")


_SIGNATURE = re.compile(r"(sig=)[^&\s'\"]+", re.IGNORECASE)


def _unsigned(text: str) -> str:
    return _SIGNATURE.sub(r"\1...", text)


class _Unsigned(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = _unsigned(record.getMessage()), ()
        return True


def _keep_signatures_out_of_logs() -> None:
    """urllib3 logs each address that it asks for at level DEBUG, which whoever trains may have set for all."""
    logger = logging.getLogger("urllib3.connectionpool")
    if not any(isinstance(each, _Unsigned) for each in logger.filters):
        logger.addFilter(_Unsigned())


def _is_local(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False

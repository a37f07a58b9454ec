"""Azurite, Microsoft's own Blob service in small, over TLS and asking for a token; its clock can be moved.

`npm ci --prefix tests/azurite` installs it. Without that, tests that need it skip.
"""

from __future__ import annotations

import base64
import os
import queue
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from azure.storage.blob import BlobServiceClient
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

HERE = Path(__file__).parent / "azurite"
MAIN = HERE / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"
NAME = "datalake"
KEY = base64.b64encode(b"a key that opens nothing but this process").decode()
VERSION = "2025-11-05"  # the newest that Azurite 3.35 knows
_START_SECONDS = 60.0


@dataclass(frozen=True)
class Azurite:
    """A running service with the account `NAME`. authority: the file of the CA that signed its certificate."""

    address: str
    authority: Path
    clock: Path

    def account(self) -> dict[str, Any]:
        """What ARM would say of the account."""
        return {"name": NAME, "properties": {"primaryEndpoints": {"blob": f"{self.address}/"}}}

    def client(self) -> BlobServiceClient:
        """Microsoft's client, by the account's key."""
        return BlobServiceClient(
            self.address, credential={"account_name": NAME, "account_key": KEY}, api_version=VERSION,
            connection_verify=str(self.authority), retry_total=0,
        )  # fmt: skip

    @contextmanager
    def days_ago(self, days: float) -> Iterator[None]:
        """Inside, what is written is that old."""
        self.clock.write_text(str(-days * 86400), "utf-8")
        try:
            yield
        finally:
            self.clock.write_text("0", "utf-8")

    def put(self, blobs: Iterable[tuple[str, bytes]], days: float = 0, **more: Any) -> None:
        """Blobs by their paths (container/name), written so many days ago; containers are made where they lack."""
        made: set[str] = set()
        with self.client() as client, self.days_ago(days):
            for path, content in blobs:
                container, _, name = path.partition("/")
                if container not in made and not client.get_container_client(container).exists():
                    client.create_container(container)
                made.add(container)
                client.get_blob_client(container, name).upload_blob(content, overwrite=True, **more)

    def empty(self) -> None:
        with self.client() as client:
            for container in client.list_containers():
                client.delete_container(container.name)

    def tiers(self, container: str) -> Mapping[str, str | None]:
        """The tier of each blob, as Microsoft's client lists them."""
        with self.client() as client:
            return {blob.name: blob.blob_tier for blob in client.get_container_client(container).list_blobs()}


def missing() -> str:
    """Why it cannot run here, "" where it can."""
    if shutil.which("node") is None:
        return "node is not installed"
    return "" if MAIN.is_file() else "Azurite is not installed: npm ci --prefix tests/azurite"


@contextmanager
def running(folder: Path) -> Iterator[Azurite]:
    """An empty one in memory, on a free port; skips the test where it is not installed."""
    if why := missing():
        pytest.skip(why)
    folder.mkdir(parents=True, exist_ok=True)
    authority, certificate, key = _certificates(folder)
    clock = folder / "clock"
    clock.write_text("0", "utf-8")
    command = [
        "node", "--require", str(HERE / "fakedate.js"), str(MAIN), "--blobHost", "127.0.0.1", "--blobPort", "0",
        "--inMemoryPersistence", "--silent", "--disableTelemetry", "--disableProductStyleUrl", "--oauth", "basic",
        "--cert", str(certificate), "--key", str(key),
    ]  # fmt: skip
    given = {**os.environ, "AZURITE_ACCOUNTS": f"{NAME}:{KEY}", "AZURITE_CLOCK": str(clock)}
    server = subprocess.Popen(command, cwd=folder, env=given, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        yield Azurite(f"{_address(server)}/{NAME}", authority, clock)
    finally:
        server.terminate()
        server.wait(30)
        assert server.stdout is not None
        server.stdout.close()


def _address(server: subprocess.Popen[bytes]) -> str:
    """Where it listens, by its own words."""
    lines: queue.Queue[str] = queue.Queue()
    assert server.stdout is not None
    source = server.stdout

    def read() -> None:
        for line in source:
            lines.put(line.decode("utf-8", "replace"))

    threading.Thread(target=read, daemon=True).start()
    said, end = "", time.monotonic() + _START_SECONDS
    while time.monotonic() < end and server.poll() is None:
        try:
            said += lines.get(timeout=0.2)
        except queue.Empty:
            continue
        if found := re.search(r"listens on (https://127\.0\.0\.1:\d+)", said):
            return found[1]
    raise AssertionError(f"Azurite did not start: {said}")


def _certificates(folder: Path) -> tuple[Path, Path, Path]:
    """The files of a CA made for this run, of a certificate for 127.0.0.1 by it, and of its key."""
    now = datetime.now(UTC)
    root, own = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "finops tests")])
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])

    def builder(name: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        made = x509.CertificateBuilder().subject_name(name).issuer_name(issuer).public_key(key.public_key())
        made = made.serial_number(x509.random_serial_number())
        return made.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))

    uses = x509.KeyUsage(
        digital_signature=True, key_cert_sign=True, crl_sign=True, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    identifier = x509.SubjectKeyIdentifier.from_public_key(root.public_key())
    ca = builder(issuer, root).add_extension(x509.BasicConstraints(True, 0), True).add_extension(uses, True)
    leaf = (
        builder(subject, own)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), False)
    )
    files = (folder / "ca.pem", folder / "server.pem", folder / "server.key")
    files[0].write_bytes(
        ca.add_extension(identifier, False).sign(root, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    )
    files[1].write_bytes(leaf.sign(root, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    files[2].write_bytes(
        own.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return files

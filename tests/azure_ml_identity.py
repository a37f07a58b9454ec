"""The identity of an Azure ML compute: MSI_ENDPOINT gives tokens to who shows MSI_SECRET."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

WHO = "11111111-2222-3333-4444-555555555555"


@dataclass
class Identity:
    """env: what a job on such a compute has in its environment. asked: for which resource, by whom."""

    env: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)


@contextmanager
def azure_ml_identity() -> Iterator[Identity]:
    identity = Identity()

    class Endpoint(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            query = parse_qs(urlsplit(self.path).query)
            resource = query["resource"][0]
            identity.asked.append((resource, query.get("clientid", [""])[0]))
            until = int(time.time()) + 3600
            claims = {"aud": resource, "iss": "https://sts.windows.net/0/", "nbf": 0, "iat": 0, "exp": until}
            parts = (json.dumps(part).encode() for part in ({"alg": "none"}, claims))
            token = ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts) + ".c2ln"
            said = {"access_token": token, "expires_on": str(until), "resource": resource, "token_type": "Bearer"}
            right = self.headers["secret"] == "s3cret"
            self.send_response(200 if right else 401)
            self.end_headers()
            self.wfile.write(json.dumps(said if right else {}).encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    identity.env = {
        "MSI_ENDPOINT": f"http://127.0.0.1:{server.server_port}/token",
        "MSI_SECRET": "s3cret",
        "DEFAULT_IDENTITY_CLIENT_ID": WHO,
    }
    try:
        yield identity
    finally:
        server.shutdown()
        server.server_close()

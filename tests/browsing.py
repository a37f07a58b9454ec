"""A real Chromium in front of the served approvals page. What is not installed skips visibly."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn

CHROMIUM = os.environ.get("FINOPS_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
AXE = Path(__file__).parent / "web/node_modules/axe-core/axe.min.js"
# WCAG 2.2 AA and what axe's authors hold to be good beyond it, https://github.com/dequelabs/axe-core/blob/develop/doc/API.md
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@contextmanager
def serving(site: Any) -> Iterator[str]:
    """Serve an ASGI application from a thread while the block runs."""
    server = uvicorn.Server(
        uvicorn.Config(site, port=0, lifespan="off", ws="none", log_config=None, access_log=False, proxy_headers=False)
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.005)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        server.force_exit = True
        thread.join(10)


@contextmanager
def chromium() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not CHROMIUM:
        pytest.skip("no chromium is installed (set FINOPS_CHROMIUM)")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


def axe(page: Any) -> list[str]:
    """What axe-core finds wrong with a page: rule and places. Run from outside of it, so that its policy holds."""
    if not AXE.exists():
        pytest.skip("axe-core is not installed: run `npm ci` in tests/web")
    page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate("tags => axe.run(document, {runOnly: tags})", TAGS)
    return [
        f"{problem['id']}: {node['target']}: {node.get('failureSummary', '')}"
        for problem in found["violations"]
        for node in problem["nodes"]
    ]

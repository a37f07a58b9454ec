"""The files of a report, and the local site that shows them: it only answers GET, and nothing in it runs."""

from __future__ import annotations

import asyncio
import resource
import signal
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest
from report_data import rendered
from test_report_build import two_weeks

from finops.charges import Period
from finops.config.model import MailSettings
from finops.errors import FinopsError
from finops.mail import Outbox, compose
from finops.report.files import write
from finops.report.page import app


class Browser:
    """Asks the site as a browser on this machine does."""

    def __init__(self, site: Any) -> None:
        self.transport = httpx.ASGITransport(app=site)

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.request("GET", path, **options)

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        async def ask() -> httpx.Response:
            async with httpx.AsyncClient(transport=self.transport, base_url="http://127.0.0.1") as client:
                return await client.request(method, path, **options)

        return asyncio.run(ask())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """reports/ and outbox/ as one run leaves them, and a file beside them that is nobody's business."""
    folder = tmp_path_factory.mktemp("site")
    bundle = rendered(folder, *two_weeks("<b>CC-1</b>", "1000", "1200"))
    message = compose(bundle, MailSettings())
    write(folder / "reports", bundle, message)
    Outbox(folder / "outbox").put(message)
    (folder / "secret.txt").write_text("secret")
    return folder


@pytest.fixture(scope="module")
def site(folder: Path) -> Browser:
    return Browser(app(folder / "reports", folder / "outbox"))


def outbox_link(site: Browser) -> str:
    return site.get("/").text.partition('href="/outbox/')[2].partition('"')[0]


def test_a_report_is_a_page_with_its_other_forms_beside_it(tmp_path: Path) -> None:
    bundle = rendered(tmp_path, *two_weeks("CC-1", "1", "2"))

    page = write(tmp_path / "out", bundle, compose(bundle, MailSettings()))

    assert page == tmp_path / "out" / "index.html"
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "index.html",
        "style.css",
        "page.css",
        "cost-week-2026-11-21.html",
        "cost-week-2026-11-21-mail.html",
        "cost-week-2026-11-21-cost.png",
        "cost-week-2026-11-21-movers.png",
        "cost-week-2026-11-21.txt",
        "cost-week-2026-11-21.xlsx",
        "cost-week-2026-11-21.json",
        "cost-week-2026-11-21.eml",
    }


def test_a_report_that_cannot_be_written_leaves_no_half_files(tmp_path: Path) -> None:
    bundle = rendered(tmp_path, *two_weeks("CC-1", "1", "2"))
    (tmp_path / "out").write_text("a file where the folder should be")

    with pytest.raises(FinopsError, match="--out"):
        write(tmp_path / "out", bundle, compose(bundle, MailSettings()))


def test_a_disk_that_fills_up_leaves_the_old_report_as_it_was(tmp_path: Path) -> None:
    old = rendered(tmp_path, *two_weeks("CC-1", "1", "2"))
    new = rendered(tmp_path, *two_weeks("CC-1", "1", "900"))
    out = tmp_path / "out"
    write(out, old, compose(old, MailSettings()))
    before = {path: path.read_bytes() for path in out.iterdir()}
    (soft, hard) = resource.getrlimit(resource.RLIMIT_FSIZE)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    resource.setrlimit(resource.RLIMIT_FSIZE, (len(new.text), hard))
    try:
        with pytest.raises(FinopsError, match="could not be written"):
            write(out, new, compose(new, MailSettings()))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert {path: path.read_bytes() for path in out.iterdir()} == before


def test_reports_of_two_weeks_lie_side_by_side_and_the_newest_is_the_index(tmp_path: Path) -> None:
    first = rendered(tmp_path, *two_weeks("CC-1", "1", "2"), period=Period.week_ending(date(2026, 11, 20)))
    second = rendered(tmp_path, *two_weeks("CC-1", "1", "2"))
    out = tmp_path / "out"

    for each in (first, second):
        write(out, each, compose(each, MailSettings()))

    assert (out / "index.html").read_text("utf-8") == second.page
    assert (out / "cost-week-2026-11-20.html").read_text("utf-8") == first.page


def test_the_front_page_lists_reports_and_mails(site: Browser) -> None:
    page = site.get("/").text

    assert 'href="/reports/"' in page
    assert "Week to 21 Nov cost" in page


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/reports/",
        "/reports/index.html",
        "/reports/cost-week-2026-11-21-mail.html",
        "/style.css",
        "/reports/cost-week-2026-11-21-cost.png",
    ],
)
def test_every_page_forbids_scripts_and_frames_of_others(site: Browser, path: str) -> None:
    answer = site.get(path)

    assert answer.status_code == 200
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    if path not in {"/style.css"}:
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert "script" not in answer.headers["Content-Security-Policy"]


def test_a_mail_is_shown_with_its_pictures_and_its_attachment(site: Browser) -> None:
    link = outbox_link(site)

    page = site.get(f"/outbox/{link}")
    html = site.get(f"/outbox/{link}/html")

    assert "cost-week-2026-11-21.xlsx" in page.text
    assert "cid:" not in html.text
    assert site.get(f"/outbox/{link}/parts/5").headers["Content-Type"] == "image/png"
    assert "<b>CC-1</b>" not in page.text + html.text


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("path", ["/", "/reports/index.html", "/outbox/x.eml"])
def test_nothing_but_get_is_answered(site: Browser, method: str, path: str) -> None:
    assert site.request(method, path).status_code == 405


@pytest.mark.parametrize(
    "path", ["../secret.txt", "..%2fsecret.txt", "%2e%2e/secret.txt", "/etc/passwd", "x", ".draft"]
)
def test_nothing_outside_of_the_folder_is_served(site: Browser, path: str) -> None:
    assert site.get(f"/reports/{path}").status_code == 404
    assert site.get(f"/outbox/{path}").status_code == 404


def test_a_link_that_leads_out_of_the_folder_is_not_followed(site: Browser, folder: Path) -> None:
    (folder / "reports" / "leak.txt").symlink_to(folder / "secret.txt")

    assert site.get("/reports/leak.txt").status_code == 404


def test_another_host_name_is_refused(site: Browser) -> None:
    assert site.get("/", headers={"Host": "evil.example"}).status_code == 400

"""Secrets: replaced while the process lives, taken from a Key Vault, and printed by nothing."""

from __future__ import annotations

import json
import logging
import os
import traceback
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from estates import small_bodies, write_estate
from fake_azure import FakeAzure, error, ok
from mailing import NOW, Certificate, Sign, by_smtp, certificate, letter, smtp, webhook

from finops.approvals.links import link, place
from finops.cli import cli
from finops.cli.session import from_vault
from finops.cloud import connect
from finops.cloud.clouds import CLOUDS
from finops.cloud.vault import secret
from finops.config import load
from finops.config.mailing import MailSettings
from finops.config.model import AzureSettings
from finops.config.reading import gather
from finops.config.secrets import FRESH_SECONDS, LiveSecret, live, sealing, seen
from finops.config.view import rows
from finops.errors import AzureError, ConfigError, FinopsError, TemporaryError
from finops.mail import Post
from finops.simulator import serving
from finops.state import State
from finops.web.seals import Seals, keys_of

OLD, NEW = "old-" + 40 * "o", "new-" + 40 * "n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of secrets, in force."""
    made = tmp_path / "secrets"
    made.mkdir()
    monkeypatch.setenv("FINOPS_SECRETS", str(made))
    monkeypatch.chdir(tmp_path)
    return made


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    with State.open(tmp_path / "state.db") as opened:
        yield opened


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return certificate(tmp_path_factory.mktemp("ca"), "127.0.0.1")


def put(folder: Path, name: str, value: str) -> None:
    """As Kubernetes and systemd replace a secret: another file in its place."""
    (folder / ".next").write_text(value + "\n", "utf-8")
    os.replace(folder / ".next", folder / name)


# -- replaced while the process lives -------------------------------------------------------------------------------


def test_a_replaced_file_counts_at_the_next_use(folder: Path):
    put(folder, "mail__smtp__password", OLD)
    password = load().mail.smtp.password
    assert password is not None
    assert password.get_secret_value() == OLD

    put(folder, "mail__smtp__password", NEW)

    assert password.get_secret_value() == NEW


def test_a_file_that_is_gone_leaves_what_it_was(folder: Path):
    put(folder, "mail__smtp__password", OLD)
    password = load().mail.smtp.password
    assert password is not None

    (folder / "mail__smtp__password").unlink()

    assert password.get_secret_value() == OLD


def test_a_file_that_is_just_being_written_leaves_what_it_was(folder: Path):
    put(folder, "state__audit_key", OLD)
    key = load().state.audit_key
    assert key is not None

    (folder / "state__audit_key").write_text("")

    assert key.get_secret_value() == OLD


def test_a_new_smtp_password_signs_in_without_a_restart(folder: Path, state: State, tmp_path: Path):
    put(folder, "mail__smtp__password", OLD)
    password = load().mail.smtp.password
    sign = Sign(password=OLD)
    with smtp(tmp_path / "taken", sign=sign) as (port, _, _):
        more: dict[str, Any] = {"sign_in": "password", "user": "finops", "password": password}
        post = Post(state, by_smtp(port, smtp_more=more))
        post.put(letter(settings=by_smtp(port)), NOW)
        assert post.deliver(NOW).sent == 1

        sign.password = NEW
        put(folder, "mail__smtp__password", NEW)
        post.put(letter("two", settings=by_smtp(port)), NOW)

        assert post.deliver(NOW).sent == 1


def test_a_new_webhook_is_posted_to_without_a_restart(folder: Path, state: State, ours: Certificate, tmp_path: Path):
    with webhook(ours, "/services/old") as old, webhook(ours, "/services/new") as new:
        put(folder, "mail__slack__webhook", old.url)
        slack = load().mail.slack
        settings = MailSettings(
            sender="finops@contoso.com", outbox=tmp_path / "outbox", ca_file=ours.chain, slack=slack
        )
        post = Post(state, settings)
        post.put(letter("one", kind="budget-alert"), NOW)
        post.deliver(NOW)

        put(folder, "mail__slack__webhook", new.url)
        post.put(letter("two", kind="budget-alert"), NOW)
        post.deliver(NOW)

        assert (len(old.posted), len(new.posted)) == (1, 1)


def test_a_new_audit_key_seals_from_then_on_and_the_old_one_still_verifies(folder: Path, tmp_path: Path):
    put(folder, "state__audit_key", OLD)
    with State.open(tmp_path / "trail.db", audit_key=sealing(load().state.audit_key)) as trail:
        trail.audit("finops", "did", "/one", "because", {}, NOW)

        put(folder, "state__audit_key", f"{NEW}\n{OLD}")
        trail.audit("finops", "did", "/two", "because", {}, NOW)

        assert trail.verify_audit().fault is None
    for key, fault in ((NEW, "Entry 1 was"), (OLD, "Entry 2 was"), (f"{NEW}\n{OLD}", "")):
        with State.open(tmp_path / "trail.db", audit_key=key.encode()) as trail:
            assert (trail.verify_audit().fault or "").startswith(fault)


def test_behind_a_new_audit_key_the_old_one_seals_nothing_any_more(tmp_path: Path):
    both = f"{NEW}\n{OLD}".encode()
    for key in (OLD, NEW, OLD):
        with State.open(tmp_path / "trail.db", audit_key=key.encode()) as trail:
            trail.audit("finops", "did", "/one", "because", {}, NOW)

    with State.open(tmp_path / "trail.db", audit_key=both) as trail:
        assert "Entry 3 was changed, or sealed with another key" in (trail.verify_audit().fault or "")


def test_a_new_link_key_signs_at_once_and_links_of_the_old_one_hold_while_it_stands_below(folder: Path):
    put(folder, "web__secret_key", OLD)
    (folder.parent / "finops.yaml").write_text("web: {auth: demo}\n")
    web = load().web
    keys, before = keys_of(web), str(link(web, 7)).rpartition("/")[2]
    form = Seals(keys).form("ana")

    put(folder, "web__secret_key", f"{NEW}\n{OLD}")

    after = str(link(web, 7)).rpartition("/")[2]
    assert [place(keys(), one) for one in (before, after)] == [7, 7]
    assert place([OLD], after) is None
    assert Seals(keys).fits(form, "ana")
    put(folder, "web__secret_key", NEW)
    assert [place(keys(), one) for one in (before, after)] == [None, 7]
    assert not Seals(keys).fits(form, "ana")


def test_a_short_key_among_them_is_refused(folder: Path):
    put(folder, "web__secret_key", f"{NEW}\nshort")

    with pytest.raises(ConfigError, match="5 characters"):
        keys_of(load().web)


# -- from a Key Vault -----------------------------------------------------------------------------------------------


def stored(url: str, name: str, value: str) -> None:
    body = json.dumps({"value": value}).encode()
    asked = urllib.request.Request(f"{url}/keyvault/kv-finops/secrets/{name}", body, method="PUT")
    urllib.request.urlopen(asked).close()


def test_a_secret_is_read_from_the_vault_when_it_is_used(folder: Path, tmp_path: Path):
    with serving(write_estate(tmp_path / "estate", small_bodies())) as served:
        stored(served.url, "smtp", OLD)
        (tmp_path / "finops.yaml").write_text(
            f"azure: {{endpoint: '{served.url}', key_vault: kv-finops}}\n"
            "mail: {smtp: {host: mail.example, sign_in: password, user: u, password: 'keyvault:smtp'}}\n"
        )
        served.requests.clear()
        password = load(vault=from_vault).mail.smtp.password
        assert not served.requests
        assert password is not None

        assert password.get_secret_value() == OLD

        assert [one["path"] for one in served.requests] == ["/keyvault/kv-finops/secrets/smtp"]


def vaulted(answers: list[Any]) -> tuple[LiveSecret, list[float]]:
    """A secret of a vault that gives `answers`, one after the other, and the clock by which it is fresh."""
    clock = [0.0]

    def ask(azure: AzureSettings, name: str) -> str:
        found = answers.pop(0)
        if isinstance(found, FinopsError):
            raise found
        return str(found)

    return live(lambda: "keyvault:x", "mail.smtp.password", AzureSettings, ask, lambda: clock[0]), clock


def test_a_rotated_secret_of_the_vault_is_taken_within_five_minutes():
    found, clock = vaulted([OLD, NEW])

    assert [found.get_secret_value() for _ in range(3)] == [OLD] * 3
    clock[0] = FRESH_SECONDS + 1
    assert found.get_secret_value() == NEW


def test_a_vault_that_does_not_answer_leaves_what_it_said_before():
    found, clock = vaulted([OLD, TemporaryError("down", "wait"), NEW])
    found.get_secret_value()

    for expected in (OLD, NEW):
        clock[0] += FRESH_SECONDS + 1
        assert found.get_secret_value() == expected


def test_a_vault_that_never_answered_is_an_error():
    with pytest.raises(TemporaryError):
        vaulted([TemporaryError("down", "wait")])[0].get_secret_value()


def test_a_vaults_secret_without_the_name_of_the_vault_is_told(folder: Path):
    put(folder, "mail__smtp__password", "keyvault:smtp")

    [problem] = gather().problems

    assert "azure.key_vault is missing" in problem.what
    assert "mail.smtp.password" in problem.what


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (error(403, "Forbidden"), "Key Vault Secrets User"),
        (error(404, "SecretNotFound"), "has no secret smtp"),
        (ok({}), "holds no value"),
    ],
)
def test_what_a_vault_refuses_says_what_to_do(answer: Any, said: str):
    with FakeAzure() as fake:
        fake.on("GET", "/keyvault/kv-1/secrets/smtp", answer)
        with (
            connect(AzureSettings(endpoint=fake.url, key_vault="kv-1")) as azure,
            pytest.raises(AzureError, match=said),
        ):
            secret(azure, "smtp")


@pytest.mark.parametrize("name", ["../other", "a/b", "a?b", ""])
def test_a_name_that_is_none_is_asked_for_nowhere(name: str):
    with FakeAzure() as fake:
        with connect(AzureSettings(endpoint=fake.url, key_vault="kv-1")) as azure, pytest.raises(AzureError):
            secret(azure, name)

        assert fake.count() == 0


def test_only_vaults_of_the_cloud_see_a_token():
    public = CLOUDS["public"]

    assert public.vault("kv-finops") == "https://kv-finops.vault.azure.net"
    assert public.allows("https://kv-finops.vault.azure.net/secrets/x")
    for url in ("https://vault.azure.net.evil.example/secrets/x", "http://kv.vault.azure.net/secrets/x",
                "https://a.b.vault.azure.net/secrets/x"):  # fmt: skip
        assert not public.allows(url)


# -- printed by nothing ---------------------------------------------------------------------------------------------


def test_a_live_secret_shows_itself_nowhere(folder: Path):
    put(folder, "mail__smtp__password", OLD)
    settings = load()
    shown = [repr(settings), str(settings), settings.model_dump_json(), str(list(rows(gather())))]

    assert settings.mail.smtp.password
    assert not any(OLD in text for text in shown)
    assert seen(settings.mail.smtp.password) == [OLD]


CANARIES = {
    "mail__smtp__password": "canary-smtp-1f0c",
    "mail__sent__password": "canary-imap-1f0c",
    "mail__slack__webhook": "https://hooks.example/canary-hook-1f0c",
    "mail__acs__access_key": "Y2FuYXJ5LWFjcy0xZjBj",
    "state__audit_key": "canary-audit-1f0c",
    "web__secret_key": "canary-web-1f0c-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
}
COMMANDS = (
    "config show -o json", "config check", "config show --config wrong.yaml", "guard run", "audit head",
    "audit show -o json", "audit verify", "audit export", "mail check", "mail deliver", "permissions",
    "guard run --config no", "web --port 0", "guard exemptions --azure http://127.0.0.1:9",
)  # fmt: skip


def test_no_command_prints_a_secret_at_debug_nor_leaves_one_behind(
    folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    for name, value in CANARIES.items():
        put(folder, name, value)
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    caplog.set_level(logging.DEBUG)
    said = ""
    with serving(write_estate(tmp_path / "estate", small_bodies())) as served:
        Path("finops.yaml").write_text(
            f"azure: {{endpoint: '{served.url}'}}\nguard: {{mode: warn}}\nweb: {{auth: bearer}}\n"
            "mail: {transport: smtp, smtp: {host: 127.0.0.1, port: 9, sign_in: password, user: u, security: none}}\n"
        )
        Path("wrong.yaml").write_text("mail: {transport: smtp, smtp: {sign_in: password}}\nweb: {page_rows: 0}\n")
        for command in COMMANDS:
            done = CliRunner().invoke(cli, command.split())
            said += done.output + "".join(traceback.format_exception(done.exception) if done.exception else [])

    said += caplog.text + "".join(map(str, (one.__dict__ for one in caplog.records)))
    left = b"".join(one.read_bytes() for one in work.rglob("*") if one.is_file())
    assert "DEBUG" in caplog.text
    assert "smtp" in said
    for value in CANARIES.values():
        assert value not in said
        assert value.encode() not in left


def test_a_bug_in_a_command_tells_no_secret_in_its_traceback(folder: Path, monkeypatch: pytest.MonkeyPatch):
    put(folder, "state__audit_key", CANARIES["state__audit_key"])
    settings = load()

    with pytest.raises(TypeError) as bug:
        _ = settings.state.audit_key + settings.state  # type: ignore[operator]

    told = "".join(traceback.TracebackException.from_exception(bug.value, capture_locals=True).format())
    assert "settings" in told
    assert "canary" not in told

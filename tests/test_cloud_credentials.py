"""One explicit identity, one token, and never to a stranger."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import ClientAuthenticationError
from fake_azure import FakeAzure, connected, error, ok

from finops.cloud import connect
from finops.cloud.clouds import CLOUDS, cloud_of
from finops.cloud.credentials import Tokens, tokens_of
from finops.config.model import AzureSettings
from finops.errors import AzureError, ConfigError, SignInError

ARM = "https://management.azure.com/.default"


class Source:
    """Gives a new token each time it is asked."""

    def __init__(self, seconds: int = 3600) -> None:
        self.given = 0
        self.seconds = seconds

    def get_token(self, *scopes: str, **options: object) -> AccessToken:
        self.given += 1
        return AccessToken(f"t{self.given}", int(time.time()) + self.seconds)


class Refusing:
    def __init__(self, why: str = "AADSTS700082: The refresh token has expired.\nTrace ID: 1\nmore") -> None:
        self._why = why

    def get_token(self, *scopes: str, **options: object) -> AccessToken:
        raise ClientAuthenticationError(self._why)


def test_a_token_is_asked_for_once():
    source = Source()
    tokens = Tokens(source, "")

    assert [tokens.get_token(ARM).token for _ in range(3)] == ["t1", "t1", "t1"]


def test_a_token_about_to_end_is_renewed():
    tokens = Tokens(Source(seconds=200), "")

    assert [tokens.get_token(ARM).token for _ in range(2)] == ["t1", "t2"]


def test_each_service_has_its_own_token():
    tokens = Tokens(Source(), "")

    assert tokens.get_token(ARM).token != tokens.get_token("https://metrics.monitor.azure.com/.default").token


def test_a_refused_token_is_not_used_again():
    with FakeAzure() as fake:
        fake.on("GET", "/x", error(401, "ExpiredAuthenticationToken"), ok({}))
        with connected(fake, tokens=Tokens(Source(), "")) as azure:
            azure.get("/x", "1")

        assert [asked.headers["authorization"] for asked in fake.asked] == ["Bearer t1", "Bearer t2"]


def test_sixteen_threads_share_one_token():
    source = Source()
    with FakeAzure() as fake:
        fake.on("GET", "/x", ok({}))
        with connected(fake, tokens=Tokens(source, "")) as azure:
            list(azure.each(range(50), lambda _: azure.get("/x", "1")))

    assert source.given == 1


def test_an_expired_login_is_one_line_and_says_what_to_run():
    with FakeAzure() as fake, connected(fake, tokens=Tokens(Refusing(), "Run `az login`.")) as azure:
        with pytest.raises(SignInError) as refused:
            azure.get("/x", "1")

        assert str(refused.value) == (
            "Not signed in to Azure: AADSTS700082: The refresh token has expired. Run `az login`."
        )
        assert fake.count() == 0


def test_a_reason_that_ends_without_a_full_stop_gets_one():
    with pytest.raises(SignInError, match=r"not found on path\. Run `az login`\.$"):
        Tokens(Refusing("Azure CLI not found on path"), "Run `az login`.").get_token(ARM)


def test_retail_prices_are_asked_without_any_token():
    with FakeAzure() as fake:
        fake.on("GET", "/api/retail/prices", ok({"Items": []}))
        with connected(fake, tokens=Tokens(Refusing(), "")) as azure:
            assert list(azure.retail_prices("x eq 'y'")) == []

        assert "authorization" not in fake.asked[0].headers


@pytest.mark.parametrize(
    ("identity", "kind"), [("cli", "AzureCliCredential"), ("managed", "ManagedIdentityCredential")]
)
def test_the_identity_is_the_configured_one(identity: str, kind: str):
    tokens = tokens_of(AzureSettings(identity=identity, client_id="c"), CLOUDS["public"])

    assert type(tokens.source).__name__ == kind


def test_a_workload_identity_takes_what_the_webhook_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    for name, value in [("TENANT_ID", "t"), ("CLIENT_ID", "c"), ("FEDERATED_TOKEN_FILE", str(tmp_path / "token"))]:
        monkeypatch.setenv(f"AZURE_{name}", value)

    tokens = tokens_of(AzureSettings(identity="workload"), CLOUDS["public"])

    assert type(tokens.source).__name__ == "WorkloadIdentityCredential"


def test_a_workload_identity_without_its_variables_says_which(monkeypatch: pytest.MonkeyPatch):
    for name in ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_FEDERATED_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)

    with pytest.raises(SignInError, match="lacks tenant_id and token_file_path"):
        tokens_of(AzureSettings(identity="workload", client_id="c"), CLOUDS["public"])


def test_a_missing_az_command_is_a_sign_in_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("PATH", str(tmp_path))

    with connect(AzureSettings(tenant_id="t1")) as azure, pytest.raises(SignInError, match=r"az login --tenant t1"):
        azure.get("/subscriptions/s1", "1")


@pytest.mark.parametrize(
    ("cloud", "arm", "scope"),
    [
        ("public", "https://management.azure.com", "https://management.azure.com/.default"),
        ("usgovernment", "https://management.usgovcloudapi.net", "https://management.core.usgovcloudapi.net/.default"),
        ("china", "https://management.chinacloudapi.cn", "https://management.chinacloudapi.cn/.default"),
    ],
)
def test_each_cloud_has_the_hosts_that_microsofts_own_sdk_names(cloud: str, arm: str, scope: str):
    from azure.core import AzureClouds
    from azure.mgmt.core.tools import get_arm_endpoints

    theirs = {"public": "AZURE_PUBLIC_CLOUD", "usgovernment": "AZURE_US_GOVERNMENT", "china": "AZURE_CHINA_CLOUD"}
    endpoints = get_arm_endpoints(AzureClouds[theirs[cloud]])

    assert (CLOUDS[cloud].arm, CLOUDS[cloud].arm_scope) == (arm, scope)
    assert (endpoints["resource_manager"].rstrip("/"), endpoints["credential_scopes"][0]) == (arm, scope)


def test_an_endpoint_that_is_not_loopback_gets_no_gateway():
    elsewhere = AzureSettings.model_construct(endpoint="http://192.0.2.1:8000")

    with pytest.raises(ConfigError, match=r"127\.0\.0\.1"):
        cloud_of(elsewhere)


def test_a_gateway_loads_no_sdk_client_before_its_first_call():
    code = """
import sys
from finops.cloud import connect
from finops.config.model import AzureSettings
connect(AzureSettings())
print([name for name in sys.modules if name.startswith(("azure.ai", "azure.mgmt.costmanagement"))])
"""

    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.parametrize(
    "url", ["http://management.azure.com/x", "http://127.0.0.1:9/x", "https://management.azure.com.example/x"]
)
def test_a_real_clouds_token_leaves_only_over_https_and_only_for_its_hosts(url: str):
    source = Source()
    with (
        connect(AzureSettings(), tokens=Tokens(source, "")) as azure,
        pytest.raises(AzureError, match="was not called"),
    ):
        azure.send("arm", "GET", url, "1", read=True)

    assert source.given == 0


def test_azure_china_has_no_price_api_and_says_so():
    with connect(AzureSettings(cloud="china")) as azure, pytest.raises(AzureError, match="price sheet"):
        list(azure.retail_prices("x eq 'y'"))

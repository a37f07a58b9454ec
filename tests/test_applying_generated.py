"""What `finops simulate new` generates holds notes of Azure's own, which our own writing leaves out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from applying import HOME, applying, silence

from finops.janitor import Quiet
from finops.janitor.fingerprint import fingerprint
from finops.simulator.generate import ml_bodies
from finops.tombstones import sent

LEGACY = f"{HOME}/onlineEndpoints/legacy"

Json = dict[str, Any]


def generated() -> list[Json]:
    """An endpoint with a deployment, as the generator makes them, with some years behind them."""
    body = ml_bodies.online_endpoint(HOME, "legacy", "eastus", 0, "ana@contoso.com", {"team": "ocr"}, {"blue": 100})
    made = ml_bodies.deployment(
        body, "blue", 0, "ana@contoso.com", "Standard_NC8as_T4_v3", 1, "mlacr.azurecr.io/legacy:1", "legacy",
        "legacy-serving/3",
    )  # fmt: skip
    return [body, made]


def test_a_generated_endpoint_that_nobody_touched_goes_from_quiet_to_deleted(tmp_path: Path):
    with applying(tmp_path, *generated(), metrics=silence(LEGACY), quiet_days=7) as janitor:
        [record] = janitor.approved(LEGACY)
        assert [line.result for line in janitor.apply().lines] == ["done"]
        janitor.live(days=7, hours=1)

        done = janitor.apply()

        assert [(line.result, line.record.status) for line in done.lines] == [("done", "confirmed")], done.lines
        assert janitor.body(LEGACY) is None
        assert janitor.undo(record.number).equal


def test_what_we_leave_out_when_we_write_is_no_spec():
    quiet = Quiet("traffic0", 7)

    for what, body in zip(("endpoint", "deployment"), generated(), strict=True):
        body["properties"]["properties"] = {
            "azureml.onlineendpointid": "/x",
            "AzureAsyncOperationUri": "u",
            "team": "a",
        }
        written = sent(what, body)
        assert written["properties"]["properties"] == {"team": "a"}
        assert fingerprint(written, quiet) == fingerprint(body, quiet)

"""What a quiet step took is given back; what people have set since is theirs, and stays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from applying import SILENT, Applying, applying, silence, silent_endpoint, whole
from estates import deployment

KEEP = {"finops:keep": "2027-01-31;exam"}

Json = dict[str, Any]


def held(janitor: Applying, name: str) -> Json:
    body = janitor.body(SILENT)
    assert body is not None
    return dict(body["properties"].get(name) or {})


def quiet(tmp_path: Path, *made: Json) -> Any:
    return applying(tmp_path, *(made or silent_endpoint()), metrics=silence(SILENT), quiet_days=7)


def test_traffic_that_people_gave_another_deployment_is_left_to_them(tmp_path: Path):
    with quiet(tmp_path) as janitor:
        [record] = janitor.approved(SILENT)
        janitor.apply()
        janitor.put(deployment(SILENT, "green"))
        janitor.change(SILENT, traffic={"blue": 0, "green": 100})

        done = janitor.apply()

        assert held(janitor, "traffic") == {"blue": 0, "green": 100}
        assert janitor.record(record.number).status == "kept"
        assert "Not given back, as somebody has changed it since: its traffic is" in done.lines[0].why
        assert janitor.apply().lines == ()
        assert janitor.changes() == ["PUT onlineEndpoints/silent"]


def test_traffic_is_not_given_to_a_deployment_that_was_deleted_meanwhile(tmp_path: Path):
    with quiet(tmp_path) as janitor:
        [record] = janitor.approved(SILENT)
        janitor.apply()
        janitor.gone(f"{SILENT}/deployments/blue")

        done = janitor.apply()

        assert janitor.record(record.number).status == "kept"
        assert "there is no deployment blue any more" in done.lines[0].why
        assert janitor.changes() == ["PUT onlineEndpoints/silent"]


def test_mirrored_traffic_is_given_back_too(tmp_path: Path):
    with quiet(tmp_path, *whole()) as janitor:
        janitor.approved(SILENT)
        janitor.apply()
        assert (held(janitor, "traffic"), held(janitor, "mirrorTraffic")) == ({"blue": 0, "green": 0}, {"green": 0})
        janitor.change(SILENT, tags=KEEP)

        janitor.apply()

        assert held(janitor, "traffic") == {"blue": 90, "green": 10}
        assert held(janitor, "mirrorTraffic") == {"green": 10}


def test_what_people_set_stays_while_the_rest_is_given_back(tmp_path: Path):
    with quiet(tmp_path, *whole()) as janitor:
        janitor.approved(SILENT)
        janitor.apply()
        janitor.change(SILENT, mirrorTraffic={"blue": 5})

        janitor.apply()

        assert held(janitor, "traffic") == {"blue": 90, "green": 10}
        assert held(janitor, "mirrorTraffic") == {"blue": 5}


def test_undoing_a_quiet_step_leaves_what_people_set_since_and_tells_it(tmp_path: Path):
    with quiet(tmp_path) as janitor:
        [record] = janitor.approved(SILENT)
        janitor.apply()
        janitor.put(deployment(SILENT, "green"))
        janitor.change(SILENT, traffic={"blue": 0, "green": 100})

        undone = janitor.undo(record.number)

        assert held(janitor, "traffic") == {"blue": 0, "green": 100}
        assert not undone.equal
        assert [one for piece in undone.compared for one in piece.different]


def in_between(janitor: Applying) -> None:
    """What the owner writes after the body was read that is sent back, and before it is sent."""
    janitor.change(SILENT, description="Back in use", tags={"team": "forms"})


def read_to_be_sent(asked: Json) -> bool:
    """The deployments that had traffic are looked at once the endpoint was read."""
    return bool(asked["method"] == "GET" and asked["path"].endswith("/deployments/blue"))


def test_what_somebody_writes_while_traffic_is_given_back_stays_and_is_told(tmp_path: Path):
    with quiet(tmp_path) as janitor:
        [record] = janitor.approved(SILENT)
        janitor.apply()
        janitor.change(SILENT, tags=KEEP)
        janitor.when(read_to_be_sent, lambda: in_between(janitor))

        first = janitor.apply()
        assert [(line.result, line.what) for line in first.lines] == [("held", "set its traffic as it was")]
        assert "Somebody has changed it just now" in first.lines[0].why
        second = janitor.apply()

        assert [line.result for line in second.lines] == ["done"]
        body = janitor.body(SILENT)
        assert body is not None
        assert (body["tags"]["team"], body["properties"]["description"]) == ("forms", "Back in use")
        assert held(janitor, "traffic") == {"blue": 100}
        assert janitor.record(record.number).status == "kept"


def test_what_somebody_writes_during_an_undo_stays_and_is_told(tmp_path: Path):
    with quiet(tmp_path) as janitor:
        [record] = janitor.approved(SILENT)
        janitor.apply()
        janitor.when(read_to_be_sent, lambda: in_between(janitor))

        stopped = janitor.undo(record.number).stopped
        again = janitor.undo(record.number)

        body = janitor.body(SILENT)
        assert body is not None
        assert "Somebody has changed it just now" in stopped
        assert (again.stopped, body["tags"]["team"]) == ("", "forms")
        assert held(janitor, "traffic") == {"blue": 100}

"""A renamed site keeps its figures, its orders and its visitors under the new id."""

import json
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from tests.processes import Installation, install, running
from tests.senders import FIREFOX
from warehouse.lifecycle import ledger
from warehouse.schema import DAILY_STATS, DROPS, EVENTS, LEDGER, SESSIONS
from warehouse.tables import Warehouse

CONFIG = """\
[proxy]
port = {port}
workers = 1
private_clients = true

[privacy]
salt_store = "data/salts"

[reports]
port = {reports_port}

[[sites]]
id = "old"
domains = ["shop.example"]
"""
QUERY = {
    "metrics": ["visitors", "sessions", "pageviews", "orders", "value_minor"],
    "date_range": "today",
}


def send(installation: Installation, *events: dict[str, Any]) -> None:
    """Start a proxy, send it *events*, and stop it."""
    with running(installation, "proxy run") as [proxy]:
        for body in events:
            connection = installation.connect()
            text = json.dumps({"url": "https://shop.example/thanks"} | body)
            headers = {"User-Agent": FIREFOX}
            connection.request("POST", "/v1/events", text, headers)
            assert connection.getresponse().status == HTTPStatus.ACCEPTED
            connection.close()
        assert proxy.stop() == 0


def order(site: str) -> dict[str, Any]:
    placed = {"id": "1001", "currency": "EUR", "value": "10.00"}
    return {"site": site, "name": "order_placed", "order": placed}


def load(installation: Installation) -> None:
    for words in (("batcher", "drain"), ("warehouse", "build")):
        done = installation.run(*words)
        assert done.returncode == 0, done.stderr


def figures(installation: Installation, site: str) -> list[int]:
    body = json.dumps(QUERY | {"site": site})
    done = installation.run("reports", "query", "-", stdin=body)
    assert done.returncode == 0, done.stderr
    metrics: list[int] = json.loads(done.stdout)["results"][0]["metrics"]
    return metrics


def rename(installation: Installation) -> None:
    text = installation.config.read_text()
    new = 'id = "new"\nformerly = ["old"]'
    installation.config.write_text(text.replace('id = "old"', new))


@pytest.mark.slow
def test_a_renamed_site_is_one_site(tmp_path: Path) -> None:
    installation = install(tmp_path, text=CONFIG)
    send(installation, {"site": "old"}, order("old"))
    load(installation)
    before = figures(installation, "old")
    # Not loaded yet when the site gets its new name.
    send(installation, {"site": "old"}, {"site": "old", "name": " "})
    rename(installation)

    waiting = installation.run("reports", "show", "--site", "new")
    # Pages still have the former id, and the shop reports the order again.
    send(installation, {"site": "old"}, {"site": "new"}, order("new"))
    load(installation)

    assert "the figures of old have their former name" in waiting.stdout
    assert before == [1, 1, 1, 1, 1000]
    assert figures(installation, "new") == [1, 1, 4, 1, 1000]
    assert figures(installation, "old") == figures(installation, "new")
    warehouse = Warehouse(Path(installation.settings.warehouse.uri))
    for table in (EVENTS, SESSIONS, DAILY_STATS, DROPS):
        assert set(warehouse.view(table).read()["site"]) == {"new"}, table.name
    entries = ledger.read_entries(warehouse.view(LEDGER).read())
    renames = [
        (each.subject, each.detail) for each in entries if each.kind == "site_renamed"
    ]
    assert renames == [("new", '{"from":"old"}')]
    assert installation.run("warehouse", "rebuild", "--diff").returncode == 0


@pytest.mark.slow
def test_the_orders_of_a_renamed_site_are_reconciled(tmp_path: Path) -> None:
    installation = install(tmp_path, text=CONFIG)
    send(installation, order("old"))
    rename(installation)
    send(installation, {"site": "new"})
    load(installation)
    file = tmp_path / "orders.csv"
    file.write_text("id,total,currency\n1001,10.00,EUR\n")

    for site in ("new", "old"):
        done = installation.run(
            "reports", "reconcile", "--site", site, "--orders", str(file)
        )
        assert done.returncode == 0, done.stdout + done.stderr

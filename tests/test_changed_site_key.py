"""Orders of another site key wait until the operator decides; the rest is loaded."""

import json
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path

import polars as pl
import pytest

from tests.processes import Installation, install, running
from tests.senders import FIREFOX
from warehouse.key_commitment import commitment_files
from warehouse.schema import EVENTS
from warehouse.tables import Warehouse

CONFIG = """\
[proxy]
port = {port}
workers = 1

[privacy]
salt_store = "data/salts"

[reports]
port = {reports_port}

[[sites]]
id = "shop"
domains = ["shop.example"]

[[sites]]
id = "blog"
domains = ["blog.example"]
"""


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    """Return an installation that has stored order 1001 of the shop."""
    installation = install(tmp_path, text=CONFIG)
    place_orders(installation, "1001")
    drained = installation.run("batcher", "drain")
    assert drained.returncode == 0, drained.stderr
    return installation


def place_orders(installation: Installation, *orders: str, site: str = "shop") -> None:
    """Start a proxy, send it *orders*, and stop it."""
    with running(installation, "proxy run") as [proxy]:
        for number in orders:
            body = {
                "site": site,
                "name": "order_placed",
                "url": f"https://{site}.example/thanks",
                "order": {"id": number, "currency": "EUR", "value": "10.00"},
            }
            connection = installation.connect()
            connection.request(
                "POST", "/v1/events", json.dumps(body), {"User-Agent": FIREFOX}
            )
            response = connection.getresponse()
            assert response.status == HTTPStatus.ACCEPTED, response.read()
            connection.close()
        assert proxy.stop() == 0


def count_orders(installation: Installation, site: str = "shop") -> int:
    """Return the number of different stored orders of *site*."""
    rows = Warehouse(Path(installation.settings.warehouse.uri)).view(EVENTS).read()
    return rows.filter(pl.col("site") == site)["order_key"].drop_nulls().n_unique()


def key_of(installation: Installation, site: str = "shop") -> Path:
    return installation.key_dir / f"{site}.key"


def remove_commitments(installation: Installation, site: str = "shop") -> None:
    spool = Path(installation.settings.spool.dir)
    for path in commitment_files(installation.key_dir, spool, site):
        path.unlink()


def with_other_key(installation: Installation, act: Callable[[], None]) -> None:
    """Do *act* while the shop has a new key, then restore the key but no commitment."""
    content = key_of(installation).read_bytes()
    key_of(installation).unlink()
    remove_commitments(installation)
    act()
    remove_commitments(installation)
    key_of(installation).write_bytes(content)


def test_orders_of_a_new_key_wait_after_only_the_old_key_is_restored(
    installation: Installation,
) -> None:
    with_other_key(installation, lambda: place_orders(installation, "1001", "1002"))
    place_orders(installation, "1003")
    refused = installation.run("batcher", "drain")
    again = installation.run("batcher", "drain")
    before = count_orders(installation)
    accepted = installation.run("batcher", "accept-keys", "--yes")
    drained = installation.run("batcher", "drain")

    assert (refused.returncode, again.returncode, before) == (3, 3, 2)
    assert "1 segments have another key for 'shop'" in refused.stderr
    assert "millpond batcher accept-keys" in refused.stderr
    assert (accepted.returncode, drained.returncode) == (0, 0)
    # Order 1001 now counts twice, as the command warned.
    assert count_orders(installation) == 4


def test_an_import_loads_its_own_lines_and_names_waiting_segments(
    installation: Installation,
) -> None:
    with_other_key(installation, lambda: place_orders(installation, "1001"))
    log = installation.folder / "access.log"
    log.write_text(
        '192.0.2.1 - - [20/Nov/2026:10:00:00 +0000] "GET /a HTTP/1.1" 200 5'
        f' "-" "{FIREFOX}"\n'
    )
    imported = installation.run("import", "access-log", str(log), "--site", "shop")

    assert imported.returncode == 3, imported.stderr
    assert "1 segments have another key for 'shop'" in imported.stderr
    assert "1  page views stored" in imported.stdout
    assert count_orders(installation) == 1

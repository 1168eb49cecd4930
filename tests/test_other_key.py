"""Orders taken with another key wait until the operator decides; all else is loaded."""

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
def here(tmp_path: Path) -> Installation:
    """Return an installation in which order 1001 of the shop is stored."""
    installation = install(tmp_path, text=CONFIG)
    take(installation, "1001")
    drained = installation.run("batcher", "drain")
    assert drained.returncode == 0, drained.stderr
    return installation


def take(here: Installation, *orders: str, site: str = "shop") -> None:
    """Have a proxy acknowledge *orders*, and stop it."""
    with running(here, "proxy run") as [proxy]:
        for number in orders:
            body = {
                "site": site,
                "name": "order_placed",
                "url": f"https://{site}.example/thanks",
                "order": {"id": number, "currency": "EUR", "value": "10.00"},
            }
            connection = here.connect()
            connection.request(
                "POST", "/v1/events", json.dumps(body), {"User-Agent": FIREFOX}
            )
            answer = connection.getresponse()
            assert answer.status == HTTPStatus.ACCEPTED, answer.read()
            connection.close()
        assert proxy.stop() == 0


def orders(here: Installation, site: str = "shop") -> int:
    """Return how many different orders of *site* are stored."""
    rows = Warehouse(Path(here.settings.warehouse.uri)).view(EVENTS).read()
    return rows.filter(pl.col("site") == site)["order_key"].drop_nulls().n_unique()


def key_of(here: Installation, site: str = "shop") -> Path:
    return here.key_dir / f"{site}.key"


def forget_commitments(here: Installation, site: str = "shop") -> None:
    spool = Path(here.settings.spool.dir)
    for path in commitment_files(here.key_dir, spool, site):
        path.unlink()


def with_other_key(here: Installation, act: Callable[[], None]) -> None:
    """Do *act* while the shop has a new key, then restore nothing but the key."""
    content = key_of(here).read_bytes()
    key_of(here).unlink()
    forget_commitments(here)
    act()
    forget_commitments(here)
    key_of(here).write_bytes(content)


def test_orders_taken_with_a_new_key_wait_when_only_the_key_is_restored(
    here: Installation,
) -> None:
    with_other_key(here, lambda: take(here, "1001", "1002"))
    take(here, "1003")
    refused = here.run("batcher", "drain")
    again = here.run("batcher", "drain")
    before = orders(here)
    accepted = here.run("batcher", "accept-keys", "--yes")
    drained = here.run("batcher", "drain")

    assert (refused.returncode, again.returncode, before) == (3, 3, 2)
    assert "1 segments have another key for 'shop'" in refused.stderr
    assert "millpond batcher accept-keys" in refused.stderr
    assert (accepted.returncode, drained.returncode) == (0, 0)
    # Now order 1001 counts again, as the operator was told.
    assert orders(here) == 4


def test_an_import_loads_its_own_lines_and_says_what_waits(here: Installation) -> None:
    with_other_key(here, lambda: take(here, "1001"))
    log = here.folder / "access.log"
    log.write_text(
        '192.0.2.1 - - [20/Nov/2026:10:00:00 +0000] "GET /a HTTP/1.1" 200 5'
        f' "-" "{FIREFOX}"\n'
    )
    imported = here.run("import", "access-log", str(log), "--site", "shop")

    assert imported.returncode == 3, imported.stderr
    assert "1 segments have another key for 'shop'" in imported.stderr
    assert "1  page views stored" in imported.stdout
    assert orders(here) == 1

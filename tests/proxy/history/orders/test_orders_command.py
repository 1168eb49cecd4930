"""The command survives kills, has fixed exit codes, and shows no personal data."""

import gzip
import subprocess
from pathlib import Path

import pytest

from tests.canaries import CANARIES, canaries_in, canaries_under
from tests.processes import Installation, install
from tests.proxy.history.import_command import is_killed_at, query_rows
from tests.proxy.history.orders.order_imports import HEAD

CONFIG = """\
[privacy]
salt_store = "data/salts"

[spool]
max_bytes = 1048576

[warehouse]
keep_events_days = 0

[[sites]]
id = "shop"
domains = ["shop.example"]
timezone = "Europe/Berlin"
"""


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    return install(tmp_path, text=CONFIG)


def run_orders(
    installation: Installation, *words: Path | str
) -> "subprocess.CompletedProcess[str]":
    return installation.run("import", "orders", *map(str, words))


def write(installation: Installation, text: str, name: str = "list.csv") -> Path:
    path = installation.folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.crash
@pytest.mark.parametrize("groups", [1, 4])
def test_an_import_goes_on_after_a_kill_and_counts_each_order_once(
    installation: Installation, groups: int
) -> None:
    rows = [f"{n},{n}.50,,2025-11-{n % 28 + 1:02},,{n % 2}.00\n" for n in range(3_000)]
    file = write(installation, HEAD + "".join(rows))
    killed = is_killed_at(installation, groups, "orders", str(file), "--site", "shop")

    done = run_orders(installation, file, "--site", "shop")

    sums = "SELECT name, count(*), sum(value_minor), sum(refund_minor) FROM stored"
    assert (killed, done.returncode) == (True, 0)
    assert query_rows(installation, f"{sums} GROUP BY 1 ORDER BY 1") == [
        ("order_placed", 3_000, sum(range(3_000)) * 100 + 3_000 * 50, None),
        ("order_refunded", 1_500, None, 150_000),
    ]
    again = run_orders(installation, file, "--site", "shop")
    assert f"{0:>12,}  orders filed" in again.stdout


@pytest.mark.parametrize(
    ("text", "options", "code", "message"),
    [
        pytest.param("7,5.00,,2025-11-22,,", [], 0, "1  orders filed", id="filed"),
        pytest.param("7,5.00,,2025-11-22,void,", [], 0, "1  void", id="void"),
        pytest.param("7,5.00,,,,", [], 1, "it has no date", id="not filed"),
        pytest.param("7,x,,2025-11-22,,", [], 3, "row 2", id="unreadable"),
        pytest.param("", ["--site", "blog"], 2, "one of 'shop'", id="site"),
        pytest.param("", ["--id-column", "no"], 2, "--id-column", id="column"),
        pytest.param("", ["--dates", "no"], 2, "is not one of", id="option"),
    ],
)
def test_the_exit_code_tells_the_outcome(
    installation: Installation, text: str, options: list[str], code: int, message: str
) -> None:
    file = write(installation, f"{HEAD}{text}\n")

    done = run_orders(installation, file, "--site", "shop", *options)

    assert done.returncode == code, done.stderr
    assert message in done.stdout + done.stderr


def test_nothing_is_filed_from_a_list_with_an_unreadable_row(
    installation: Installation,
) -> None:
    rows = "".join(f"{n},5.00,,2025-11-22,,\n" for n in range(5))
    file = write(installation, f"{HEAD}{rows}9,x,,2025-11-22,,\n")

    done = run_orders(installation, file, "--site", "shop")

    assert done.returncode == 3
    assert query_rows(installation, "SELECT count(*) FROM stored") == [(0,)]


def test_a_dry_run_says_what_would_be_filed_and_writes_nothing(
    installation: Installation,
) -> None:
    file = write(installation, f"{HEAD}7,5.00,,2025-11-22,,2.00\n8,6,,2025-11-23,,\n")
    before = set(installation.folder.rglob("*"))

    done = run_orders(installation, file, "--site", "shop", "--dry-run")

    assert done.returncode == 0, done.stderr
    assert set(installation.folder.rglob("*")) == before
    assert done.stdout.splitlines() == [
        "           2  orders and refunds read",
        "           2  orders would be filed",
        "           1  refunds would be filed",
        "           0  stored before",
        "           0  void: cancelled, failed or test in the shop",
        "would be filed: 11.00 EUR",
        "refunds would be filed: 2.00 EUR",
        "list read as general, ids from the column 'order id'",
        "days 2025-11-22 to 2025-11-23",
    ]
    filed = run_orders(installation, file, "--site", "shop")
    assert "2  orders filed" in filed.stdout
    then = run_orders(installation, file, "--site", "shop", "--dry-run")
    assert "2  stored before" in then.stdout


def test_a_truncated_list_is_refused(installation: Installation) -> None:
    rows = "".join(f"{n},{n}.07,,2025-11-22,,\n" for n in range(2_000))
    file = installation.folder / "list.csv.gz"
    file.write_bytes(gzip.compress((HEAD + rows).encode())[:-200])

    done = run_orders(installation, file, "--site", "shop")

    assert done.returncode == 3
    assert "truncated or damaged" in done.stderr


def test_nothing_of_a_list_is_written_or_printed(
    installation: Installation, tmp_path_factory: pytest.TempPathFactory
) -> None:
    cells = ",".join(f'"{value}"' for value in CANARIES.values())
    names = ",".join(f"c{n}" for n in range(len(CANARIES)))
    mail = CANARIES["e-mail"]
    elsewhere = tmp_path_factory.mktemp("lists")
    good, bad = elsewhere / "good.csv", elsewhere / "bad.csv"
    head = f"order id,total,date,{names}\n"
    good.write_text(f"{head}{mail},5.00,2025-11-22,{cells}\n", encoding="utf-8")
    bad.write_text(f"{head}1,{mail},2025-11-22,{cells}\n", encoding="utf-8")

    done = run_orders(installation, good, "--site", "shop")
    failed = run_orders(installation, bad, "--site", "shop")

    assert (done.returncode, failed.returncode) == (0, 3)
    output = done.stdout + done.stderr + failed.stdout + failed.stderr
    assert canaries_in(output.encode()) == set()
    assert canaries_under(installation.folder) == set()

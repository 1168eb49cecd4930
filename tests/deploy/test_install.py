"""docs/install.md, executed: every command of the page, on machines of their own.

The machines are containers without network (``tests.deploy.container``). Millpond, pip,
useradd, tar and curl are the real ones; systemd is stood in for.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.container import Machine, running_container
from tests.deploy.install_page import blocks, commands_of
from tests.programs import need
from tests.proxy.client.mmdb_files import geoip2, write_mmdb

_FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
_FIRST, _SECOND = "203.0.113.7", "198.51.100.9"
# Runs in the container, where the ports are.
_SEND = f"""
import json, sys, urllib.request
address, *events = json.load(sys.stdin)
for event in events:
    request = urllib.request.Request(
        "http://127.0.0.1:8080/stats/v1/events",
        json.dumps(event).encode(),
        {{"X-Forwarded-For": address, "User-Agent": "{_FIREFOX}"}},
    )
    with urllib.request.urlopen(request) as answer:
        assert json.load(answer) == {{"accepted": 1, "dropped": {{}}}}
"""
_METRICS = ["visitors", "sessions", "pageviews", "orders", "value_minor"]
_READY = "curl -sSf --retry 30 --retry-delay 1 --retry-connrefused -o /dev/null"
_INSTALL = (
    *("Program", "User and directories", "Country database", "Configuration"),
    *("Service", "Logs"),
)
_MOVE = "Move to another machine"
_CHANGE = "Change the configuration"
_ORDER = {
    "site": "shop",
    "name": "order_placed",
    "url": "https://shop.example/thanks",
    "order": {"id": "1001", "currency": "EUR", "value": "59.90"},
}


@pytest.fixture
def country_database(tmp_path: Path) -> bytes:
    """Return a database that knows one network."""
    networks = {"203.0.113.0/24": geoip2("DE")}
    return write_mmdb(tmp_path / "country.mmdb", networks).read_bytes()


@pytest.fixture
def machine(country_database: bytes) -> Iterator[Machine]:
    """Install Millpond on a machine as the page says."""
    need("curl")
    with running_container() as machine:
        machine.put(country_database, "/root/country.mmdb")
        for section in _INSTALL:
            machine.run(commands_of(section))
        yield machine


def page(path: str) -> dict[str, Any]:
    """Return a view of a page of the shop."""
    return {"site": "shop", "url": f"https://shop.example{path}"}


def send(machine: Machine, address: str, *events: dict[str, Any]) -> None:
    """Send events as a browser of *address* does, through the web server."""
    machine.run(f"{_READY} http://127.0.0.1:8080/readyz")
    machine.run(f"python3 -c '{_SEND}'", json.dumps([address, *events]).encode())


def figures(machine: Machine) -> Any:
    """Return the figures of the last days by country, all that waits included."""
    machine.run("millpond batcher drain && millpond warehouse build")
    question = {
        "site": "shop",
        "metrics": _METRICS,
        "dimensions": ["country"],
        "order_by": [["country", "asc"]],
    }
    answer = machine.run("millpond reports query -", json.dumps(question).encode())
    return [
        [*row["dimensions"], *row["metrics"]] for row in json.loads(answer)["results"]
    ]


def first_commands(section: str, count: int) -> str:
    """Return the first commands of a section, each a line."""
    return "\n".join(commands_of(section).splitlines()[:count])


@pytest.mark.timeout(900)
def test_every_command_of_the_page_works_and_the_figures_survive(
    machine: Machine,
) -> None:
    check_installed(machine)
    send(machine, _FIRST, page("/p/42?utm_source=news"), _ORDER)
    check_restart_keeps_the_visitor(machine)
    check_reload(machine)
    check_upgrade(machine)
    check_backup_and_restore(machine)
    # Acknowledged, and not loaded yet.
    send(machine, _SECOND, page("/last"))
    machine.run(commands_of(_MOVE))
    archive = machine.read("/var/backups/millpond-move.tar")

    with running_container() as other:
        for section in ("Program", "User and directories"):
            other.run(commands_of(section))
        other.run(first_commands("Service", 2))
        other.put(archive, "/var/backups/millpond-move.tar")
        other.run(commands_of("Restore"))

        # The salts stayed behind: whoever comes again that day counts again.
        send(other, _SECOND, page("/again"))
        assert figures(other) == [
            ["(none)", 2, 2, 2, 0, 0],
            ["DE", 2, 2, 3, 1, 5990],
        ]


def test_every_block_of_the_page_is_executed() -> None:
    executed = {*_INSTALL, _CHANGE, "Upgrade", "Backup", "Restore", _MOVE}

    assert {block.section for block in blocks()} == executed


def check_installed(machine: Machine) -> None:
    """Who owns what, who can reach what, and that the service writes nowhere else."""
    owners = machine.run(
        "cd / && stat -c '%U:%G %a %n' etc/millpond etc/millpond/millpond.toml"
        " var/lib/millpond var/lib/millpond/keys run/millpond run/millpond/salts"
    )

    assert owners.splitlines() == [
        "root:millpond 750 etc/millpond",
        "root:millpond 640 etc/millpond/millpond.toml",
        "millpond:millpond 750 var/lib/millpond",
        "millpond:millpond 700 var/lib/millpond/keys",
        "millpond:millpond 700 run/millpond",
        "millpond:millpond 700 run/millpond/salts",
    ]
    examined = machine.run("millpond proxy doctor || test $? -eq 1")
    assert "fine     salts             the salts are in memory only\n" in examined
    written = machine.run("find / -xdev -user millpond; find /opt -user millpond")
    assert written == ""


def check_restart_keeps_the_visitor(machine: Machine) -> None:
    """The salts survive a restart of the service, and no reboot."""
    machine.run("systemctl restart millpond")
    send(machine, _FIRST, page("/again"))
    machine.run(
        "systemctl stop millpond; rm -r /run/millpond; systemctl start millpond"
    )
    send(machine, _FIRST, page("/after-a-reboot"))

    assert figures(machine) == [["DE", 2, 2, 3, 1, 5990]]


def check_reload(machine: Machine) -> None:
    """A change reaches the running service; one that cannot be used does not."""
    done = machine.run(commands_of(_CHANGE))
    refused = machine.run(
        "cp -a /etc/millpond/millpond.toml /root/good.toml;"
        " echo '[proxy' >> /etc/millpond/millpond.toml;"
        " systemctl reload millpond 2>&1 || test $? -eq 2;"
        " cp -a /root/good.toml /etc/millpond/millpond.toml"
    )

    assert done.endswith("reloaded: all processes run with the new configuration\n")
    assert "is not TOML" in refused


def check_upgrade(machine: Machine) -> None:
    """The old release runs until the restart; then the new one, on the same data."""
    old = machine.run("readlink /opt/millpond")
    machine.run(commands_of("Program"))
    machine.run(commands_of("Upgrade"))
    new = machine.run("readlink /opt/millpond").strip()
    machine.run(f"{_READY} http://127.0.0.1:8080/readyz")
    processes = machine.run("pgrep -u millpond -a").splitlines()

    assert old.strip() != new
    assert processes
    assert [each for each in processes if f" {new}/bin/python" not in each] == []


def check_backup_and_restore(machine: Machine) -> None:
    """A lost disk comes back from the archive, without the salts."""
    machine.run(commands_of("Backup"))
    archive = machine.run("ls /var/backups/millpond-*.tar").strip()
    assert machine.run(f"stat -c '%U %a' {archive}") == "root 600\n"
    names = machine.run(f"tar -tf {archive}")
    assert "var/lib/millpond/keys/shop.key\n" in names
    # The places of salts are on record, the salts are not in the archive.
    assert ".salt" not in names

    # After the backup: lost with the disk.
    send(machine, _SECOND, page("/lost"))
    machine.run("systemctl stop millpond; rm -r /var/lib/millpond /etc/millpond")
    machine.run(commands_of("Restore"))

    assert figures(machine) == [["DE", 2, 2, 3, 1, 5990]]
    assert machine.run("ls -d /var/lib/millpond*") == "/var/lib/millpond\n"

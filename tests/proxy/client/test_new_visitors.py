"""One network cannot pose as any number of visitors, and nobody else is dropped."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from config.settings import ProxySettings
from proxy.client import new_visitors
from proxy.client.client import ClientSource
from proxy.client.new_visitors import NewVisitors
from proxy.pipeline.drops import Dropped, DropReason
from tests.proxy.pipeline.pipeline_setup import Pipeline, pageview, sender
from warehouse.schema import Event

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:{}.0) Gecko/20100101 Firefox/{}.0"
TOO_MANY = Dropped(DropReason.TOO_MANY_VISITORS, "shop")


class Clock:
    """A clock that stands still until it is moved."""

    now_s = 90.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


def agents(count: int, first: int = 100) -> Iterator[str]:
    """Yield the User-Agents of so many browsers."""
    return (FIREFOX.format(n, n) for n in range(first, first + count))


class Site:
    """A site whose networks may each have three new visitors in a minute."""

    def __init__(self, folder: Path, clock: Clock, most: int = 3) -> None:
        settings = ProxySettings(
            client_ip="xff",
            trusted_proxies=("127.0.0.1",),
            private_clients=True,
            new_visitors_per_minute=most,
        )
        self.clients = ClientSource(settings, clock)
        self.pipeline = Pipeline(folder).prefetch()

    def send(self, address: str, agent: str, **headers: str) -> Event | Dropped:
        """Send a pageview from *address*."""
        of = sender(
            "127.0.0.1",
            clients=self.clients,
            X_Forwarded_For=address,
            User_Agent=agent,
            **headers,
        )
        return self.pipeline.outcome(pageview(), of)

    def stored(self, address: str, *agents: str) -> int:
        """Return how many pageviews from *address* are stored."""
        return sum(isinstance(self.send(address, agent), Event) for agent in agents)


def test_further_visitors_of_a_network_are_dropped_and_counted(
    tmp_path: Path, clock: Clock
) -> None:
    site = Site(tmp_path, clock)

    got = [site.send("203.0.113.7", agent) for agent in agents(5)]

    assert [isinstance(outcome, Event) for outcome in got[:3]] == [True] * 3
    assert got[3:] == [TOO_MANY] * 2


def test_known_visitors_of_a_full_network_are_counted_on(
    tmp_path: Path, clock: Clock
) -> None:
    site = Site(tmp_path, clock)
    site.stored("203.0.113.7", *agents(9))

    assert site.stored("203.0.113.7", *agents(3), *agents(3)) == 6


def test_the_next_minute_has_room_again(tmp_path: Path, clock: Clock) -> None:
    site = Site(tmp_path, clock)
    first = site.stored("203.0.113.7", *agents(9))
    clock.now_s += 60

    assert (first, site.stored("203.0.113.7", *agents(9, first=120))) == (3, 3)


@pytest.mark.parametrize(
    ("addresses", "expected"),
    [
        pytest.param(["203.0.113.7", "203.0.113.200"], 3, id="one IPv4 network"),
        pytest.param(["203.0.113.7", "203.0.112.7"], 6, id="two IPv4 networks"),
        pytest.param(
            ["2001:db8:7:1::1", "2001:db8:7:ff::1"], 3, id="one customer's IPv6"
        ),
        pytest.param(["2001:db8:7::1", "2001:db8:8::1"], 6, id="two of IPv6"),
        pytest.param(["192.168.1.5", "192.168.1.6"], 10, id="private addresses"),
    ],
)
def test_the_limit_is_of_a_network(
    tmp_path: Path, clock: Clock, addresses: list[str], expected: int
) -> None:
    site = Site(tmp_path, clock)

    got = sum(site.stored(address, *agents(5)) for address in addresses)

    assert got == expected


def test_long_user_agents_which_no_cache_keeps_have_the_same_limit(
    tmp_path: Path, clock: Clock
) -> None:
    site = Site(tmp_path, clock)
    long = [f"{agent} {'a' * 600}" for agent in agents(5)]

    assert site.stored("203.0.113.7", *long, *long) == 6


def test_without_a_limit_everybody_is_stored(tmp_path: Path, clock: Clock) -> None:
    site = Site(tmp_path, clock, most=0)

    assert site.stored("203.0.113.7", *agents(700)) == 700


def test_bots_stay_bots_and_stripped_events_are_kept(
    tmp_path: Path, clock: Clock
) -> None:
    site = Site(tmp_path, clock)
    site.stored("203.0.113.7", *agents(3))
    [agent] = agents(1, first=200)

    bot = site.send("203.0.113.7", "curl/8.5.0")
    stripped = site.send("203.0.113.7", agent, Sec_GPC="1")

    assert isinstance(bot, Dropped)
    assert bot.reason is DropReason.BOT
    assert isinstance(stripped, Event)
    assert stripped.visitor is None


def test_the_lines_of_a_log_have_no_limit(clock: Clock) -> None:
    clients = ClientSource(ProxySettings(new_visitors_per_minute=1), clock)

    got = [clients.client_from_record("203.0.113.7", agent) for agent in agents(9)]

    assert not any(client.is_excess for client in got)


def test_the_counts_are_bounded_and_can_be_cleared(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(new_visitors, "_MOST_COUNTED", 50)
    visitors = NewVisitors(10, clock)

    admitted = [visitors.admit(f"203.0.{n}.7", b"%d" % n) for n in range(200)]

    assert all(admitted)
    assert visitors.counted == 50
    visitors.forget()
    assert visitors.counted == 0

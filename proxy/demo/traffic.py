"""Invented visitors for the demo: past days as log lines, today as native events.

A seeded random generator creates all visitors; none is a real person.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

SITE = "demo"
HOST = "demo.example"
_ORIGIN = f"https://{HOST}"
_DAY_S = 86_400

_PAGES = {
    "/demo/": ("/demo/kettle.html", "/demo/blanket.html", "/demo/guide.html", "/demo/"),
    "/demo/kettle.html": ("/demo/blanket.html", "/demo/cart.html", "/demo/"),
    "/demo/blanket.html": ("/demo/kettle.html", "/demo/cart.html", "/demo/"),
    "/demo/guide.html": ("/demo/kettle.html", "/demo/guide.html", "/demo/"),
    "/demo/cart.html": ("/demo/", "/demo/kettle.html"),
}
_ENTRIES = (
    "/demo/",
    "/demo/",
    "/demo/",
    "/demo/kettle.html",
    "/demo/blanket.html",
    "/demo/guide.html",
)
# Tuples of weight, referrer and query of the entry page.
_ORIGINS = (
    (34, None, ""),
    (26, "https://www.google.com/", ""),
    (6, "https://duckduckgo.com/", ""),
    (4, "https://www.bing.com/", ""),
    (6, "https://chatgpt.com/", ""),
    (7, "https://www.instagram.com/", ""),
    (4, "https://news.ycombinator.com/item", ""),
    (6, None, "?utm_source=newsletter&utm_medium=email&utm_campaign=autumn"),
    (7, "https://www.google.com/", "?gclid=demo&utm_medium=cpc&utm_source=google"),
)
# Tuples of weight, User-Agent and screen.
_AGENTS = (
    (
        32,
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36"
            " (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
        ),
        (1920, 1080),
    ),
    (
        24,
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X)"
            " AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6"
            " Mobile/15E148 Safari/604.1"
        ),
        (393, 852),
    ),
    (
        20,
        (
            "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36"
            " (KHTML, like Gecko) Chrome/156.0.0.0 Mobile Safari/537.36"
        ),
        (412, 915),
    ),
    (
        12,
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15"
            " (KHTML, like Gecko) Version/18.6 Safari/605.1.15"
        ),
        (1512, 982),
    ),
    (
        9,
        "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
        (1440, 900),
    ),
    (
        3,
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        (1024, 768),
    ),
)
_BUYS = 0.6
_GOES_ON = 0.62
_LANGUAGES = ("en-US", "en-GB", "de-DE", "fr-FR", "es-ES", "pt-BR", "ja-JP")


@dataclass(frozen=True, slots=True)
class SampleView:
    """One page view of an invented visitor."""

    at: int
    path: str
    query: str
    referrer: str | None


@dataclass(frozen=True, slots=True)
class SampleVisitor:
    """One invented visitor; its address and agent belong to no real person."""

    address: str
    agent: str
    screen: tuple[int, int]
    language: str
    views: tuple[SampleView, ...]
    order: int | None


def sample_visitors(
    chance: random.Random, start_s: int, end_s: int, count: int
) -> list[SampleVisitor]:
    """Return *count* visitors who arrive between *start_s* and *end_s*, in order."""
    starts = [chance.randrange(start_s, end_s) for _ in range(count)]
    return [_sample_visitor(chance, start) for start in sorted(starts)]


def _sample_visitor(chance: random.Random, start_s: int) -> SampleVisitor:
    agents = [(agent, screen) for _, agent, screen in _AGENTS]
    agent, screen = chance.choices(agents, [weight for weight, *_ in _AGENTS])[0]
    views = tuple(_walk(chance, start_s))
    buys = views[-1].path == "/demo/cart.html" and chance.random() < _BUYS
    return SampleVisitor(
        address=_address(chance),
        agent=agent,
        screen=screen,
        language=chance.choice(_LANGUAGES),
        views=views,
        order=chance.choice((3_900, 5_450, 8_900, 12_800)) if buys else None,
    )


def _walk(chance: random.Random, at: int) -> Iterator[SampleView]:
    _, referrer, query = chance.choices(_ORIGINS, [w for w, *_ in _ORIGINS])[0]
    path = chance.choice(_ENTRIES)
    yield SampleView(at, path, query, referrer)
    while chance.random() < _GOES_ON:
        referrer = _ORIGIN + path
        path = chance.choice(_PAGES[path])
        at += chance.randrange(5, 180)
        yield SampleView(at, path, "", referrer)


def _address(chance: random.Random) -> str:
    # Unicast blocks without the first and the private ones, so that countries vary.
    blocks = [n for n in range(11, 223) if n not in {100, 127, 172, 192}]
    first = chance.choice(blocks)
    rest = (chance.randrange(256), chance.randrange(256), chance.randrange(1, 255))
    return ".".join(map(str, (first, *rest)))


def log_lines(past: list[SampleVisitor]) -> Iterator[str]:
    """Yield the visitors' page views as lines of a combined access log, by time."""
    entries = [(view.at, visitor, view) for visitor in past for view in visitor.views]
    for at, visitor, view in sorted(entries, key=lambda entry: entry[0]):
        stamp = datetime.fromtimestamp(at, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000")
        yield (
            f'{visitor.address} - - [{stamp}] "GET {view.path}{view.query} HTTP/1.1"'
            f' 200 5120 "{view.referrer or "-"}" "{visitor.agent}"\n'
        )


def native_events(visitor: SampleVisitor, number: int) -> list[dict[str, object]]:
    """Return the visitor's native events: page views, engagement and the order."""
    events = [
        _pageview(visitor, view, f"{number}-{i}")
        for i, view in enumerate(visitor.views)
    ]
    for view, next_view in zip(visitor.views, visitor.views[1:], strict=False):
        seconds = min(next_view.at - view.at, 60)
        events.append(_event(view, "engagement", engaged_ms=seconds * 800))
    if visitor.order is not None:
        events.append(_order(visitor.views[-1], visitor.order, number))
    return events


def _event(view: SampleView, name: str, **fields: object) -> dict[str, object]:
    at = datetime.fromtimestamp(view.at, UTC).isoformat()
    url = f"{_ORIGIN}{view.path}{view.query}"
    return {"site": SITE, "name": name, "at": at, "url": url, **fields}


def _pageview(
    visitor: SampleVisitor, view: SampleView, message_id: str
) -> dict[str, object]:
    return _event(
        view,
        "pageview",
        id=message_id,
        referrer=view.referrer,
        lang=visitor.language,
        screen=list(visitor.screen),
    )


def _order(view: SampleView, minor: int, number: int) -> dict[str, object]:
    value = f"{minor // 100}.{minor % 100:02}"
    item = {"product": "kettle", "quantity": 1, "price": value}
    order = {"id": f"D-{number}", "currency": "EUR", "value": value, "items": [item]}
    return _event(view, "order_placed", id=f"{number}-order", order=order)

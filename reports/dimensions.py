"""The dimensions that break figures down or filter them, with their aliases.

Each property that a site allows is a dimension too, such as ``prop:plan``. The names
are those in the rows of ``daily_stats``. Weeks and months are always sums of days.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from config.settings import SiteSettings
from warehouse.figures.prop_names import PROP_PREFIX, prop_dimension


class DimensionScope(StrEnum):
    """What has a single value of the dimension; this decides how figures add up."""

    DAY = "day"
    SESSION = "session"
    EVENT = "event"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dimension:
    """One dimension; ``column`` is the stored column with its values."""

    name: str
    scope: DimensionScope
    column: str
    meaning: str
    aliases: tuple[str, ...] = ()

    @property
    def is_prop(self) -> bool:
        """Whether the values are those of an allowed property."""
        return self.name.startswith(PROP_PREFIX)


def _of_session(
    name: str, meaning: str, *aliases: str, column: str | None = None
) -> Dimension:
    return Dimension(
        name=name,
        scope=DimensionScope.SESSION,
        column=column or name,
        meaning=meaning,
        aliases=aliases,
    )


def _of_event(name: str, column: str, meaning: str, *aliases: str) -> Dimension:
    return Dimension(
        name=name,
        scope=DimensionScope.EVENT,
        column=column,
        meaning=meaning,
        aliases=aliases,
    )


def _of_day(name: str, column: str, meaning: str, *aliases: str) -> Dimension:
    return Dimension(
        name=name,
        scope=DimensionScope.DAY,
        column=column,
        meaning=meaning,
        aliases=aliases,
    )


_ALL = (
    _of_day("day", "day", "The site's local date.", "date", "days"),
    _of_day("week", "day", "Monday of the ISO week.", "weeks"),
    _of_day("month", "day", "The calendar month, such as 2026-11.", "months"),
    _of_event("hour", "at", "The site's local hour, 00 to 23.", "hours"),
    _of_event(
        "hostname", "hostname", "Host of the page.", "hostnames", "host", "hosts"
    ),
    _of_event("page", "path", "Path of the page, without query.", "pages", "path"),
    _of_session(
        "entry_page",
        "Path of the session's first pageview.",
        "entry",
        "entries",
        column="entry_path",
    ),
    _of_session(
        "exit_page",
        "Path of the session's last pageview.",
        "exit",
        "exits",
        column="exit_path",
    ),
    _of_session("referrer", "Host that linked here.", "referrers"),
    _of_session("source", "Name of the session's source.", "sources"),
    _of_session("channel", "Class of the source.", "channels"),
    _of_session("utm_source", "utm_source of the entry."),
    _of_session("utm_medium", "utm_medium of the entry."),
    _of_session("utm_campaign", "utm_campaign of the entry.", "campaign", "campaigns"),
    _of_session("utm_term", "utm_term of the entry.", "term", "terms"),
    _of_session("utm_content", "utm_content of the entry.", "content"),
    _of_session("country", "ISO 3166-1 country.", "countries"),
    _of_session("region", "ISO 3166-2 region, if configured.", "regions"),
    _of_session("browser", "Browser family.", "browsers"),
    _of_session("os", "Operating system family.", "system", "systems"),
    _of_session("device", "Class of device.", "devices"),
    _of_session("screen", "Class of screen width.", "screens"),
    _of_session("language", "Primary language tag.", "languages"),
    _of_event("event", "name", "Name of the event.", "events", "name"),
    _of_event("product", "items", "Product of an event's items.", "products"),
    _of_event(
        "cart_action",
        "cart_action",
        "What an event did to the cart: added or removed.",
        "cart_actions",
    ),
)
# The dimensions of every site; ``dimensions_of`` adds those of its properties.
DIMENSIONS = {dimension.name: dimension for dimension in _ALL}
ALIASES = {alias: dimension.name for dimension in _ALL for alias in dimension.aliases}


def dimensions_of(site: SiteSettings) -> Mapping[str, Dimension]:
    """Return the dimensions of *site* by name, with its allowed properties."""
    names = map(prop_dimension, site.props_allow)
    return DIMENSIONS | {
        name: _of_event(name, "props", "Value of an allowed property.")
        for name in names
    }

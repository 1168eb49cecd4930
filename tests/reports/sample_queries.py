"""Sites and query bodies that several tests of the reports use."""

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from config.settings import SiteSettings
from tests.warehouse.day_frames import CURRENCIES, ZONES

TODAY = date(2026, 11, 22)
SHOP, BLOG = (
    SiteSettings(
        id=site,
        domains=(f"{site}.example",),
        timezone=ZONES[site],
        currency=CURRENCIES[site],
    )
    for site in ("shop", "blog")
)
SITES = {site.id: site for site in (SHOP, BLOG)}


def today(_site: SiteSettings) -> date:
    """Return the fixed date that relative periods refer to."""
    return TODAY


def local_now(site: SiteSettings) -> datetime:
    """Return the last minute of that date on the clock of *site*."""
    return datetime.combine(TODAY, time(23, 59), ZoneInfo(site.timezone))


def body(**changes: object) -> dict[str, object]:
    """Return a valid query body with *changes*."""
    return {"site": "shop", "metrics": ["visitors", "pageviews"], **changes}

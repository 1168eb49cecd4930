"""Every setting with its type, default and meaning: the only list of them.

``config.load`` checks the values: a ``Settings`` that exists is valid. Units are in the
names. Paths are absolute after loading.
"""

from dataclasses import dataclass, field
from typing import Annotated, Literal


@dataclass(frozen=True, slots=True)
class Doc:
    """The one-sentence meaning of a setting or a column; docs are generated from it."""

    text: str


@dataclass(frozen=True, slots=True)
class Limits:
    """The smallest and largest value a number may take."""

    least: int
    most: int


@dataclass(frozen=True, slots=True)
class Format:
    """The name of the check in ``config.checks`` that a text value must pass."""

    name: str


Objection = Literal["strip", "drop", "ignore"]

_YEAR_S = 366 * 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxySettings:
    """The public proxy: where it listens, which headers it trusts, its limits."""

    host: Annotated[str, Doc("Address the proxy listens on.")] = "127.0.0.1"
    port: Annotated[int, Limits(0, 65_535), Doc("Port the proxy listens on.")] = 8080
    workers: Annotated[
        int, Limits(1, 64), Doc("Processes that share the port (SO_REUSEPORT).")
    ] = 1
    path_prefix: Annotated[
        str,
        Format("path_prefix"),
        Doc("Path that the web server forwards to the proxy, such as /stats."),
    ] = ""
    public_url: Annotated[
        str,
        Format("public_url"),
        Doc(
            "URL of path_prefix for browsers, such as https://shop.example/stats, if"
            " neither Host nor X-Forwarded-Host of a trusted proxy shows it."
        ),
    ] = ""
    tag_path: Annotated[
        str, Format("path"), Doc("Path of the tag; you may rename it.")
    ] = "/m.js"
    trusted_proxies: Annotated[
        tuple[str, ...],
        Format("network"),
        Doc("Addresses or networks whose forwarding header is trusted."),
    ] = ()
    client_ip: Annotated[
        str,
        Format("client_ip"),
        Doc(
            "Source of the client address: peer, xff, forwarded or header:NAME;"
            " a header is used only from a trusted proxy."
        ),
    ] = "peer"
    private_clients: Annotated[
        bool,
        Doc(
            "Whether a private address in a header is a visitor's, as in an"
            " intranet; otherwise the address counts as unknown."
        ),
    ] = False
    max_body_bytes: Annotated[
        int, Limits(1_024, 16_777_216), Doc("Larger request bodies get 413.")
    ] = 524_288
    max_inflated_bytes: Annotated[
        int,
        Limits(1_024, 67_108_864),
        Doc("Largest decompressed body of a vendor's client."),
    ] = 4_194_304
    max_events: Annotated[
        int, Limits(1, 100_000), Doc("Most events in one request.")
    ] = 2_500
    request_timeout_s: Annotated[
        int, Limits(1, 300), Doc("Headers and body must arrive within this time.")
    ] = 10
    keepalive_s: Annotated[
        int, Limits(1, 3_600), Doc("An idle connection is closed after this time.")
    ] = 15
    max_connections: Annotated[
        int, Limits(16, 100_000), Doc("Most connections a worker holds at once.")
    ] = 4_096
    new_visitors_per_minute: Annotated[
        int,
        Limits(0, 1_000_000),
        Doc(
            "Most visitors a worker did not know, from one network (IPv4 /24, IPv6 /48)"
            " in a minute; further ones are only counted; 0: no limit."
        ),
    ] = 600
    debug_header: Annotated[
        bool, Doc("Send the drop reason in an X-Millpond header, for testing a site.")
    ] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivacySettings:
    """What is kept about a visitor, and for how long it can be recomputed."""

    salt_store: Annotated[
        str,
        Format("salt_store"),
        Doc(
            "Directory or redis:// URL of the live salts; empty selects a"
            " RAM-backed directory if there is one."
        ),
    ] = ""
    key_dir: Annotated[
        str, Format("directory"), Doc("Directory of the per-site keys for order ids.")
    ] = "data/keys"
    geo: Annotated[
        Literal["country", "region", "none"], Doc("Precision of a visitor's location.")
    ] = "country"
    geo_database: Annotated[
        str, Format("file"), Doc("MMDB file; without it countries are unknown.")
    ] = ""
    gpc: Annotated[Objection, Doc("What Sec-GPC: 1 does to an event.")] = "strip"
    dnt: Annotated[Objection, Doc("What DNT: 1 does to an event.")] = "strip"
    mode: Annotated[Literal["cookieless"], Doc("Privacy mode of the installation.")] = (
        "cookieless"
    )
    query_allow: Annotated[
        tuple[str, ...],
        Format("query_key"),
        Doc("Query keys kept in the stored path; all others are dropped."),
    ] = ()
    referrer: Annotated[Literal["host"], Doc("How much of the referrer is stored.")] = (
        "host"
    )
    late_limit_s: Annotated[
        int,
        Limits(0, 604_800),
        Doc(
            "How old an event may be; an older one is dropped. It keeps its day if that"
            " day's salt exists."
        ),
    ] = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class SpoolSettings:
    """The durable store of accepted events until the batcher has committed them."""

    dir: Annotated[str, Format("directory"), Doc("Directory of the spool.")] = (
        "data/spool"
    )
    fsync_window_ms: Annotated[
        int,
        Limits(0, 1_000),
        Doc("Wait this long for more events before an fsync; 0 is fastest."),
    ] = 0
    segment_max_mb: Annotated[
        int, Limits(1, 1_024), Doc("A segment is sealed at this size.")
    ] = 32
    segment_max_s: Annotated[
        int, Limits(1, 3_600), Doc("A segment is sealed at this age.")
    ] = 10
    max_bytes: Annotated[
        int,
        Limits(1_048_576, 1 << 50),
        Doc("Largest size of the whole spool; beyond it the proxy sends 503."),
    ] = 2_147_483_648


@dataclass(frozen=True, slots=True, kw_only=True)
class WarehouseSettings:
    """The tables' directory, and how long each table keeps its days (0: for ever)."""

    uri: Annotated[str, Format("warehouse"), Doc("Directory of the tables.")] = (
        "data/warehouse"
    )
    engine: Annotated[Literal["local"], Doc("Engine that runs the jobs.")] = "local"
    duplicate_window_days: Annotated[
        int, Limits(1, 366), Doc("A repeated message id is recognised this long.")
    ] = 7
    keep_events_days: Annotated[int, Limits(0, 36_500), Doc("Days of events kept.")] = (
        760
    )
    keep_sessions_days: Annotated[
        int, Limits(0, 36_500), Doc("Days of sessions kept.")
    ] = 760
    keep_daily_stats_days: Annotated[
        int, Limits(0, 36_500), Doc("Days of daily_stats kept.")
    ] = 0
    keep_drops_days: Annotated[
        int, Limits(0, 36_500), Doc("Days of drop counts kept.")
    ] = 0
    value_limit: Annotated[
        int,
        Limits(10, 10_000_000),
        Doc("Most values of one dimension per site and day; the rest is (other)."),
    ] = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class JobsSettings:
    """How often each scheduled job runs."""

    load_every_s: Annotated[
        int, Limits(1, 86_400), Doc("Sealed segments are loaded this often.")
    ] = 15
    build_every_s: Annotated[
        int, Limits(1, 86_400), Doc("sessions and daily_stats are built this often.")
    ] = 30
    compact_every_s: Annotated[
        int, Limits(1, _YEAR_S), Doc("Small files are merged this often.")
    ] = 3_600
    destroy_salts_every_s: Annotated[
        int, Limits(1, 3_600), Doc("Salts of ended dates are destroyed this often.")
    ] = 60
    retain_every_s: Annotated[
        int, Limits(1, _YEAR_S), Doc("Retention runs this often.")
    ] = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportsSettings:
    """The private reports server: dashboard and query API."""

    host: Annotated[str, Doc("Address the reports server listens on.")] = "127.0.0.1"
    port: Annotated[int, Limits(0, 65_535), Doc("Port of the reports server.")] = 8081
    cache_mb: Annotated[
        int, Limits(8, 65_536), Doc("Memory for the cache of daily figures.")
    ] = 512
    query_timeout_s: Annotated[
        int, Limits(1, 3_600), Doc("A query over HTTP is aborted after this time.")
    ] = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteSettings:
    """One measured site."""

    id: Annotated[str, Format("site_id"), Doc("The site's name in tables and reports.")]
    domains: Annotated[
        tuple[str, ...],
        Format("domain"),
        Doc("Hosts of the site; *.example.org includes every subdomain."),
    ]
    timezone: Annotated[
        str, Format("timezone"), Doc("IANA time zone of the site's days.")
    ] = "UTC"
    currency: Annotated[
        str, Format("currency"), Doc("ISO 4217 currency of the site's revenue.")
    ] = "EUR"
    formerly: Annotated[
        tuple[str, ...],
        Format("site_id"),
        Doc("Former ids of the site, the oldest first; their data becomes the site's."),
    ] = ()
    keys: Annotated[
        tuple[str, ...],
        Format("key"),
        Doc("Public keys with which vendors' clients identify this site."),
    ] = ()
    secret_keys: Annotated[
        tuple[str, ...],
        Format("secret_key"),
        Doc("sha256:HEX of the keys that the site's own servers send."),
    ] = ()
    actors: Annotated[
        Literal["off", "daily", "keyed"], Doc("How known customers are pseudonymised.")
    ] = "daily"
    product_id: Annotated[
        Literal["id", "sku"],
        Doc("The code that names a product in the tables, if a line has both."),
    ] = "id"
    props_allow: Annotated[
        tuple[str, ...], Format("prop_key"), Doc("Event properties that are kept.")
    ] = ()
    props_allow_ids: Annotated[
        tuple[str, ...],
        Format("prop_key"),
        Doc("Properties named like an id, such as order_id, kept on purpose."),
    ] = ()
    path_rules: Annotated[
        tuple[str, ...],
        Format("path_rule"),
        Doc("Route templates such as /reset/:token; a :part is stored as its name."),
    ] = ()
    ignore_referrers: Annotated[
        tuple[str, ...],
        Format("domain"),
        Doc(
            "Hosts, with their subdomains, that only bring visitors back, such as your"
            " bank's payment page; the usual ones are known."
        ),
    ] = ()
    hash_routes: Annotated[
        bool,
        Doc(
            "Whether a route in a URL's fragment (#/cart, #!/cart) is part of the path."
        ),
    ] = False
    trailing_slash: Annotated[
        Literal["keep", "remove"],
        Doc("Whether /p/ is stored as it is, or as /p, so that both are one page."),
    ] = "keep"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The whole configuration, checked."""

    proxy: ProxySettings = field(default_factory=ProxySettings)
    privacy: PrivacySettings = field(default_factory=PrivacySettings)
    spool: SpoolSettings = field(default_factory=SpoolSettings)
    warehouse: WarehouseSettings = field(default_factory=WarehouseSettings)
    jobs: JobsSettings = field(default_factory=JobsSettings)
    reports: ReportsSettings = field(default_factory=ReportsSettings)
    sites: tuple[SiteSettings, ...] = ()

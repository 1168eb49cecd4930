"""A location is a country and region; a changed database file never breaks lookups."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import maxminddb
import msgspec
import pytest

from proxy.client.geo import NOWHERE, Geo, GeoError, Grain, Location
from tests.descriptor_limit import no_descriptor_left
from tests.proxy.client.mmdb_files import flat, geoip2, write_mmdb

ROOT = Path(__file__).parents[3]
SHARED = ROOT.parent / "shared" / "data" / "mmdb"

V4 = "203.0.113.77"
V6 = "2001:db8::dead:beef"
EVERYWHERE = ("203.0.113.0/24", "2001:db8::/32")


def one_place(path: Path, record: Any, **options: Any) -> Path:
    return write_mmdb(path, dict.fromkeys(EVERYWHERE, record), **options)


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        pytest.param(geoip2("US", "CA"), Location("US", "US-CA"), id="geoip2"),
        pytest.param(
            geoip2("GB", "ENG", "BKM"), Location("GB", "GB-ENG"), id="two levels"
        ),
        pytest.param(geoip2("SE"), Location("SE"), id="no subdivision"),
        pytest.param(
            {"country": {"iso_code": "FR"}}, Location("FR"), id="country only"
        ),
        pytest.param(
            {"registered_country": {"iso_code": "JP"}}, Location("JP"), id="registered"
        ),
        pytest.param(
            {"country": {"names": {}}, "registered_country": {"iso_code": "JP"}},
            Location("JP"),
            id="country without a code",
        ),
        pytest.param(
            {"represented_country": {"iso_code": "US"}}, NOWHERE, id="represented"
        ),
        pytest.param(flat("DE"), Location("DE"), id="flat"),
        pytest.param(flat("de"), Location("DE"), id="lower case"),
        pytest.param({"country": "NL"}, Location("NL"), id="country is a code"),
        pytest.param(
            {"country": "Netherlands", "country_code": "NL"},
            Location("NL"),
            id="a name",
        ),
        pytest.param(
            flat("US", state1="CA"), Location("US", "US-CA"), id="flat region"
        ),
        pytest.param(
            flat("US", state1="US-CA"), Location("US", "US-CA"), id="ISO region"
        ),
        pytest.param(
            flat("US", region_code="NY"), Location("US", "US-NY"), id="its code"
        ),
        pytest.param(
            flat("US", state1="California"), Location("US"), id="region's name"
        ),
        pytest.param(flat("US", state1=""), Location("US"), id="empty region"),
        pytest.param(
            flat("US", state1="MX-CMX"), Location("US"), id="another's region"
        ),
        pytest.param(
            flat("US", state1=["CA"]), Location("US"), id="region of odd type"
        ),
        pytest.param(
            {"country": {"iso_code": "US"}, "subdivisions": "CA"},
            Location("US"),
            id="subdivisions of odd type",
        ),
        pytest.param(flat("ZZ"), NOWHERE, id="unknown"),
        pytest.param(flat("EU"), NOWHERE, id="no one country"),
        pytest.param(flat("T1"), NOWHERE, id="not a code"),
        pytest.param(flat("DEU"), NOWHERE, id="three letters"),
        pytest.param(flat(""), NOWHERE, id="empty"),
        pytest.param({"country_code": 276}, NOWHERE, id="number"),
        pytest.param({}, NOWHERE, id="empty record"),
        pytest.param("DE", NOWHERE, id="not a map"),
    ],
)
def test_both_schemas_give_iso_codes(
    tmp_path: Path, record: Any, expected: Location
) -> None:
    networks = {**dict.fromkeys(EVERYWHERE, record), "198.51.100.0/24": flat("CH")}
    geo = Geo(write_mmdb(tmp_path / "geo.mmdb", networks), "region")
    got = [geo.location(V4), geo.location(V6)]

    assert got == [expected, expected]


@pytest.mark.parametrize(
    ("grain", "expected"),
    [
        ("region", Location("US", "US-CA")),
        ("country", Location("US")),
        ("none", NOWHERE),
    ],
)
def test_the_location_has_only_the_configured_detail(
    tmp_path: Path, grain: Grain, expected: Location
) -> None:
    geo = Geo(one_place(tmp_path / "geo.mmdb", geoip2("US", "CA")), grain)
    got = msgspec.to_builtins(geo.location(V4))

    assert got == msgspec.to_builtins(expected)
    assert set(got) == {"country", "region"}


@pytest.mark.parametrize(
    ("ip_version", "address", "expected"),
    [
        pytest.param(6, V4, Location("DE"), id="v4 in a v6 file"),
        pytest.param(6, V6, Location("DE"), id="v6 in a v6 file"),
        pytest.param(4, V4, Location("DE"), id="v4 in a v4 file"),
        pytest.param(4, V6, NOWHERE, id="v6 in a v4 file"),
        pytest.param(6, "192.0.2.1", NOWHERE, id="not in the file"),
        pytest.param(6, "127.0.0.1", NOWHERE, id="loopback"),
        pytest.param(6, None, NOWHERE, id="unknown address"),
        pytest.param(6, "nonsense", NOWHERE, id="no address"),
    ],
)
def test_an_address_outside_the_database_has_no_location(
    tmp_path: Path, ip_version: int, address: str | None, expected: Location
) -> None:
    networks = EVERYWHERE if ip_version == 6 else EVERYWHERE[:1]
    path = write_mmdb(
        tmp_path / "geo.mmdb",
        dict.fromkeys(networks, flat("DE")),
        ip_version=ip_version,
    )
    got = Geo(path, "country").location(address)

    assert got == expected


@pytest.mark.parametrize("grain", ["country", "region", "none"])
def test_without_a_database_no_address_has_a_location(grain: Grain) -> None:
    geo = Geo(None, grain)
    geo.forget()

    assert geo.location(V4) == NOWHERE
    assert geo.cached == 0
    assert geo.description is None
    assert not geo.reload_if_changed()


def test_the_description_names_the_database_and_its_date(tmp_path: Path) -> None:
    path = one_place(tmp_path / "geo.mmdb", flat("DE"), database_type="Acme-Country")
    epoch = maxminddb.open_database(path).metadata().build_epoch
    got = Geo(path, "country").description

    assert got == f"Acme-Country, built {datetime.fromtimestamp(epoch, UTC):%Y-%m-%d}"


def test_a_replaced_database_is_loaded_and_clears_the_cache(tmp_path: Path) -> None:
    path = one_place(tmp_path / "geo.mmdb", flat("DE"))
    geo = Geo(path, "country")
    before = (geo.location(V4), geo.reload_if_changed())
    one_place(tmp_path / "new.mmdb", flat("FR"), database_type="New").replace(path)
    after = (geo.reload_if_changed(), geo.location(V4), geo.reload_if_changed())

    assert before == (Location("DE"), False)
    assert after == (True, Location("FR"), False)
    assert (geo.description or "").startswith("New, built ")
    assert geo.problem is None


def test_a_database_written_in_place_is_loaded(tmp_path: Path) -> None:
    path = one_place(tmp_path / "geo.mmdb", flat("DE"))
    geo = Geo(path, "country")
    path.write_bytes(one_place(tmp_path / "new.mmdb", flat("FR")).read_bytes())
    os.utime(path, ns=(0, 0))
    got = (geo.reload_if_changed(), geo.location(V4))

    assert got == (True, Location("FR"))


@pytest.mark.parametrize(
    "break_it",
    [
        pytest.param(lambda path: path.write_bytes(b"\0" * 4_000), id="garbage"),
        pytest.param(lambda path: path.write_bytes(b""), id="empty"),
        pytest.param(
            lambda path: path.write_bytes(path.read_bytes()[:-100]), id="cut short"
        ),
        pytest.param(Path.unlink, id="gone"),
    ],
)
def test_a_broken_new_database_leaves_the_old_one_in_use(
    tmp_path: Path, break_it: Any
) -> None:
    path = one_place(tmp_path / "geo.mmdb", flat("DE"))
    geo = Geo(path, "country")
    break_it(path)
    reloads = [geo.reload_if_changed(), geo.reload_if_changed()]
    problem = geo.problem or ""
    location = geo.location(V4)
    one_place(tmp_path / "new.mmdb", flat("FR")).replace(path)
    mended = (geo.reload_if_changed(), geo.location(V4), geo.problem)

    assert reloads == [False, False]
    assert location == Location("DE")
    assert problem.startswith(f"open geo database {path}: ")
    assert problem.endswith(f"; {geo.description} stays in use")
    assert mended == (True, Location("FR"), None)


def test_a_broken_database_is_read_again_only_after_a_change(tmp_path: Path) -> None:
    path = one_place(tmp_path / "geo.mmdb", flat("DE"))
    good = path.read_bytes()
    geo = Geo(path, "country")
    reloads = []
    for content, changed_at in ((bytes(len(good)), 1), (good, 1), (good, 2)):
        path.write_bytes(content)
        os.utime(path, ns=(0, changed_at))
        reloads.append(geo.reload_if_changed())

    assert reloads == [False, False, True]


READ_AFTER_TRUNCATION = """
import sys
from pathlib import Path
from proxy.client.geo import Geo
path = Path(sys.argv[1])
geo = Geo(path, "country")
path.write_bytes(b"")
print(*(geo.location(f"203.0.113.{number}").country for number in range(3)))
"""


def test_truncating_a_database_in_use_does_not_kill_the_process(tmp_path: Path) -> None:
    path = one_place(tmp_path / "geo.mmdb", flat("DE"))
    process = subprocess.run(
        [sys.executable, "-c", READ_AFTER_TRUNCATION, path],
        cwd=ROOT,
        capture_output=True,
        check=False,
        text=True,
    )

    assert (process.returncode, process.stdout) == (0, "DE DE DE\n")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        pytest.param(None, "No such file or directory", id="missing"),
        pytest.param(b"not a database", "not a valid MMDB file", id="garbage"),
        pytest.param(b"", "not a valid MMDB file", id="empty"),
    ],
)
def test_an_unusable_database_is_refused_at_start(
    tmp_path: Path, content: bytes | None, problem: str
) -> None:
    path = tmp_path / "geo.mmdb"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(GeoError) as caught:
        Geo(path, "country")
    assert caught.value.message == f"open geo database {path}: {problem}"
    assert caught.value.exit_code == 2


def test_a_database_of_another_type_is_refused(tmp_path: Path) -> None:
    path = one_place(tmp_path / "geo.mmdb", {"asn": 64496}, database_type="Acme-ASN")

    with pytest.raises(GeoError, match="Acme-ASN contains no countries"):
        Geo(path, "country")


def test_the_cache_is_bounded_and_can_be_cleared(tmp_path: Path) -> None:
    geo = Geo(one_place(tmp_path / "geo.mmdb", flat("DE")), "country")
    for number in range(10_000):
        geo.location(f"203.0.{number >> 8}.{number & 255}")
    full = geo.cached
    geo.forget()

    assert 0 < full < 10_000
    assert geo.cached == 0


def test_an_error_shows_no_address(tmp_path: Path) -> None:
    geo = Geo(one_place(tmp_path / "geo.mmdb", flat("DE")), "country")
    geo.location(V4)

    assert V4 not in f"{geo!r} {vars(geo)} {geo.description} {geo.problem}"


@pytest.mark.parametrize(
    ("name", "address", "expected"),
    [
        ("GeoIP2-City-Test.mmdb", "2.125.160.216", Location("GB", "GB-ENG")),
        ("GeoIP2-City-Test.mmdb", "89.160.20.112", Location("SE", "SE-E")),
        ("GeoIP2-City-Test.mmdb", "2001:218::1", Location("JP")),
        ("GeoIP2-Country-Test.mmdb", "2.125.160.216", Location("GB")),
        ("GeoLite2-City-Test.mmdb", "2.125.160.216", Location("GB", "GB-ENG")),
        ("GeoLite2-Country-Test.mmdb", "2001:218::1", Location("JP")),
    ],
)
def test_the_test_databases_from_maxmind_are_read(
    name: str, address: str, expected: Location
) -> None:
    if not SHARED.is_dir():
        pytest.skip("MaxMind's test files are not here")
    got = Geo(SHARED / name, "region").location(address)

    assert got == expected


def test_a_new_database_is_loaded_after_an_open_failure(tmp_path: Path) -> None:
    path = one_place(tmp_path / "geo.mmdb", flat("DE"))
    geo = Geo(path, "country")
    one_place(tmp_path / "new.mmdb", flat("FR")).replace(path)
    with no_descriptor_left():
        is_reloaded, problem = geo.reload_if_changed(), geo.problem or ""

    assert not is_reloaded
    assert "Too many open files" in problem
    assert (geo.reload_if_changed(), geo.location(V4)) == (True, Location("FR"))
    assert geo.problem is None

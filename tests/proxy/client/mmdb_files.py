"""Writes small geo databases in both schemas, so that no test needs a real one."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmdb_writer import MMDBWriter
from netaddr import IPSet  # type: ignore[import-untyped] # it ships no types


def write_mmdb(
    path: Path,
    networks: Mapping[str, Any],
    *,
    ip_version: int = 6,
    database_type: str = "Millpond-Test",
) -> Path:
    """Write a database at *path* that holds a record for each network."""
    writer = MMDBWriter(
        ip_version=ip_version,
        ipv4_compatible=ip_version == 6,
        database_type=database_type,
    )
    for network, record in networks.items():
        writer.insert_network(IPSet([network]), record)
    writer.to_db_file(str(path))
    return path


def flat(country: str, **more: Any) -> dict[str, Any]:
    """Return a record of the flat schema."""
    return {"country_code": country, **more}


def geoip2(country: str, *subdivisions: str) -> dict[str, Any]:
    """Return a record of the GeoIP2 schema, with values that must never be stored."""
    return {
        "city": {"names": {"en": "Anytown"}},
        "country": {"iso_code": country, "names": {"en": "Anyland"}},
        "location": {"latitude": 59.3293, "longitude": 18.0686},
        "postal": {"code": "12345"},
        "registered_country": {"iso_code": "XA"},
        "subdivisions": [{"iso_code": code} for code in subdivisions],
    }

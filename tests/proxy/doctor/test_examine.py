"""The doctor checks what its user may read and reports the rest."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from config.settings import PrivacySettings, ProxySettings, Settings, SpoolSettings
from proxy.doctor.examine import examine

_NOBODY = 65_534


@contextmanager
def _an_unprivileged_user() -> Iterator[None]:
    """Run as a user without root rights: root reads everything."""
    ours = os.geteuid()
    if ours == 0:
        os.seteuid(_NOBODY)
    try:
        yield
    finally:
        os.seteuid(ours)


def test_missing_permissions_are_reported_and_other_checks_run(
    tmp_path: Path,
) -> None:
    closed = tmp_path / "closed"
    (closed / "spool").mkdir(parents=True)
    (closed / "salts").mkdir()
    settings = Settings(
        proxy=ProxySettings(port=1),
        privacy=PrivacySettings(salt_store=str(closed / "salts")),
        spool=SpoolSettings(dir=str(closed / "spool")),
    )

    # Examined twice: an unprivileged user may not even import the modules.
    as_owner = [finding.about for finding in examine(settings, None, 0.0)]
    closed.chmod(0)
    with _an_unprivileged_user():
        findings = [
            (finding.level, finding.about) for finding in examine(settings, None, 0.0)
        ]
    closed.chmod(0o700)

    assert ("look", "this user") in findings
    assert findings[-1][1] == as_owner[-1] == "running proxy"
    assert "this user" not in as_owner

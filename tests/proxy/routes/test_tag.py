"""The tag is small, equal for every client, and reads only documented values."""

import gzip
import re
from pathlib import Path

import pytest

from config.settings import ProxySettings
from proxy.routes.minify import compact
from proxy.routes.tag import TAG_HEADERS, tag_script

_ROOT = Path(__file__).parents[3]
_SOURCE = (_ROOT / "proxy/routes/tag.js").read_text("utf-8")
_PAGE = (_ROOT / "docs/tag.md").read_text("utf-8")
_SERVED = tag_script(ProxySettings()).decode()
_TEXT = re.compile(r'"[^"\n]*"')

# The browser objects that the tag may read; docs/tag.md gives the reasons.
_MAY_READ = {
    "crypto.getRandomValues",
    "document.baseURI",
    "document.cookie",
    "document.currentScript",
    "document.documentElement",
    "document.hasFocus",
    "document.hidden",
    "document.prerendering",
    "document.querySelector",
    "document.referrer",
    "location.hash",
    "location.hostname",
    "location.origin",
    "location.pathname",
    "location.search",
    "navigator.language",
    "navigation.addEventListener",
    "performance.now",
    "screen.height",
    "screen.width",
    "window.millpond",
    "window.navigation",
}
_BROWSER_OBJECTS = {name.split(".")[0] for name in _MAY_READ} | {"globalThis", "self"}


def test_the_tag_is_under_one_and_a_half_kilobytes_compressed() -> None:
    assert len(gzip.compress(_SERVED.encode(), mtime=0)) < 1_500


def test_1_000_responses_have_the_same_bytes() -> None:
    got = {tag_script(ProxySettings()) for _ in range(1_000)}

    assert len(got) == 1


def test_the_headers_do_not_identify_visitors() -> None:
    names = {name.lower() for name in TAG_HEADERS}

    assert names.isdisjoint({"etag", "last-modified", "set-cookie", "expires"})
    assert TAG_HEADERS["Cache-Control"] == "public, max-age=3600"


@pytest.mark.parametrize(
    ("tag_path", "expected"),
    [
        pytest.param("/m.js", '"v1/events"', id="as it comes"),
        pytest.param("/x.js", '"v1/events"', id="renamed"),
        pytest.param("/js/x.js", '"../v1/events"', id="one folder down"),
        pytest.param("/js/a/x.js", '"../../v1/events"', id="two folders down"),
    ],
)
def test_the_tag_derives_the_event_path_from_its_own_path(
    tag_path: str, expected: str
) -> None:
    got = tag_script(ProxySettings(tag_path=tag_path)).decode()

    assert re.findall(r'"[./]*v1/events"', got) == [expected]


def test_the_tag_reads_only_listed_values() -> None:
    code = _TEXT.sub('""', _SERVED)
    objects = "|".join(sorted(_BROWSER_OBJECTS))

    assert set(re.findall(rf"\b(?:{objects})\.\w+", code)) == _MAY_READ
    # The tag reads no whole object and no computed name either.
    assert set(re.findall(rf"(?<!\.)\b(?:{objects})\b(?![.:])", code)) == set()


def test_the_tag_documentation_lists_what_the_tag_reads() -> None:
    section = _PAGE.partition("## What it reads")[2].partition("\n## ")[0]

    assert set(re.findall(r"`(\w+\.\w+)`", section)) == _MAY_READ | {
        "history.pushState",
        "history.replaceState",
        "window.innerHeight",
        "window.scrollY",
    }


def test_the_tag_stores_nothing_in_the_browser() -> None:
    assert not re.search(
        r"storage|indexedDB|caches|serviceWorker|\bname=|cookie\s*\+?=[^=]",
        _SERVED,
        re.IGNORECASE,
    )


def test_the_source_follows_the_rules_of_compaction() -> None:
    code = re.sub(r"^\s*//.*$", "", _SOURCE, flags=re.MULTILINE)
    bare = _TEXT.sub('""', code)

    assert [text for text in _TEXT.findall(code) if " " in text] == []
    # No comment but on a line of its own, and no text or pattern over several lines.
    assert not re.search(r"[;,{}()\w]\s+//|/\*|`|'", bare)
    # One name in a declaration: the next one would not be seen as local.
    assert not re.search(r"^\s*(let|const) [^=;({]*,", bare, re.MULTILINE)
    assert compact(_SERVED) == _SERVED


def test_a_page_can_hold_the_tag_in_itself() -> None:
    assert not re.search(r"</|<!--|<script", _SERVED, re.IGNORECASE)

"""The report commands: their output and exit codes."""

import io
import json
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from millpond import run
from tests.processes import free_ports
from tests.reports.sample_queries import body
from tests.reports.sample_tables import answer_query, drop, sample, store
from tests.waiting import wait_until
from warehouse.tables import Warehouse

Captured = pytest.CaptureFixture[str]

_WEEK = "2026-11-16..2026-11-22"
_CONFIG = """\
[warehouse]
uri = "warehouse"

[reports]
port = {port}

[[sites]]
id = "shop"
domains = ["shop.example"]
timezone = "Europe/Berlin"

[[sites]]
id = "blog"
domains = ["blog.example"]
timezone = "America/New_York"
currency = "USD"
"""


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    root = tmp_path_factory.mktemp("millpond") / "warehouse"
    drops = [drop("bot", 1), drop("bot", 4, bot_kind="seo"), drop("duplicate", 1)]
    drops += [drop("unknown_site", 3, site="(unknown)", protocol="segment")]
    return store(root, sample(), drops)


@pytest.fixture
def config(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = warehouse.root.parent / "millpond.toml"
    (port,) = free_ports(1)
    path.write_text(_CONFIG.format(port=port), encoding="utf-8")
    monkeypatch.chdir(path.parent)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    return path


def _run(*words: str) -> int:
    return run(["reports", *words])


@pytest.mark.usefixtures("config")
def test_show_prints_the_first_site_by_page(capsys: Captured) -> None:
    code = _run("show", "--period", _WEEK)

    got = capsys.readouterr()
    lines = got.out.splitlines()
    assert (code, got.err) == (0, "")
    assert lines[0] == "shop  2026-11-16 → 2026-11-22 (7 days)  Europe/Berlin"
    assert any(line.startswith("page ") for line in lines)
    assert lines[-1] == "received 74 = stored 68 + duplicate 1 + dropped 5"


@pytest.mark.usefixtures("config")
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param(
            ["--by", "countries", "--metrics", "visitors,revenue", "--limit", "1"],
            '"country","visitors","value_minor"\r\n"(none)",12,30063\r\n',
            id="aliases",
        ),
        pytest.param(
            ["--by", "page", "--metrics", "visitors", "--where", "country=DE"],
            '"page","visitors"\r\n"/",12\r\n"/boots",6\r\n"/cart",0\r\n',
            id="one value",
        ),
        pytest.param(
            ["--by", "page", "--metrics", "pageviews", "--where", "page~boo,car"],
            '"page","pageviews"\r\n"/boots",20\r\n"/cart",0\r\n',
            id="part of a value",
        ),
        pytest.param(
            [
                *("--by", "source", "--metrics", "visitors"),
                *("--where", "source!=Google", "--where", "country!~E"),
            ],
            '"source","visitors"\r\n"(none)",12\r\n"Mastodon",12\r\n',
            id="excluded values",
        ),
        pytest.param(
            ["--by", "drops"],
            '"reason","count","bot_kind"\r\n"stored",68,""\r\n"duplicate",1,""\r\n'
            '"bot",4,"seo"\r\n"bot",1,"(unknown)"\r\n',
            id="drops",
        ),
        pytest.param(
            ["--site", "blog", "--metrics", "visitors"],
            '"page","visitors"\r\n',
            id="a site without figures",
        ),
    ],
)
def test_show_prints_csv(
    capfdbinary: pytest.CaptureFixture[bytes], options: list[str], expected: str
) -> None:
    code = _run("show", "--period", _WEEK, "--format", "csv", *options)

    assert (code, capfdbinary.readouterr().out.decode()) == (0, expected)


@pytest.mark.usefixtures("config")
@pytest.mark.parametrize("site", ["shop", "blog"])
def test_hits_of_no_site_are_noted_beside_the_csv_of_each_site(
    capfd: pytest.CaptureFixture[str], site: str
) -> None:
    drops = ("show", "--period", _WEEK, "--by", "drops", "--site", site)
    code = _run(*drops, "--format", "csv")

    captured = capfd.readouterr()
    assert code == 0
    assert "unknown_site" not in captured.out
    assert captured.err.splitlines()[-1] == (
        "note: also arrived, for no site: 3 hits with an unknown key or domain"
        " (segment 3); see `millpond proxy doctor`"
    )


@pytest.mark.usefixtures("config")
def test_query_answers_as_the_api_does(
    tmp_path: Path,
    warehouse: Warehouse,
    capfdbinary: pytest.CaptureFixture[bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    raw = body(date_range=_WEEK, dimensions=["page"], totals=True)
    file = tmp_path / "query.json"
    file.write_text(json.dumps(raw), encoding="utf-8")
    stdin = io.TextIOWrapper(io.BytesIO(file.read_bytes()))

    from_file = _run("query", str(file)), json.loads(capfdbinary.readouterr().out)
    monkeypatch.setattr(sys, "stdin", stdin)
    from_stdin = _run("query", "-"), json.loads(capfdbinary.readouterr().out)

    assert from_file == from_stdin == (0, answer_query(warehouse, raw).json())


@pytest.mark.usefixtures("config")
@pytest.mark.parametrize(
    ("words", "message"),
    [
        pytest.param(["show", "--site", "nosuch"], "known: shop, blog", id="site"),
        pytest.param(["show", "--period", "soon"], "date_range: not a", id="period"),
        pytest.param(["show", "--by", "pagge"], "did you mean 'page'?", id="dimension"),
        pytest.param(["show", "--metrics", "x"], "metrics[0]: unknown", id="metric"),
        pytest.param(["show", "--where", "country"], "such as country=DE", id="filter"),
        pytest.param(["show", "--where", "who=me"], "filters[0][1]", id="filter name"),
        pytest.param(["show", "--limit", "0"], "0 is not in the range", id="limit"),
        pytest.param(["show", "--limit", "99999"], "1 to 10,000", id="limit too large"),
        pytest.param(["show", "--format", "xml"], "'xml' is not one of", id="format"),
        pytest.param(
            ["show", "--by", "drops", "--where", "page=/"], "takes no", id="drops"
        ),
        pytest.param(["query", "nosuch.json"], "No such file", id="no file"),
        pytest.param(["query", "millpond.toml"], "must be JSON", id="not JSON"),
    ],
)
def test_a_wrong_query_ends_with_2_and_a_message_on_stderr(
    capsys: Captured, words: list[str], message: str
) -> None:
    code = _run(*words)

    got = capsys.readouterr()
    assert (code, got.out) == (2, "")
    assert message in got.err


def test_help_imports_nothing_heavy() -> None:
    program = (
        "import sys\nfrom millpond import run\nrun(sys.argv[1:])\n"
        "sys.exit(', '.join({'polars', 'deltalake', 'aiohttp', 'rich', 'jinja2'}"
        " & sys.modules.keys()) or 0)"
    )
    completed = subprocess.run(
        [sys.executable, "-c", program, "reports", "show", "--help"],
        check=False,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
    )

    assert (completed.returncode, completed.stderr) == (0, "")


def test_serve_responds_and_stops_in_order(config: Path) -> None:
    port = config.read_text(encoding="utf-8").partition("port = ")[2].split()[0]
    url = f"http://127.0.0.1:{port}"
    server = subprocess.Popen(
        [sys.executable, "-m", "millpond", "reports", "serve", "--config", str(config)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        wait_until(lambda: _response_body(f"{url}/healthz"), "the reports server")
        page = _response_body(f"{url}/?period={_WEEK}")
    finally:
        server.send_signal(signal.SIGTERM)
        out, err = server.communicate(timeout=20)

    assert page is not None
    assert b"<title>shop" in page
    assert (server.returncode, out) == (0, "")
    assert [json.loads(line)["word"] for line in err.splitlines()] == ["listening"]


def _response_body(url: str) -> bytes | None:
    try:
        with urllib.request.urlopen(url, timeout=5) as got:  # noqa: S310 - a local server
            body: bytes = got.read()
            return body
    except OSError:
        return None


@pytest.mark.usefixtures("config")
def test_output_to_a_file_has_no_colour(capsys: Captured) -> None:
    _run("show", "--period", _WEEK)

    assert "\x1b" not in capsys.readouterr().out

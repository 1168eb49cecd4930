"""The configuration commands: their output and exit codes."""

from pathlib import Path

import pytest

from config.load import load
from millpond import run

Captured = pytest.CaptureFixture[str]


def test_init_writes_one_file_that_can_be_loaded(
    tmp_path: Path, capsys: Captured
) -> None:
    directory = tmp_path / "new"
    exit_code = run(["init", str(directory)])
    path = directory / "millpond.toml"

    assert exit_code == 0
    assert list(directory.iterdir()) == [path]
    assert len(load(path, {}).sites) == 1
    assert capsys.readouterr().out.startswith(f"wrote {path}; ")


def test_init_writes_to_the_current_directory_by_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run(["init"])

    assert [path.name for path in tmp_path.iterdir()] == ["millpond.toml"]


def test_init_never_overwrites(tmp_path: Path, capsys: Captured) -> None:
    path = tmp_path / "millpond.toml"
    path.write_text("mine", encoding="utf-8")
    exit_code = run(["init", str(tmp_path)])

    assert exit_code == 2
    assert path.read_text(encoding="utf-8") == "mine"
    assert capsys.readouterr().err == (
        f"millpond: write {path}: the file exists already\n"
        "  hint: remove it, or name another DIR\n"
    )


def test_init_refuses_a_path_that_is_no_directory(
    tmp_path: Path, capsys: Captured
) -> None:
    path = tmp_path / "file"
    path.touch()
    exit_code = run(["init", str(path)])

    assert exit_code == 2
    assert capsys.readouterr().err.startswith(f"millpond: write {path}/millpond.toml: ")


def test_check_of_a_valid_file_prints_fine(capsys: Captured) -> None:
    path = Path(__file__).parents[2] / "config/minimal.toml"
    exit_code = run(["config", "check", "--config", str(path)])

    assert exit_code == 0
    assert capsys.readouterr().out == "config: fine, 1 site\n"


def test_check_names_every_problem_and_ends_with_2(
    tmp_path: Path, capsys: Captured
) -> None:
    path = tmp_path / "millpond.toml"
    path.write_text("[proxy]\nport = -1\n", encoding="utf-8")
    exit_code = run(["config", "check", "--config", str(path)])
    got = capsys.readouterr()

    assert (exit_code, got.out) == (2, "")
    assert got.err == (
        "millpond: config: 2 problems\n"
        "  proxy.port: must be 0 to 65535, got -1\n"
        "  sites: must hold at least one [[sites]] table\n"
    )


def test_show_prints_each_value_with_its_origin(
    tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(["init", str(tmp_path)])
    capsys.readouterr()
    monkeypatch.setenv("MILLPOND__PROXY__PORT", "9000")
    exit_code = run(["config", "show", "--config", str(tmp_path / "millpond.toml")])
    got = capsys.readouterr().out

    assert exit_code == 0
    assert "port = 9000  # environment MILLPOND__PROXY__PORT\n" in got
    assert 'id = "shop"  # file\n' in got

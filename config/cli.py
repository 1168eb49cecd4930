"""Commands that write, check and show the configuration.

Also the options that commands of several packages share, such as ``--config``.
"""

import os
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from config.errors import MillpondError
from config.files import check_owner, naming_foreign_files, owned_places
from config.load import load, read
from config.render import effective, starter
from config.settings import Settings
from config.site_zones import check_zones
from config.warnings import warnings

DEFAULT_FILE = "millpond.toml"


class WriteError(MillpondError):
    """The configuration file cannot be written."""

    exit_code = 2


def _option(
    name: str, callback: Callable[[click.Context, click.Parameter, str], Any]
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    return click.option(
        "--config",
        name,
        metavar="FILE",
        default=DEFAULT_FILE,
        show_default=True,
        callback=callback,
        help="Configuration file.",
    )


def _load(context: click.Context, _: click.Parameter, value: str) -> Settings | None:
    if context.resilient_parsing:
        return None
    return load(Path(value), os.environ)


def settings_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give *command* the option ``--config`` and the loaded ``settings``."""
    return _option("settings", _load)(command)


def writer_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a *command* that writes data ``--config`` and the loaded ``settings``.

    The command runs only as the owner of the data. The check comes first: a refused
    command has created nothing. If the command fails because of another user's file
    in the data directories, the error names that file.
    """

    @wraps(command)
    def run(*args: Any, settings: Settings, **rest: Any) -> Any:
        check_writer(settings)
        with naming_foreign_files(owned_places(settings)):
            return command(*args, settings=settings, **rest)

    return settings_option(run)


def check_writer(settings: Settings) -> None:
    """Raise ``OwnerError`` unless the current command runs as the data's owner."""
    command = click.get_current_context().command_path
    check_owner(owned_places(settings), os.geteuid(), command)


def path_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give *command* the option ``--config`` as the argument ``path``."""
    return _option("path", lambda _context, _parameter, value: Path(value))(command)


def trust_clock_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give *command* the flag ``--trust-clock`` as the argument ``trust_clock``."""
    return click.option(
        "--trust-clock",
        is_flag=True,
        help="Declare, for this run only, that the machine's clock is right.",
    )(command)


@click.command(epilog="\b\nExample:\n  millpond init stats.example")
@click.argument(
    "directory", metavar="[DIR]", default=".", type=click.Path(path_type=Path)
)
def init(directory: Path) -> None:
    """Write a commented millpond.toml to DIR, and nothing else."""
    path = directory / DEFAULT_FILE
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(starter())
    except FileExistsError:
        raise WriteError(
            f"write {path}: the file exists already",
            hint="remove it, or name another DIR",
        ) from None
    except OSError as error:
        raise WriteError(f"write {path}: {error.strerror}") from None
    click.echo(f"wrote {path}; name your site in it, then run `millpond up`")


@click.group(epilog="\b\nExample:\n  millpond config check")
def config() -> None:
    """Check or show the configuration."""


@config.command(epilog="\b\nExample:\n  millpond config check --config millpond.toml")
@settings_option
def check(settings: Settings) -> None:
    """List all problems of the configuration, and what should be looked at."""
    check_zones(settings)
    for warning in warnings(settings):
        click.echo(f"warning: {warning}")
    count = len(settings.sites)
    click.echo(f"config: fine, {count} site{'' if count == 1 else 's'}")


@config.command(epilog="\b\nExample:\n  millpond config show | grep port")
@path_option
def show(path: Path) -> None:
    """Print the effective values as TOML, with their origins; secrets are masked."""
    loaded = read(path, os.environ)
    click.echo(effective(loaded.settings, loaded.origins), nl=False)

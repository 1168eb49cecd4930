"""The front door: one command whose parts are imported only when they are asked for.

It holds no logic. It turns what went wrong into a message and an exit code, and never
prints the text of an error nobody wrote for reading: it may quote a request.
"""

import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import click

from config.descriptors import raise_descriptor_limit
from config.errors import MillpondError
from config.files import FileError, is_of_files
from config.logs import code_location
from config.memory import configure_allocator

UNEXPECTED_EXIT_CODE = 70

# Command: where it lives, and its line in the help; in the order data flows.
PARTS = {
    "init": ("config.cli:init", "Write a commented millpond.toml."),
    "config": ("config.cli:config", "Check or show the configuration."),
    "demo": ("proxy.demo.cli:demo", "Run everything on sample traffic."),
    "up": ("batcher.supervisor.cli:up", "Run everything on this machine."),
    "proxy": ("proxy.cli:proxy", "Receive and anonymize events."),
    "import": ("proxy.history.cli:import_", "Import history from access logs."),
    "batcher": ("batcher.cli:batcher", "Load events and run the jobs."),
    "warehouse": ("warehouse.cli:warehouse", "Build and look after the tables."),
    "reports": ("reports.cli:reports", "Read the figures."),
}


class LazyGroup(click.Group):
    """A group that knows its commands by name and imports one when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the table."""
        del ctx
        return list(PARTS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return the command *cmd_name*."""
        del ctx
        if cmd_name not in PARTS:
            return None
        module, _, name = PARTS[cmd_name][0].partition(":")
        found: click.Command = getattr(import_module(module), name)
        return found

    def format_commands(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        """List the commands without importing any."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in PARTS.items()])


@click.group(cls=LazyGroup, epilog="\b\nExample:\n  millpond init && millpond up")
@click.version_option(package_name="millpond", prog_name="millpond")
def front_door() -> None:
    """Privacy-first web and commerce analytics, on your own machine."""


def run(arguments: Sequence[str]) -> int:
    """Run one command; return its exit code."""
    try:
        result: Any = front_door.main(
            list(arguments), prog_name="millpond", standalone_mode=False
        )
    except MillpondError as error:
        return _told(str(error), error.exit_code)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        return 128 + signal.SIGINT
    except Exception as error:  # noqa: BLE001 - the last door: nothing may quote input
        return _told(*_worded(error))
    return result if isinstance(result, int) else 0


def _worded(error: Exception) -> tuple[str, int]:
    """Return what can be said of an error nobody wrote for reading, and its code."""
    if isinstance(error, OSError) and is_of_files(error):
        refused = FileError(error)
        return str(refused), refused.exit_code
    where = code_location(error.__traceback__)
    message = f"unexpected {type(error).__name__} at {where}"
    return f"{message}\n  hint: report this line", UNEXPECTED_EXIT_CODE


def _told(message: str, exit_code: int) -> int:
    click.echo(f"millpond: {message}", err=True)
    return exit_code


def main() -> None:
    """Run the command the process was started with."""
    # Before any part is imported, and with it what allocates.
    configure_allocator(os.environ)
    # Tables, spools and connections are many files; a soft limit is often 1,024.
    raise_descriptor_limit()
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()

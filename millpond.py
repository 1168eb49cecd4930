"""The command line: one command whose subcommands are imported only when used.

It contains no logic. It turns an error into a message and an exit code. It never prints
the text of an unexpected error, because that text may quote a request.
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
from config.files import FileError, is_file_error, restrict_new_files
from config.logs import code_location
from config.memory import configure_allocator

UNEXPECTED_EXIT_CODE = 70

# Each command with its function and its line in the help, in the order of data flow.
PARTS = {
    "init": ("config.cli:init", "Write a commented millpond.toml."),
    "config": ("config.cli:config", "Check or show the configuration."),
    "demo": ("proxy.demo.cli:demo", "Run everything on sample traffic."),
    "up": ("batcher.supervisor.cli:up", "Run everything on this machine."),
    "proxy": ("proxy.cli:proxy", "Receive and anonymize events."),
    "import": (
        "proxy.history.cli:import_",
        "Import history from access logs and lists of orders.",
    ),
    "batcher": ("batcher.cli:batcher", "Load events and run the jobs."),
    "warehouse": ("warehouse.cli:warehouse", "Build and look after the tables."),
    "reports": ("reports.cli:reports", "Read the figures."),
}


class LazyGroup(click.Group):
    """A group that knows the names of its commands and imports one when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of ``PARTS``."""
        del ctx
        return list(PARTS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return the command *cmd_name*."""
        del ctx
        if cmd_name not in PARTS:
            return None
        module, _, name = PARTS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command

    def format_commands(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        """List the commands without importing any."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in PARTS.items()])


@click.group(cls=LazyGroup, epilog="\b\nExample:\n  millpond init && millpond up")
@click.version_option(package_name="millpond", prog_name="millpond")
def command_line() -> None:
    """Privacy-first web and commerce analytics, on your own machine."""


def run(arguments: Sequence[str]) -> int:
    """Run one command; return its exit code."""
    try:
        result: Any = command_line.main(
            list(arguments), prog_name="millpond", standalone_mode=False
        )
    except MillpondError as error:
        return _print_error(str(error), error.exit_code)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        return 128 + signal.SIGINT
    except Exception as error:  # noqa: BLE001 - the last handler: no text may get out
        return _print_error(*_describe(error))
    return result if isinstance(result, int) else 0


def _describe(error: Exception) -> tuple[str, int]:
    """Return a message without the text of an unexpected error, and an exit code."""
    if isinstance(error, OSError) and is_file_error(error):
        file_error = FileError(error)
        return str(file_error), file_error.exit_code
    where = code_location(error.__traceback__)
    message = f"unexpected {type(error).__name__} at {where}"
    return f"{message}\n  hint: report this line", UNEXPECTED_EXIT_CODE


def _print_error(message: str, exit_code: int) -> int:
    click.echo(f"millpond: {message}", err=True)
    return exit_code


def main() -> None:
    """Run the command that the process was started with."""
    # This must come before any part imports the data libraries and their allocator.
    configure_allocator(os.environ)
    # Tables, spools and connections need many files; the soft limit is often 1,024.
    raise_descriptor_limit()
    restrict_new_files()
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()

"""The options that say how a shop's list is written, for the commands that read one."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Final

import click

_COLUMNS: Final = {
    "id": "Column of the order id.",
    "total": "Column of the total.",
    "currency": "Column of the currency, an ISO 4217 code.",
    "date": "Column of the date.",
    "status": "Column of the order's status.",
    "refunded": "Column of the refunded amount.",
}
_FORMS: Final = (
    click.option(
        "--decimal",
        type=click.Choice(["point", "comma"]),
        help="Decimal separator of the totals; default: as the list shows.",
    ),
    click.option(
        "--dates",
        type=click.Choice(["day-first", "month-first"]),
        help="Meaning of 03/04/2026; default: as the list shows.",
    ),
)


def list_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give *command* ``columns``, ``decimal`` and ``dates``.

    ``columns`` has the names of the columns that the user named, by kind.
    """

    @wraps(command)
    def with_columns(*arguments: Any, **values: Any) -> Any:
        named = {kind: values.pop(f"{kind}_column") for kind in _COLUMNS}
        columns = {kind: name for kind, name in named.items() if name}
        return command(*arguments, columns=columns, **values)

    columns = [
        click.option(f"--{kind}-column", metavar="NAME", help=text)
        for kind, text in _COLUMNS.items()
    ]
    # Click shows first the option that was added last.
    decorated: Callable[..., Any] = with_columns
    for option in reversed([*columns, *_FORMS]):
        decorated = option(decorated)
    return decorated

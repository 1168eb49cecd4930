"""The root of every error Millpond raises on purpose: what was being done, and what to do next."""


class MillpondError(Exception):
    """A problem a person can act on: *message* says what is wrong, *hint* what to do."""

    exit_code = 3

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        """Return the message, and the hint on a line of its own."""
        if self.hint is None:
            return self.message
        return f"{self.message}\n  hint: {self.hint}"


class Retryable:
    """Marks an error that trying again can heal; runners look at the class, not the text."""

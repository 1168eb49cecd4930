"""The error of a cell that cannot be read in exactly one way."""


class UnreadableCellError(ValueError):
    """What is wrong with a cell, without its content, and what to do."""

    def __init__(self, problem: str, hint: str | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.hint = hint

"""The one error that a user sees as a single line."""


class InputError(ValueError):
    """Bad input at a boundary: says what was wrong, the value, and what to do, in one line."""

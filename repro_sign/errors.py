"""The errors this package raises on purpose: one small tree, a class per decision of the caller.

An error never prints, logs or exits. "Not verified" is a verdict, not an error; "could not
find out" is an error.
"""


class ReproSignError(Exception):
    """Base class; catch it to catch them all.

    The message names the thing and what is wrong with it. `hint`, when set, is a separate
    sentence that says what the user can do next.
    """

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class RefusedError(ReproSignError):
    """What was asked for will not be done as things stand (unfit key, wrong passphrase …)."""


class NotServedError(RefusedError):
    """Whoever was asked answers that they do not have the thing: an answer, if not a happy one."""


class UsageError(ReproSignError):
    """The call itself makes no sense: a value that can't be, or two that exclude each other."""


class MalformedError(ReproSignError):
    """Bytes from outside break the rules of their format.

    `code` is the stable word that reports carry.
    """

    def __init__(self, message: str, *, code: str = "malformed", hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.code = code


class NoAnswerError(ReproSignError):
    """It could not be found out: a program is missing, a file unreadable, a limit ran out."""


class ToolNotFoundError(NoAnswerError):
    """An external program is not installed."""

    def __init__(self, tool: str, *, hint: str | None = None) -> None:
        super().__init__(f"{tool} is not on the PATH", hint=hint or f"install {tool}")
        self.tool = tool


class UnreadableError(NoAnswerError):
    """A file or folder could not be read."""

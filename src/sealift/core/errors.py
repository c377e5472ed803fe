"""The one tree of errors. Each says what is wrong and, where there is one, the way out.

The fronts map these classes to exit codes and HTTP statuses, by one table each.
"""


class SealiftError(Exception):
    """Anything Sealift reports to its user on purpose.

    `message` names what is wrong and where; `fix` is what to do about it, often the next command to type.
    """

    def __init__(self, message: str, *, fix: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix


class Invalid(SealiftError):
    """The input is wrong: a flag, a file, a reference, an archive."""


class NotFound(SealiftError):
    """The thing named does not exist."""


class Conflict(SealiftError):
    """The thing exists already, or is in a state that forbids the action."""


class Denied(SealiftError):
    """The caller may not do this: permissions, credentials, policy."""


class Unavailable(SealiftError):
    """Something needed is missing or does not answer: a program, the network, a kernel feature."""


class Corrupt(SealiftError):
    """Bytes are not what they claim to be: a digest, a size or a format does not match."""


class StepFailed(SealiftError):
    """A command inside a container ended with a non-zero exit code."""

    def __init__(self, message: str, *, exit_code: int, fix: str = "") -> None:
        super().__init__(message, fix=fix)
        self.exit_code = exit_code


class StartFailed(SealiftError):
    """The command of a container could not be started. `exit_code` is docker's: 126 when it may not be
    executed, 127 when it does not exist, 125 when the container itself could not be made.
    """

    def __init__(self, message: str, *, exit_code: int = 125, fix: str = "") -> None:
        super().__init__(message, fix=fix)
        self.exit_code = exit_code
        self.cli_exit_code = exit_code

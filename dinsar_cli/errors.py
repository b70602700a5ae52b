"""Errors that a person can act on, and the exit codes of the command line."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from enum import IntEnum
from typing import ClassVar

_LIKENESS = 0.7  # of two words, 0 to 1, from which on one may be meant by the other


class ExitCode(IntEnum):
    """Exit codes of ``dinsar``: the same meaning in every command."""

    OK = 0
    UNEXPECTED = 1
    USAGE = 2
    NO_DATA = 3
    CREDENTIALS = 4
    NETWORK = 5
    ENGINE = 6
    RESOURCES = 7
    OUT_OF_BOUND = 8
    INTERRUPTED = 130


class DinsarError(Exception):
    """An error in three sentences: what happened, why, and what to do about it.

    Parameters
    ----------
    problem : str
        What cannot be done, with the name of the thing (file, option, scene).
    cause : str
        Why, with the value that was found and the one that is needed.
    remedy : str
        What the user can do next.

    Attributes
    ----------
    cure : str
        What the program may try once by itself; empty for nothing.
    details : tuple of str
        Lines to show after the three sentences.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.UNEXPECTED
    cure: str = ""
    details: tuple[str, ...] = ()

    def __init__(self, problem: str, cause: str, remedy: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.cause = cause
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.problem}\n{self.cause}\n{self.remedy}"


class UsageError(DinsarError):
    """An option, a configuration key or an input file is wrong."""

    exit_code = ExitCode.USAGE


class NoDataError(DinsarError):
    """The inputs are readable but cannot give a displacement map."""

    exit_code = ExitCode.NO_DATA


class CredentialsError(DinsarError):
    """An archive does not let the user in."""

    exit_code = ExitCode.CREDENTIALS


class NetworkError(DinsarError):
    """A server cannot be reached, or does not answer as it should."""

    exit_code = ExitCode.NETWORK


class EngineError(DinsarError):
    """The interferometric engine failed or is not installed."""

    exit_code = ExitCode.ENGINE


class ResourceError(DinsarError):
    """Not enough disk or memory."""

    exit_code = ExitCode.RESOURCES


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a question with the known word that is most like another one, and a space after it; else nothing.

    It is the only one that begins as that one does, or else the one with the most letters in the same order.
    """
    names = {name.lower(): name for name in known}
    begin = [name for name in names if word and name.startswith(word.lower())]
    near = begin if len(begin) == 1 else difflib.get_close_matches(word.lower(), names, n=1, cutoff=_LIKENESS)
    return f"Did you mean {names[near[0]]}? " if near else ""

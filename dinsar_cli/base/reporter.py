"""Who is told how a run goes."""

from __future__ import annotations

from typing import Protocol


class Reporter(Protocol):
    """Who is told how the run goes."""

    def note(self, text: str) -> None:
        """Tell a fact."""

    def warn(self, text: str) -> None:
        """Tell a fact that the user should act on or keep in mind."""

    def start(self, stage: str) -> None:
        """Tell that a stage starts."""

    def progress(self, step: str, share: float, left: float | None = None, /) -> None:
        """Tell the step of the stage, how much is done, 0 to 1, and the seconds left when they are known."""

    def end(self, stage: str, seconds: float, *, skipped: bool) -> None:
        """Tell that a stage is done, now or in an earlier run."""

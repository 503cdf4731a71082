"""How far work under a lease is, told to its row in words, a share and an estimate of when it ends."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.utils import timezone

from recommender.services.leases import Lease
from recommender.services.recording import lasting

WRITE_SECONDS = 1.0


class Progress:
    """Writes how far a row of models.leased is, at most once a second; each call asks whether the lease still holds."""

    def __init__(self, lease: Lease) -> None:
        self.lease, self.began, self.written = lease, time.monotonic(), 0.0

    def say(self, words: str, share: float) -> None:
        """`words` for people, `share` from 0 to 1. Raises Cancelled, LeaseLost."""
        self.lease.check()
        if time.monotonic() - self.written < WRITE_SECONDS:
            return
        gone = time.monotonic() - self.began
        finishes = timezone.now() + timedelta(seconds=gone * (1 - share) / share) if share > 0.05 else None
        lasting(lambda: self.lease.write(phase=words[:100], progress=max(0.0, min(1.0, share)), finishes=finishes))
        self.written = time.monotonic()

    def part(self, words: str, low: float, high: float) -> Part:
        return Part(self, words, low, high)


class Part:
    """A stretch of the whole's progress, as `report` of a training or as the progress of an evaluation."""

    def __init__(self, whole: Progress, words: str, low: float, high: float) -> None:
        self.whole, self.words, self.low, self.high = whole, words, low, high

    def progress(self, share: float) -> None:
        self.whole.say(self.words, self.low + min(1.0, max(0.0, share)) * (self.high - self.low))

    def report(self, share: float, metrics: Mapping[str, float], state: Any) -> None:
        self.progress(share)

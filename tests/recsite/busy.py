"""A task that never ends by itself, for tests of killed workers."""

import time
from pathlib import Path

from celery import shared_task


@shared_task
def stay_busy(started: str) -> None:
    Path(started).touch()
    time.sleep(600)

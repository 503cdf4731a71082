import os

# OpenMP threads that spin while they wait for each other take a shared core from the very thread they wait for: beside
# two busy processes a training step took 5 to 7 times as long as with threads that sleep. torch reads this when it is
# loaded, hence here.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

from recsite.celery import app as celery_app

__all__ = ["celery_app"]

import os

# On machines whose cores are shared, OpenMP threads that spin while they wait for each other take the core from the very
# thread they wait for: with two busy neighbours a training step took 5 to 7 times as long as with threads that sleep.
# Read when torch is loaded, hence here.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

from recsite.celery import app as celery_app  # noqa: E402

__all__ = ["celery_app"]

"""Files of examinations, audits and sweeps that no row names: they hold rows about people, so none may stay behind."""

from __future__ import annotations

from explain.models import DisparityAudit, Examination, RemedySweep
from recommender.services.retention import listed, remove_if_old


def prune() -> int:
    """Remove files under runs/*/examinations/, audits/ and sweeps/ whose worker died between writing them and saying
    so; returns how many. Young ones may be just being written."""
    wanted = set(Examination.objects.exclude(path="").values_list("path", flat=True))
    for kind in (DisparityAudit, RemedySweep):
        wanted |= set(kind._default_manager.exclude(path="").values_list("path", flat=True))
    folders = [*(f"runs/{run}/examinations" for run in listed("runs")[0]), "audits", "sweeps"]
    return sum(remove_if_old(f"{folder}/{name}", wanted) for folder in folders for name in listed(folder)[1])

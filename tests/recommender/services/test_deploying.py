"""Only what ended well can serve, and what serves is what was trained on everything."""

from __future__ import annotations

import numpy as np
import pytest
from django.core.files.storage import default_storage

from recommender.exceptions import BadCheckpoint, Conflict
from recommender.models import Catalog, Deployment, Run
from recommender.selectors.dataset import load_dataset
from recommender.selectors.runs import deployed_run
from recommender.services.deploying import deploy_run, load_final
from recommender.services.training import create_run, execute_run
from tests.recommender.builders import blocks
from tests.recommender.services.catalogs import catalog_from

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def films() -> Catalog:
    return catalog_from(blocks())


def trained(catalog: Catalog, algorithm: str) -> Run:
    run = create_run(catalog=catalog, algorithm=algorithm)
    execute_run(run_id=run.pk)
    run.refresh_from_db()
    return run


def test_the_latest_deployment_serves(films: Catalog):
    first, second = trained(films, "popularity"), trained(films, "random")
    for run in (first, second, first):
        deploy_run(run=run)
        assert deployed_run(catalog=films) == run


def test_a_run_that_has_not_ended_well_cannot_serve(films: Catalog):
    run = create_run(catalog=films, algorithm="popularity")
    with pytest.raises(Conflict, match="it is waiting"):
        deploy_run(run=run)
    with pytest.raises(Conflict, match="it is waiting"):
        load_final(run=run)
    assert not Deployment.objects.exists()


def test_the_loaded_recommender_scores_like_one_trained_on_everything(films: Catalog):
    served = load_final(run=trained(films, "ease"))
    dataset = load_dataset(catalog_id=films.pk)
    assert served.items.keys.tolist() == dataset.items.keys.tolist()
    scores = served.model.score(dataset.histories)
    assert scores.shape == (60, 24)
    assert np.isfinite(scores).all()


def test_a_checkpoint_whose_files_are_gone_is_named_as_such(films: Catalog):
    run = trained(films, "popularity")
    default_storage.delete(f"{run.checkpoints.get(purpose='final').path}/weights.safetensors")
    with pytest.raises(BadCheckpoint, match="missing from the storage"):
        load_final(run=run)

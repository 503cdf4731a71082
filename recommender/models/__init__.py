"""Rows: catalogs with their members and keys, people, items, interactions, imports, runs."""

from recommender.models.adapting import Adaptation, AdaptationShard, AdaptedState
from recommender.models.audit import AuditEntry
from recommender.models.catalog import ApiKey, Attribute, Catalog, DataImport, ImportTrace, Membership
from recommender.models.health import HealthReport
from recommender.models.interactions import Impression, Interaction
from recommender.models.items import CatalogueVersion, Item
from recommender.models.measurements import Measurement
from recommender.models.operating import Batch, Retraining, RetrainingPlan
from recommender.models.runs import Checkpoint, Deployment, Run
from recommender.models.text import TextEncoding
from recommender.models.tuning import Study, Trial
from recommender.models.users import EndUser

__all__ = [
    "Adaptation",
    "AdaptationShard",
    "AdaptedState",
    "ApiKey",
    "Attribute",
    "AuditEntry",
    "Batch",
    "Catalog",
    "CatalogueVersion",
    "Checkpoint",
    "DataImport",
    "Deployment",
    "EndUser",
    "HealthReport",
    "ImportTrace",
    "Impression",
    "Interaction",
    "Item",
    "Measurement",
    "Membership",
    "Retraining",
    "RetrainingPlan",
    "Run",
    "Study",
    "TextEncoding",
    "Trial",
]

"""Shapes of explanations over REST."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from explain.services.asking import ABOUT, CHANGES, TARGETS
from recommender.api.fields import ClientIdField, TextField, WholeNumberField
from recommender.api.serializers import Strict


class UnitSerializer(serializers.Serializer[Any]):
    kind = serializers.CharField(help_text="item, older, attribute, context, item_field or word.")
    id = serializers.CharField(help_text="The client’s id of an item, the name of a field.")
    label = serializers.CharField()
    value = serializers.FloatField(help_text="What it adds to the target.")
    error = serializers.FloatField(
        required=False, allow_null=True, help_text="Standard error, where values were sampled."
    )


class MissingSerializer(serializers.Serializer[Any]):
    kind = serializers.CharField()
    id = serializers.CharField()
    label = serializers.CharField()


class BadgeSerializer(serializers.Serializer[Any]):
    level = serializers.ChoiceField(choices=["complete", "approximate", "unreliable", "untested"])
    text = serializers.CharField()


class ChangedFieldSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    before = serializers.JSONField(allow_null=True)
    after = serializers.JSONField(allow_null=True, help_text="Null: not known.")


class NamedSerializer(serializers.Serializer[Any]):
    id = serializers.CharField()
    label = serializers.CharField()


class ChangesSerializer(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=list(CHANGES[1:]))
    found = serializers.BooleanField(allow_null=True, help_text="Null where there was nothing to look for.")
    text = serializers.CharField()
    rank = serializers.FloatField(required=False, allow_null=True, help_text="The place after the changes.")
    smallest = serializers.BooleanField(required=False, help_text="Whether no smaller change does it.")
    tried = serializers.IntegerField(required=False)
    fields_changed = ChangedFieldSerializer(many=True, required=False, help_text="Of kind fields.")
    added = NamedSerializer(many=True, required=False, help_text="Of kind entry: to have met too.")
    removed = NamedSerializer(many=True, required=False, help_text="Of kind entry: never to have met.")


class ExplanationSerializer(serializers.Serializer[Any]):
    run = serializers.IntegerField()
    algorithm = serializers.CharField()
    user = serializers.CharField()
    item = serializers.CharField()
    title = serializers.CharField(allow_blank=True)
    rank = serializers.IntegerField(allow_null=True, help_text="Null where the item is in no list.")
    note = serializers.CharField(allow_blank=True, help_text="What is odd about the item: met already, hidden …")
    method = serializers.CharField()
    methods = serializers.ListField(
        child=serializers.CharField(), help_text="Methods that can explain this and answer at once."
    )
    methods_as_tasks = serializers.ListField(
        child=serializers.CharField(), help_text="Methods that can explain this, but only in bulk or as a command."
    )
    about = serializers.ChoiceField(choices=list(ABOUT), help_text="What `units` asked for.")
    target = serializers.ChoiceField(choices=list(TARGETS))
    other = serializers.CharField(allow_null=True)
    k = serializers.IntegerField()
    prediction = serializers.FloatField()
    baseline = serializers.CharField(help_text="What the values are measured against, in words.")
    baseline_prediction = serializers.FloatField()
    gap = serializers.FloatField(help_text="|Σ values − (prediction − baseline_prediction)|.")
    relative_gap = serializers.FloatField()
    additive = serializers.BooleanField(help_text="Whether the method means its values to sum to the difference.")
    exact = serializers.BooleanField()
    badge = BadgeSerializer()
    units = UnitSerializer(many=True)
    counterfactual = MissingSerializer(many=True, help_text="Without these the item leaves the list of k.")
    counterfactual_found = serializers.BooleanField(allow_null=True)
    counterfactual_rank = serializers.FloatField(required=False, allow_null=True)
    counterfactual_smallest = serializers.BooleanField(required=False, help_text="Whether no smaller set does it.")
    counterfactual_text = serializers.CharField(allow_blank=True)
    changes = ChangesSerializer(required=False, help_text="What `changes` asked for; absent without it.")
    sentence = serializers.CharField(help_text="For the customer.")
    cost = serializers.DictField(child=serializers.FloatField())
    made = serializers.DateTimeField()


class NewExplanationsSerializer(Strict):
    run = WholeNumberField(
        required=False, allow_null=True, min_value=1, max_value=2**53, help_text="Else the deployed."
    )
    users = serializers.ListField(
        child=ClientIdField(), required=False, max_length=10_000, help_text="Else everyone, up to 10,000."
    )
    n = WholeNumberField(required=False, min_value=1, max_value=100, help_text="Items of each list: 10, at most 100.")
    method = TextField(required=False, max_length=50)
    target = serializers.ChoiceField(choices=list(TARGETS), required=False)
    counterfactuals = serializers.BooleanField(required=False)


class ExplanationsSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    run = serializers.IntegerField()
    settings = serializers.DictField()
    status = serializers.CharField()
    phase = serializers.CharField(allow_blank=True)
    progress = serializers.FloatField()
    people = serializers.IntegerField(allow_null=True)
    rows = serializers.IntegerField(allow_null=True)
    refused = serializers.IntegerField(allow_null=True, help_text="Lines that say why something has no explanation.")
    error = serializers.CharField(allow_blank=True)
    file = serializers.URLField(allow_null=True)
    created = serializers.DateTimeField()
    finished = serializers.DateTimeField(allow_null=True)

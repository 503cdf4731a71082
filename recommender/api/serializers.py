"""What goes in and out, declared once: it checks the input and makes the OpenAPI document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

from recommender.algorithms import registry
from recommender.api.fields import (
    ClientIdField,
    FlagField,
    IdentifierField,
    NumberField,
    ObjectField,
    TextField,
    TimeField,
    WholeNumberField,
)
from recommender.models.interactions import KIND_PATTERN

UNKNOWN = "There is no such field. Known: {known}."


class Strict(serializers.Serializer[Any]):
    """Refuses fields nobody reads: a misspelt one would otherwise be lost in silence."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            known = [name for name, field in self.fields.items() if not field.read_only]
            if unknown := [name for name in data if name not in known]:
                message = UNKNOWN.format(known=", ".join(known))
                raise serializers.ValidationError({str(name)[:50]: [message] for name in unknown[:10]})
        return super().to_internal_value(data)


class UserSerializer(Strict):
    id = ClientIdField(source="client_id")
    attributes = ObjectField(required=False, help_text="Any JSON object; declared attributes may become features.")


class ItemSerializer(Strict):
    id = ClientIdField(source="client_id")
    title = TextField(required=False, allow_blank=True, max_length=1000)
    description = TextField(required=False, allow_blank=True, max_length=100_000)
    categories = serializers.ListField(child=TextField(max_length=200), required=False, max_length=100)
    creators = serializers.ListField(child=TextField(max_length=200), required=False, max_length=100)
    year = WholeNumberField(required=False, allow_null=True, min_value=-3000, max_value=3000)
    released = serializers.DateField(required=False, allow_null=True)
    price = NumberField(required=False, allow_null=True, min_value=0)
    image = serializers.URLField(required=False, allow_blank=True, max_length=2000)
    attributes = ObjectField(required=False)
    hidden = FlagField(required=False, help_text="A hidden item is never recommended.")


class EventSerializer(Strict):
    """`kind` is “rating” where a value is given and “view” otherwise; the time is that of arrival."""

    user = ClientIdField()
    item = ClientIdField()
    kind = serializers.RegexField(
        KIND_PATTERN.replace("$", r"\Z"),
        required=False,
        error_messages={"invalid": "A kind has 1 to 32 small letters, digits, _ or -, and begins with a letter."},
    )
    value = NumberField(required=False, allow_null=True)
    time = TimeField(required=False)
    context = ObjectField(required=False, allow_null=True)
    event_id = TextField(required=False, max_length=200, help_text="Your own name for it: sent twice, taken once.")
    recommendation_id = IdentifierField(required=False, allow_null=True, help_text="From the answer it follows.")


class RejectedSerializer(serializers.Serializer[Any]):
    index = serializers.IntegerField()
    field = serializers.CharField()
    message = serializers.CharField()


class EventsAnswerSerializer(serializers.Serializer[Any]):
    accepted = serializers.IntegerField()
    duplicate = serializers.IntegerField()
    rejected = RejectedSerializer(many=True)


class BulkAnswerSerializer(serializers.Serializer[Any]):
    accepted = serializers.IntegerField()
    created = serializers.IntegerField()
    updated = serializers.IntegerField()
    same = serializers.IntegerField()
    rejected = RejectedSerializer(many=True)


class ReasonSerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    because = serializers.ListField(child=serializers.CharField())
    text = serializers.CharField()


class RecommendedSerializer(serializers.Serializer[Any]):
    item = serializers.CharField()
    rank = serializers.IntegerField()
    score = serializers.FloatField()
    reason = ReasonSerializer()


class RemedySerializer(serializers.Serializer[Any]):
    """A remedy against disparities: of what serves, which it is, how hard it tries, and whose lists it changes."""

    name = serializers.CharField()
    strength = serializers.FloatField()
    of = serializers.CharField(help_text="The algorithm whose lists or training it changes.")


class AnswerSerializer(serializers.Serializer[Any]):
    recommendation_id = serializers.UUIDField()
    run = serializers.IntegerField(allow_null=True)
    algorithm = serializers.CharField()
    user = serializers.CharField()
    remedy = RemedySerializer(allow_null=True)
    items = RecommendedSerializer(many=True)


class PlaceSerializer(serializers.Serializer[Any]):
    item = serializers.CharField()
    rank = serializers.IntegerField()
    score = serializers.FloatField()


class ListSerializer(serializers.Serializer[Any]):
    items = PlaceSerializer(many=True)


class SimilarSerializer(ListSerializer):
    item = serializers.CharField()
    by = serializers.ChoiceField(["together", "text"])


class PersonAlikeSerializer(serializers.Serializer[Any]):
    user = serializers.CharField()
    rank = serializers.IntegerField()
    score = serializers.FloatField()


class SimilarPeopleSerializer(serializers.Serializer[Any]):
    user = serializers.CharField()
    users = PersonAlikeSerializer(many=True)


WITHOUT_NUMBER = "A rating needs its number here. Send another kind for an event without one."


class SessionEventSerializer(Strict):
    """`kind` is “rating” where a value is given and “view” otherwise; without times, events happened in their order."""

    item = ClientIdField()
    kind = serializers.RegexField(
        KIND_PATTERN.replace("$", r"\Z"),
        required=False,
        error_messages={"invalid": "A kind has 1 to 32 small letters, digits, _ or -, and begins with a letter."},
    )
    value = NumberField(required=False, allow_null=True)
    time = TimeField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs.get("kind") == "rating" and attrs.get("value") is None:
            raise serializers.ValidationError({"value": WITHOUT_NUMBER})
        return attrs


class SessionSerializer(Strict):
    """What someone unknown did, and what is asked; the rest as in the address of recommendations."""

    events = serializers.ListField(child=SessionEventSerializer(), max_length=1000, allow_empty=True)
    n = WholeNumberField(required=False, min_value=1, max_value=500, help_text="How many items: 10, at most 500.")
    offset = WholeNumberField(required=False, min_value=0, max_value=10_000)
    filter = TextField(required=False, max_length=2000)
    diversity = NumberField(required=False, min_value=0, max_value=1)
    exclude = serializers.ListField(child=ClientIdField(), required=False, max_length=1000)
    run = WholeNumberField(required=False, allow_null=True, min_value=1, max_value=2**53)
    context = ObjectField(required=False, help_text="Names and values, both texts.")
    attributes = ObjectField(required=False, help_text="What is known of the person, as attributes of people are sent.")


class SessionAnswerSerializer(serializers.Serializer[Any]):
    recommendation_id = serializers.UUIDField()
    run = serializers.IntegerField(allow_null=True)
    algorithm = serializers.CharField()
    remedy = RemedySerializer(allow_null=True)
    items = RecommendedSerializer(many=True)
    used = serializers.IntegerField(help_text="How many of the events counted.")
    unknown = serializers.ListField(child=serializers.CharField(), help_text="Ids of items that are not known.")
    too_new = serializers.ListField(
        child=serializers.CharField(), help_text="Items that came after the training and cannot be placed yet."
    )
    repeated = serializers.ListField(
        child=serializers.CharField(), help_text="Items rated more than once; the last rating counted."
    )
    off_scale = serializers.ListField(
        child=serializers.CharField(), help_text="Items rated off the scale; the nearest end of it counted."
    )
    unseen = serializers.ListField(
        child=serializers.CharField(), help_text="Attributes with a value that nobody has; they say nothing."
    )
    unread = serializers.ListField(
        child=serializers.CharField(), help_text="Attributes that recommenders do not read here."
    )


ALGORITHMS = " ".join(
    f"{words}: {', '.join(name for name in registry.ALGORITHMS if ability in registry.abilities(name))}."
    for words, ability in (("Make lists", "ranking"), ("Predict ratings", "rating"))
)


class NewBatchSerializer(Strict):
    run = WholeNumberField(
        required=False, allow_null=True, min_value=1, max_value=2**53, help_text="Else the deployed."
    )
    n = WholeNumberField(required=False, min_value=1, max_value=1000, help_text="Items a person: 10, at most 1,000.")
    format = serializers.ChoiceField(choices=["csv", "jsonl"], required=False)


class BatchSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    run = serializers.IntegerField()
    n = serializers.IntegerField()
    format = serializers.ChoiceField(choices=["csv", "jsonl"])
    status = serializers.CharField()
    phase = serializers.CharField()
    progress = serializers.FloatField()
    people = serializers.IntegerField(allow_null=True)
    rows = serializers.IntegerField(allow_null=True)
    error = serializers.CharField()
    file = serializers.URLField(allow_null=True, help_text="Where the file is, once it is there.")
    created = serializers.DateTimeField()
    finished = serializers.DateTimeField(allow_null=True)


class NewRunSerializer(Strict):
    algorithm = TextField(max_length=32, help_text=ALGORITHMS)
    config = ObjectField(required=False, help_text="Hyperparameters that differ from their defaults.")
    preparation = ObjectField(required=False, help_text="Settings of the preparation that differ from their defaults.")
    seed = WholeNumberField(required=False, min_value=0, max_value=2**31 - 1)


class RunSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    algorithm = serializers.CharField()
    abilities = serializers.ListField(
        child=serializers.ChoiceField(choices=["ranking", "rating"]),
        help_text="What the recommender can do: make lists (ranking), predict ratings (rating), or both.",
    )
    config = serializers.DictField()
    preparation = serializers.DictField()
    preparation_report = serializers.DictField()
    seed = serializers.IntegerField()
    status = serializers.CharField()
    phase = serializers.CharField()
    progress = serializers.FloatField()
    metrics = serializers.DictField()
    people = serializers.IntegerField(allow_null=True)
    error = serializers.CharField()
    created = serializers.DateTimeField()
    started = serializers.DateTimeField(allow_null=True)
    finishes = serializers.DateTimeField(allow_null=True)
    finished = serializers.DateTimeField(allow_null=True)
    deployed = serializers.BooleanField()


class NewTuningSerializer(Strict):
    algorithm = TextField(max_length=32, help_text=ALGORITHMS)
    trials = WholeNumberField(required=False, min_value=1, max_value=1000, help_text="30 unless given.")
    only = serializers.ListField(
        child=TextField(max_length=100), required=False, max_length=100, help_text="Settings to vary; all by default."
    )
    seed = WholeNumberField(required=False, min_value=0, max_value=2**31 - 1)


class BestTrialSerializer(serializers.Serializer[Any]):
    trial = serializers.IntegerField()
    value = serializers.FloatField()
    config = serializers.DictField()


class TuningSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    algorithm = serializers.CharField()
    trials = serializers.IntegerField()
    only = serializers.ListField(child=serializers.CharField())
    seed = serializers.IntegerField()
    metric = serializers.CharField()
    status = serializers.CharField()
    phase = serializers.CharField()
    progress = serializers.FloatField()
    best = BestTrialSerializer(allow_null=True)
    importance = serializers.DictField(child=serializers.FloatField())
    error = serializers.CharField()
    created = serializers.DateTimeField()
    started = serializers.DateTimeField(allow_null=True)
    finishes = serializers.DateTimeField(allow_null=True)
    finished = serializers.DateTimeField(allow_null=True)

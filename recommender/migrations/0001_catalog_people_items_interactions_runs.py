"""Catalogs, people, items, interactions, runs and what serves."""

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.contrib.postgres.search
import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
import pgvector.django.vector
import recommender.models.catalog
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        pgvector.django.VectorExtension(),
        migrations.CreateModel(
            name='Catalog',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(help_text='Part of every address: small letters, digits and hyphens.', max_length=63, unique=True, validators=[django.core.validators.RegexValidator('^[a-z0-9][a-z0-9-]{0,62}\\Z', 'Small letters, digits and hyphens only.'), recommender.models.catalog.refuse_reserved])),
                ('title', models.CharField(blank=True, max_length=200)),
                ('created', models.DateTimeField(auto_now_add=True)),
            ],
            options={
                'ordering': ['name'],
            },
        ),
        migrations.CreateModel(
            name='DataImport',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('source', models.CharField(help_text='The name of what was given.', max_length=500)),
                ('format', models.CharField(blank=True, max_length=16)),
                ('options', models.JSONField(blank=True, default=dict)),
                ('upload', models.CharField(blank=True, help_text='Where the uploaded file waits in the storage.', max_length=500)),
                ('status', models.CharField(choices=[('queued', 'waiting'), ('running', 'running'), ('succeeded', 'done'), ('failed', 'failed')], default='queued', max_length=10)),
                ('progress', models.FloatField(default=0.0)),
                ('phase', models.CharField(blank=True, max_length=100)),
                ('counts', models.JSONField(blank=True, default=dict, help_text='users, items, interactions: read, new, same, rejected.')),
                ('has_clock', models.BooleanField(default=True, help_text='Whether the file says when things happened.')),
                ('rejects', models.CharField(blank=True, help_text='CSV of line, reason and row, in the storage.', max_length=500)),
                ('error', models.TextField(blank=True)),
                ('heartbeat', models.DateTimeField(blank=True, null=True)),
                ('created', models.DateTimeField(auto_now_add=True)),
                ('finished', models.DateTimeField(blank=True, null=True)),
                ('catalog', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='imports', to='recommender.catalog')),
                ('created_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['-created'],
            },
        ),
        migrations.CreateModel(
            name='EndUser',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('client_id', models.CharField(max_length=128, validators=[django.core.validators.RegexValidator('^(?!\\.{1,2}$)[^/\\x00-\\x20\\x7f]([^/\\x00-\\x1f\\x7f]{0,126}[^/\\x00-\\x20\\x7f])?\\Z', 'An id has 1 to 128 characters, without a slash, control characters or spaces at its ends.')], verbose_name='id')),
                ('attributes', models.JSONField(blank=True, default=dict)),
                ('created', models.DateTimeField(auto_now_add=True, db_default=django.db.models.functions.datetime.Now())),
                ('updated', models.DateTimeField(auto_now=True, db_default=django.db.models.functions.datetime.Now())),
                ('catalog', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='users', to='recommender.catalog')),
            ],
            options={
                'verbose_name': 'person',
                'verbose_name_plural': 'people',
            },
        ),
        migrations.CreateModel(
            name='Item',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('client_id', models.CharField(max_length=128, validators=[django.core.validators.RegexValidator('^(?!\\.{1,2}$)[^/\\x00-\\x20\\x7f]([^/\\x00-\\x1f\\x7f]{0,126}[^/\\x00-\\x20\\x7f])?\\Z', 'An id has 1 to 128 characters, without a slash, control characters or spaces at its ends.')], verbose_name='id')),
                ('title', models.CharField(blank=True, db_default='', max_length=1000)),
                ('description', models.TextField(blank=True, db_default='')),
                ('categories', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=200), blank=True, db_default=[], default=list, size=None)),
                ('creators', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=200), blank=True, db_default=[], default=list, size=None)),
                ('year', models.SmallIntegerField(blank=True, null=True)),
                ('released', models.DateField(blank=True, null=True)),
                ('price', models.FloatField(blank=True, null=True)),
                ('image', models.URLField(blank=True, db_default='', max_length=2000, verbose_name='image address')),
                ('attributes', models.JSONField(blank=True, default=dict)),
                ('text_vector', pgvector.django.vector.VectorField(blank=True, dimensions=384, editable=False, null=True)),
                ('hidden', models.BooleanField(db_default=False, default=False, help_text='A hidden item is never recommended.')),
                ('created', models.DateTimeField(auto_now_add=True, db_default=django.db.models.functions.datetime.Now())),
                ('updated', models.DateTimeField(auto_now=True, db_default=django.db.models.functions.datetime.Now())),
                ('catalog', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='items', to='recommender.catalog')),
            ],
        ),
        migrations.CreateModel(
            name='Interaction',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(help_text="rating, view, click, purchase, or a word of the client's own.", max_length=32)),
                ('value', models.FloatField(blank=True, null=True)),
                ('context', models.JSONField(blank=True, null=True)),
                ('time', models.DateTimeField()),
                ('event_key', models.UUIDField(editable=False, help_text="From the client's event id, else from the row and its occurrence.")),
                ('recommendation_id', models.UUIDField(blank=True, null=True)),
                ('received', models.DateTimeField(auto_now_add=True, db_default=django.db.models.functions.datetime.Now())),
                ('catalog', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, to='recommender.catalog')),
                ('data_import', models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, to='recommender.dataimport')),
                ('user', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='interactions', to='recommender.enduser')),
                ('item', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='interactions', to='recommender.item')),
            ],
        ),
        migrations.CreateModel(
            name='Membership',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('created', models.DateTimeField(auto_now_add=True)),
                ('catalog', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to='recommender.catalog')),
                ('login', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.AddField(
            model_name='catalog',
            name='members',
            field=models.ManyToManyField(related_name='catalogs', through='recommender.Membership', to=settings.AUTH_USER_MODEL),
        ),
        migrations.CreateModel(
            name='Run',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('algorithm', models.CharField(max_length=32)),
                ('config', models.JSONField(default=dict)),
                ('seed', models.BigIntegerField(default=0)),
                ('status', models.CharField(choices=[('queued', 'waiting'), ('running', 'running'), ('succeeded', 'done'), ('failed', 'failed'), ('cancelled', 'cancelled')], default='queued', max_length=10)),
                ('phase', models.CharField(blank=True, help_text='What is being done now, in words.', max_length=100)),
                ('progress', models.FloatField(default=0.0)),
                ('finishes', models.DateTimeField(blank=True, null=True, verbose_name='estimated end')),
                ('cancel_requested', models.BooleanField(default=False)),
                ('worker', models.CharField(blank=True, help_text='Who holds the lease.', max_length=200)),
                ('heartbeat', models.DateTimeField(blank=True, null=True)),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('curve', models.JSONField(default=list, help_text='A row per epoch: phase, epoch, metrics, seconds.')),
                ('metrics', models.JSONField(default=dict, help_text='{"ndcg@10": {"value", "low", "high"}, …} on the held-out data.')),
                ('people', models.PositiveIntegerField(blank=True, help_text='How many the metrics are over.', null=True)),
                ('person_metrics', models.CharField(blank=True, help_text='Parquet, a row per person, in the storage.', max_length=500)),
                ('code_version', models.CharField(blank=True, max_length=64)),
                ('data_fingerprint', models.CharField(blank=True, max_length=64)),
                ('durations', models.JSONField(default=dict, help_text='Seconds per phase.')),
                ('peak_memory', models.BigIntegerField(blank=True, null=True, verbose_name='peak memory in bytes')),
                ('error', models.TextField(blank=True, help_text='One line.')),
                ('traceback', models.TextField(blank=True)),
                ('created', models.DateTimeField(auto_now_add=True)),
                ('started', models.DateTimeField(blank=True, null=True)),
                ('finished', models.DateTimeField(blank=True, null=True)),
                ('catalog', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='runs', to='recommender.catalog')),
                ('created_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='Impression',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('items', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), size=None)),
                ('scores', django.contrib.postgres.fields.ArrayField(base_field=models.FloatField(), size=None)),
                ('propensities', django.contrib.postgres.fields.ArrayField(base_field=models.FloatField(), size=None)),
                ('offset', models.PositiveIntegerField(default=0, help_text='Rank of the first item less one.')),
                ('context', models.JSONField(default=dict)),
                ('time', models.DateTimeField()),
                ('catalog', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to='recommender.catalog')),
                ('user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, to='recommender.enduser')),
                ('run', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, to='recommender.run')),
            ],
        ),
        migrations.CreateModel(
            name='Deployment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('created', models.DateTimeField(auto_now_add=True)),
                ('catalog', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='deployments', to='recommender.catalog')),
                ('created_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, to=settings.AUTH_USER_MODEL)),
                ('run', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='deployments', to='recommender.run')),
            ],
            options={
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='Checkpoint',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('purpose', models.CharField(choices=[('resume', 'to continue from'), ('measured', 'measured on held-out data'), ('final', 'trained on everything')], max_length=8)),
                ('phase', models.CharField(blank=True, help_text='Which fit of the run it belongs to.', max_length=20)),
                ('epoch', models.PositiveIntegerField(default=0)),
                ('path', models.CharField(help_text='Folder in the storage.', max_length=500)),
                ('size', models.BigIntegerField(default=0)),
                ('created', models.DateTimeField(auto_now=True)),
                ('run', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='checkpoints', to='recommender.run')),
            ],
        ),
        migrations.CreateModel(
            name='Attribute',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('scope', models.CharField(choices=[('user', 'people'), ('item', 'items')], max_length=4)),
                ('name', models.CharField(max_length=63)),
                ('type', models.CharField(choices=[('category', 'category'), ('categories', 'several categories'), ('number', 'number'), ('text', 'text'), ('flag', 'yes or no')], max_length=10)),
                ('sensitive', models.BooleanField(default=False, help_text='Sensitive attributes are never features unless asked for.')),
                ('feature', models.BooleanField(default=False, help_text='May a recommender learn from it?')),
                ('catalog', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='attributes', to='recommender.catalog')),
            ],
            options={
                'ordering': ['scope', 'name'],
                'constraints': [models.UniqueConstraint(fields=('catalog', 'scope', 'name'), name='attribute_unique'), models.CheckConstraint(condition=models.Q(('scope__in', ['user', 'item'])), name='attribute_scope_known'), models.CheckConstraint(condition=models.Q(('type__in', ['category', 'categories', 'number', 'text', 'flag'])), name='attribute_type_known')],
            },
        ),
        migrations.CreateModel(
            name='ApiKey',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=100)),
                ('prefix', models.CharField(help_text='The first characters, to tell keys apart.', max_length=12, unique=True)),
                ('digest', models.CharField(editable=False, max_length=64, unique=True)),
                ('scope', models.CharField(choices=[('read', 'read'), ('write', 'read and write events and catalogue'), ('manage', 'also runs and deployment')], max_length=6)),
                ('creates_unknown', models.BooleanField(default=True, help_text='Else an event that names an unknown id is rejected.', verbose_name='creates unknown people and items')),
                ('created', models.DateTimeField(auto_now_add=True)),
                ('last_used', models.DateTimeField(blank=True, null=True)),
                ('revoked', models.DateTimeField(blank=True, null=True)),
                ('created_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, to=settings.AUTH_USER_MODEL)),
                ('catalog', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='keys', to='recommender.catalog')),
            ],
            options={
                'ordering': ['-created'],
                'constraints': [models.CheckConstraint(condition=models.Q(('scope__in', ['read', 'write', 'manage'])), name='api_key_scope_known')],
            },
        ),
        migrations.AddConstraint(
            model_name='dataimport',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ['queued', 'running', 'succeeded', 'failed'])), name='import_status_known'),
        ),
        migrations.AddConstraint(
            model_name='dataimport',
            constraint=models.CheckConstraint(condition=models.Q(('progress__range', (0, 1))), name='import_progress_range'),
        ),
        migrations.AddIndex(
            model_name='enduser',
            index=django.contrib.postgres.indexes.GinIndex(fields=['attributes'], name='user_attributes'),
        ),
        migrations.AddConstraint(
            model_name='enduser',
            constraint=models.UniqueConstraint(fields=('catalog', 'client_id'), name='user_client_id_unique'),
        ),
        migrations.AddConstraint(
            model_name='enduser',
            constraint=models.UniqueConstraint(fields=('catalog', 'id'), name='user_catalog_id_unique'),
        ),
        migrations.AddConstraint(
            model_name='enduser',
            constraint=models.CheckConstraint(condition=models.Q(('client_id__regex', '^[^/\\x01-\\x20\\x7f]([^/\\x01-\\x1f\\x7f]{0,126}[^/\\x01-\\x20\\x7f])?$'), models.Q(('client_id__in', ['.', '..']), _negated=True)), name='user_client_id_well_formed'),
        ),
        migrations.AddIndex(
            model_name='item',
            index=django.contrib.postgres.indexes.GinIndex(fields=['categories'], name='item_categories'),
        ),
        migrations.AddIndex(
            model_name='item',
            index=django.contrib.postgres.indexes.GinIndex(fields=['attributes'], name='item_attributes'),
        ),
        migrations.AddIndex(
            model_name='item',
            index=django.contrib.postgres.indexes.GinIndex(django.contrib.postgres.search.SearchVector('title', config='simple'), name='item_title_words'),
        ),
        migrations.AddIndex(
            model_name='item',
            index=models.Index(condition=models.Q(('hidden', True)), fields=['catalog'], name='item_hidden'),
        ),
        migrations.AddConstraint(
            model_name='item',
            constraint=models.UniqueConstraint(fields=('catalog', 'client_id'), name='item_client_id_unique'),
        ),
        migrations.AddConstraint(
            model_name='item',
            constraint=models.UniqueConstraint(fields=('catalog', 'id'), name='item_catalog_id_unique'),
        ),
        migrations.AddConstraint(
            model_name='item',
            constraint=models.CheckConstraint(condition=models.Q(('client_id__regex', '^[^/\\x01-\\x20\\x7f]([^/\\x01-\\x1f\\x7f]{0,126}[^/\\x01-\\x20\\x7f])?$'), models.Q(('client_id__in', ['.', '..']), _negated=True)), name='item_client_id_well_formed'),
        ),
        migrations.AddConstraint(
            model_name='item',
            constraint=models.CheckConstraint(condition=models.Q(('year__range', (-3000, 3000))), name='item_year_range'),
        ),
        migrations.AddConstraint(
            model_name='item',
            constraint=models.CheckConstraint(condition=models.Q(('price__gte', 0)), name='item_price_range'),
        ),
        migrations.AddIndex(
            model_name='interaction',
            index=models.Index(fields=['user', 'time', 'id'], name='interaction_history'),
        ),
        migrations.AddConstraint(
            model_name='interaction',
            constraint=models.UniqueConstraint(fields=('catalog', 'event_key'), name='interaction_event_key_unique'),
        ),
        migrations.AddConstraint(
            model_name='interaction',
            constraint=models.CheckConstraint(condition=models.Q(('kind__regex', '^[a-z][a-z0-9_-]{0,31}\\Z')), name='interaction_kind_well_formed'),
        ),
        migrations.AddConstraint(
            model_name='membership',
            constraint=models.UniqueConstraint(fields=('catalog', 'login'), name='membership_unique'),
        ),
        migrations.AddConstraint(
            model_name='catalog',
            constraint=models.CheckConstraint(condition=models.Q(('name__regex', '^[a-z0-9][a-z0-9-]{0,62}\\Z'), models.Q(('name__in', ['accounts', 'admin', 'api', 'catalogs', 'health', 'help', 'imports', 'jsi18n', 'login', 'logout', 'media', 'metrics', 'new', 'schema', 'static']), _negated=True)), name='catalog_name_well_formed'),
        ),
        migrations.AddIndex(
            model_name='run',
            index=models.Index(fields=['catalog', '-id'], name='run_latest'),
        ),
        migrations.AddIndex(
            model_name='run',
            index=models.Index(condition=models.Q(('status__in', ['queued', 'running'])), fields=['status'], name='run_live'),
        ),
        migrations.AddConstraint(
            model_name='run',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ['queued', 'running', 'succeeded', 'failed', 'cancelled'])), name='run_status_known'),
        ),
        migrations.AddConstraint(
            model_name='run',
            constraint=models.CheckConstraint(condition=models.Q(('progress__range', (0, 1))), name='run_progress_range'),
        ),
        migrations.AddIndex(
            model_name='impression',
            index=models.Index(fields=['catalog', 'time'], name='impression_time'),
        ),
        migrations.AddConstraint(
            model_name='impression',
            constraint=models.CheckConstraint(condition=models.Q(('items__len', models.F('scores__len')), ('scores__len', models.F('propensities__len'))), name='impression_arrays_equal'),
        ),
        migrations.AddIndex(
            model_name='deployment',
            index=models.Index(fields=['catalog', '-id'], name='deployment_latest'),
        ),
        migrations.AddConstraint(
            model_name='checkpoint',
            constraint=models.UniqueConstraint(fields=('run', 'purpose'), name='checkpoint_unique'),
        ),
        migrations.AddConstraint(
            model_name='checkpoint',
            constraint=models.CheckConstraint(condition=models.Q(('purpose__in', ['resume', 'measured', 'final'])), name='checkpoint_purpose_known'),
        ),
    ]

"""Imports that are previewed and undone, runs that prepare their data."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('recommender', '0004_attributes_are_objects'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='ImportTrace',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('scope', models.CharField(choices=[('user', 'people'), ('item', 'items')], max_length=4)),
                ('key', models.BigIntegerField(help_text='Database key of the person or item.')),
                ('before', models.JSONField(help_text='Values that were there, by column.', null=True)),
                ('after', models.JSONField(help_text='Values that the import put in their place.', null=True)),
            ],
        ),
        migrations.RemoveConstraint(
            model_name='dataimport',
            name='import_status_known',
        ),
        migrations.AddField(
            model_name='dataimport',
            name='aim',
            field=models.CharField(choices=[('preview', 'say what it would do'), ('import', 'put in'), ('undo', 'take back')], default='import', help_text='What a worker is to do with it.', max_length=7),
        ),
        migrations.AddField(
            model_name='dataimport',
            name='cancel_requested',
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name='dataimport',
            name='preview',
            field=models.JSONField(blank=True, default=dict, help_text='First rows, meaning of columns and what it would do; kept until decided.'),
        ),
        migrations.AddField(
            model_name='run',
            name='preparation',
            field=models.JSONField(blank=True, default=dict, help_text='How the data are prepared; {} leaves all as is.'),
        ),
        migrations.AddField(
            model_name='run',
            name='preparation_report',
            field=models.JSONField(blank=True, default=dict, help_text='What that did: before and after, by step.'),
        ),
        migrations.AlterField(
            model_name='dataimport',
            name='status',
            field=models.CharField(choices=[('queued', 'waiting'), ('running', 'running'), ('previewed', 'to be confirmed'), ('succeeded', 'done'), ('failed', 'failed'), ('cancelled', 'cancelled'), ('undone', 'undone')], default='queued', max_length=10),
        ),
        migrations.AddConstraint(
            model_name='dataimport',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ['queued', 'running', 'previewed', 'succeeded', 'failed', 'cancelled', 'undone'])), name='import_status_known'),
        ),
        migrations.AddField(
            model_name='importtrace',
            name='data_import',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='traces', to='recommender.dataimport'),
        ),
        migrations.AddIndex(
            model_name='importtrace',
            index=models.Index(fields=['scope', 'key'], name='import_trace_of'),
        ),
        migrations.AddConstraint(
            model_name='importtrace',
            constraint=models.CheckConstraint(condition=models.Q(('scope__in', ['user', 'item'])), name='import_trace_scope_known'),
        ),
    ]

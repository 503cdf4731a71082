"""Measurements of runs under other protocols."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('recommender', '0009_parents_of_runs'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name='run',
            name='details',
            field=models.JSONField(blank=True, default=dict, help_text='What belongs to the metrics: threshold, reliability table.'),
        ),
        migrations.CreateModel(
            name='Measurement',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('protocol', models.CharField(max_length=20)),
                ('shots', models.PositiveSmallIntegerField(blank=True, help_text='What is known of a new person or item.', null=True)),
                ('status', models.CharField(choices=[('queued', 'waiting'), ('running', 'running'), ('succeeded', 'done'), ('failed', 'failed'), ('cancelled', 'cancelled')], default='queued', max_length=10)),
                ('phase', models.CharField(blank=True, max_length=100)),
                ('progress', models.FloatField(default=0.0)),
                ('finishes', models.DateTimeField(blank=True, null=True, verbose_name='estimated end')),
                ('cancel_requested', models.BooleanField(default=False)),
                ('worker', models.CharField(blank=True, help_text='Who holds the lease.', max_length=200)),
                ('heartbeat', models.DateTimeField(blank=True, null=True)),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('metrics', models.JSONField(default=dict, help_text='{"ndcg@10": {"value", "low", "high"}, …}')),
                ('details', models.JSONField(default=dict, help_text='Threshold, calibration, reliability table, figures of folds.')),
                ('people', models.PositiveIntegerField(blank=True, null=True)),
                ('person_metrics', models.CharField(blank=True, help_text='Parquet, a row per person.', max_length=500)),
                ('error', models.TextField(blank=True)),
                ('traceback', models.TextField(blank=True)),
                ('created', models.DateTimeField(auto_now_add=True)),
                ('started', models.DateTimeField(blank=True, null=True)),
                ('finished', models.DateTimeField(blank=True, null=True)),
                ('created_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, to=settings.AUTH_USER_MODEL)),
                ('run', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='measurements', to='recommender.run')),
            ],
            options={
                'ordering': ['-id'],
                'constraints': [models.CheckConstraint(condition=models.Q(('status__in', ['queued', 'running', 'succeeded', 'failed', 'cancelled'])), name='measurement_status_known'), models.CheckConstraint(condition=models.Q(('progress__range', (0, 1))), name='measurement_progress_range')],
            },
        ),
    ]

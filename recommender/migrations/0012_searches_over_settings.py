"""Searches over settings, with their trials."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('recommender', '0011_health_reports'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Study',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('algorithm', models.CharField(max_length=32)),
                ('wanted', models.PositiveSmallIntegerField(help_text='Trials to make.')),
                ('only', models.JSONField(blank=True, default=list, help_text='Names of the settings to vary; [] varies all.')),
                ('metric', models.CharField(default='ndcg@10', help_text="On the validation's answers.", max_length=20)),
                ('seed', models.BigIntegerField(default=0)),
                ('status', models.CharField(choices=[('queued', 'waiting'), ('running', 'running'), ('succeeded', 'done'), ('failed', 'failed'), ('cancelled', 'cancelled')], default='queued', max_length=10)),
                ('phase', models.CharField(blank=True, max_length=100)),
                ('progress', models.FloatField(default=0.0)),
                ('finishes', models.DateTimeField(blank=True, null=True, verbose_name='estimated end')),
                ('cancel_requested', models.BooleanField(default=False)),
                ('worker', models.CharField(blank=True, help_text='Who holds the lease.', max_length=200)),
                ('heartbeat', models.DateTimeField(blank=True, null=True)),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('bounds', models.JSONField(blank=True, help_text='The newest rows it learns from.', null=True)),
                ('features', models.JSONField(default=dict, help_text='What the data are like: logarithms of sizes, Gini.')),
                ('importance', models.JSONField(default=dict, help_text='Share of each setting in how results differ.')),
                ('error', models.TextField(blank=True)),
                ('traceback', models.TextField(blank=True)),
                ('created', models.DateTimeField(auto_now_add=True)),
                ('started', models.DateTimeField(blank=True, null=True)),
                ('finished', models.DateTimeField(blank=True, null=True)),
                ('catalog', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='studies', to='recommender.catalog')),
                ('created_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name_plural': 'studies',
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='Trial',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveSmallIntegerField(help_text='From 1.')),
                ('origin', models.CharField(choices=[('default', 'the defaults'), ('alike', 'best on data that look alike'), ('search', 'proposed by the search')], default='search', max_length=8)),
                ('state', models.CharField(choices=[('running', 'under way'), ('done', 'done'), ('pruned', 'ended early'), ('failed', 'failed')], default='running', max_length=8)),
                ('config', models.JSONField(help_text='All settings, as a run takes them.')),
                ('found', models.JSONField(help_text='Values in the scales of the search.')),
                ('value', models.FloatField(blank=True, help_text='The metric on validation.', null=True)),
                ('curve', models.JSONField(default=list, help_text='The metric as training reported it.')),
                ('seconds', models.FloatField(blank=True, null=True)),
                ('error', models.TextField(blank=True, help_text='One line.')),
                ('created', models.DateTimeField(auto_now_add=True)),
                ('study', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='trials', to='recommender.study')),
            ],
            options={
                'ordering': ['study', 'number'],
            },
        ),
        migrations.AddConstraint(
            model_name='study',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ['queued', 'running', 'succeeded', 'failed', 'cancelled'])), name='study_status_known'),
        ),
        migrations.AddConstraint(
            model_name='study',
            constraint=models.CheckConstraint(condition=models.Q(('progress__range', (0, 1))), name='study_progress_range'),
        ),
        migrations.AddConstraint(
            model_name='trial',
            constraint=models.UniqueConstraint(fields=('study', 'number'), name='trial_unique'),
        ),
        migrations.AddConstraint(
            model_name='trial',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['running', 'done', 'pruned', 'failed'])), name='trial_state_known'),
        ),
    ]

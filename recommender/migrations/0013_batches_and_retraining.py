"""Lists for everyone as files, and retraining by night."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('recommender', '0012_searches_over_settings'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Batch',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('n', models.PositiveIntegerField(default=10, help_text='Items a person.')),
                ('format', models.CharField(choices=[('csv', 'CSV'), ('jsonl', 'JSON lines')], default='csv', max_length=5)),
                ('status', models.CharField(choices=[('queued', 'waiting'), ('running', 'running'), ('succeeded', 'done'), ('failed', 'failed'), ('cancelled', 'cancelled')], default='queued', max_length=10)),
                ('phase', models.CharField(blank=True, max_length=100)),
                ('progress', models.FloatField(default=0.0)),
                ('finishes', models.DateTimeField(blank=True, null=True, verbose_name='estimated end')),
                ('cancel_requested', models.BooleanField(default=False)),
                ('worker', models.CharField(blank=True, help_text='Who holds the lease.', max_length=200)),
                ('heartbeat', models.DateTimeField(blank=True, null=True)),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('people', models.PositiveIntegerField(blank=True, null=True)),
                ('rows', models.PositiveBigIntegerField(blank=True, null=True)),
                ('path', models.CharField(blank=True, help_text='The file in the storage.', max_length=500)),
                ('error', models.TextField(blank=True, help_text='One line.')),
                ('created', models.DateTimeField(auto_now_add=True)),
                ('started', models.DateTimeField(blank=True, null=True)),
                ('finished', models.DateTimeField(blank=True, null=True)),
                ('catalog', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='batches', to='recommender.catalog')),
                ('created_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, to=settings.AUTH_USER_MODEL)),
                ('run', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='batches', to='recommender.run')),
            ],
            options={
                'ordering': ['-id'],
                'constraints': [models.CheckConstraint(condition=models.Q(('status__in', ['queued', 'running', 'succeeded', 'failed', 'cancelled'])), name='batch_status_known'), models.CheckConstraint(condition=models.Q(('progress__range', (0, 1))), name='batch_progress_range')],
            },
        ),
        migrations.CreateModel(
            name='Retraining',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('decision', models.CharField(choices=[('open', 'not decided yet'), ('deployed', 'put into service'), ('kept', 'the one before stays')], default='open', max_length=8)),
                ('reason', models.CharField(blank=True, help_text='One line, for people.', max_length=500)),
                ('created', models.DateTimeField(auto_now_add=True)),
                ('decided', models.DateTimeField(blank=True, null=True)),
                ('against', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='recommender.run')),
                ('catalog', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='retrainings', to='recommender.catalog')),
                ('run', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='recommender.run')),
            ],
            options={
                'ordering': ['-id'],
                'constraints': [models.CheckConstraint(condition=models.Q(('decision__in', ['open', 'deployed', 'kept'])), name='retraining_decision_known')],
            },
        ),
        migrations.CreateModel(
            name='RetrainingPlan',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('on', models.BooleanField(default=False)),
                ('hour', models.PositiveSmallIntegerField(default=3)),
                ('last', models.DateField(blank=True, help_text='The day on which it was last begun.', null=True)),
                ('catalog', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='retraining_plan', to='recommender.catalog')),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('hour__lte', 23)), name='retraining_hour_range')],
            },
        ),
    ]

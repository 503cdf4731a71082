"""A kept report on the health of each catalog's data."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('recommender', '0010_measurements'),
    ]

    operations = [
        migrations.CreateModel(
            name='HealthReport',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('stamp', models.CharField(blank=True, help_text='The state of the data that it is about.', max_length=100)),
                ('content', models.JSONField(blank=True, null=True)),
                ('seconds', models.FloatField(blank=True, null=True)),
                ('requested', models.DateTimeField(blank=True, null=True)),
                ('computed', models.DateTimeField(blank=True, null=True)),
                ('error', models.TextField(blank=True)),
                ('catalog', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='health_report', to='recommender.catalog')),
            ],
        ),
    ]

"""Traces of imports are not checked against imports by the database."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('recommender', '0013_batches_and_retraining'),
    ]

    operations = [
        migrations.AlterField(
            model_name='importtrace',
            name='data_import',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='traces', to='recommender.dataimport'),
        ),
    ]

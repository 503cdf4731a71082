"""Runs that other runs are made of."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('recommender', '0008_text_vectors'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='checkpoint',
            name='checkpoint_purpose_known',
        ),
        migrations.AddField(
            model_name='run',
            name='bounds',
            field=models.JSONField(blank=True, help_text='The newest rows it learns from: {"user", "item", "interaction"}.', null=True),
        ),
        migrations.AddField(
            model_name='run',
            name='made_for',
            field=models.ForeignKey(blank=True, help_text='The run that asked for this one as its parent.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='made', to='recommender.run'),
        ),
        migrations.AddField(
            model_name='run',
            name='parents',
            field=models.ManyToManyField(blank=True, help_text='Runs of the recommenders that this one is made of.', related_name='children', to='recommender.run'),
        ),
        migrations.AlterField(
            model_name='checkpoint',
            name='purpose',
            field=models.CharField(choices=[('resume', 'to continue from'), ('choosing', 'while validation chose'), ('measured', 'measured on held-out data'), ('final', 'trained on everything')], max_length=8),
        ),
        migrations.AddConstraint(
            model_name='checkpoint',
            constraint=models.CheckConstraint(condition=models.Q(('purpose__in', ['resume', 'choosing', 'measured', 'final'])), name='checkpoint_purpose_known'),
        ),
    ]

"""An endpoint may be a group of hosts: its address, or its path, names each of them."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("lifecycle", "0009_seeds_of_machines"),
    ]

    operations = [
        migrations.AlterField(
            model_name="endpoint",
            name="address",
            field=models.CharField(blank=True, max_length=4000, verbose_name="address"),
        ),
        migrations.AlterField(
            model_name="endpoint",
            name="path",
            field=models.CharField(blank=True, max_length=4000, verbose_name="path"),
        ),
    ]

"""What machines are told at their first start: user data sealed in rows that go, the rest with the request."""

import uuid

import django.db.models.deletion
from django.db import migrations, models

import lifecycle.estate.secrets


class Migration(migrations.Migration):
    dependencies = [
        ("lifecycle", "0008_ssh_keys_of_people"),
    ]

    operations = [
        migrations.AddField(
            model_name="blueprint",
            name="cloud_init",
            field=models.BooleanField(default=False, verbose_name="its image runs cloud-init"),
        ),
        migrations.AddField(
            model_name="request",
            name="hostname",
            field=models.CharField(blank=True, max_length=63, verbose_name="host name"),
        ),
        migrations.AddField(
            model_name="request",
            name="ssh_keys",
            field=models.JSONField(default=list, verbose_name="SSH keys"),
        ),
        migrations.AddField(
            model_name="request",
            name="user_data_bytes",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="request",
            name="user_data_lines",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AlterField(
            model_name="operation",
            name="kind",
            field=models.CharField(
                choices=[
                    ("create", "Make the machine"),
                    ("power_on", "Start"),
                    ("shutdown", "Shut down"),
                    ("power_off", "Pull the plug"),
                    ("restart", "Restart"),
                    ("annotate", "Write the holder onto the machine"),
                    ("detach_seed", "Take away what it was told for its first start"),
                    ("remove", "Remove with its disks"),
                ],
                max_length=20,
            ),
        ),
        migrations.AlterField(
            model_name="operation",
            name="purpose",
            field=models.CharField(
                choices=[
                    ("order", "an approved request"),
                    ("holder", "the holder asked"),
                    ("expiry", "the lease ended"),
                    ("restore", "restored after the end"),
                    ("stamp", "the register changed"),
                    ("seed", "the first start is over"),
                ],
                max_length=20,
            ),
        ),
        migrations.CreateModel(
            name="Seed",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "user_data",
                    lifecycle.estate.secrets.SecretField(
                        blank=True, bound_to=["seed_id"], of_lines=True, verbose_name="user data"
                    ),
                ),
                ("seed_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("sha256", models.CharField(blank=True, max_length=64)),
                ("started_at", models.DateTimeField(blank=True, null=True)),
                ("detach_at", models.DateTimeField(blank=True, null=True)),
                ("ordered_at", models.DateTimeField(blank=True, null=True)),
                ("tries", models.PositiveSmallIntegerField(default=0)),
                (
                    "machine",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="seed",
                        to="lifecycle.machine",
                    ),
                ),
            ],
            options={
                "verbose_name": "seed",
                "verbose_name_plural": "seeds",
                "ordering": ["id"],
            },
        ),
        migrations.AddField(
            model_name="request",
            name="seed",
            field=models.OneToOneField(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="lifecycle.seed",
            ),
        ),
    ]

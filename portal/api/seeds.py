"""What machines are told at their first start, as far as anybody may read it afterwards."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from lifecycle.models import Request
from lifecycle.people import sshkeys
from lifecycle.people.sshkeys import PublicKey


class KeySerializer(serializers.Serializer[PublicKey]):
    comment = serializers.CharField()
    fingerprint = serializers.CharField(help_text="As `ssh-keygen -l` shows it.")


class UserDataSerializer(serializers.Serializer[Any]):
    """Never the text itself."""

    bytes = serializers.IntegerField()
    lines = serializers.IntegerField()
    sha256 = serializers.CharField(allow_null=True, help_text="Until it is forgotten.")


class ToldFields(serializers.ModelSerializer[Request]):
    """The fields that whatever shows a request's seed has."""

    ssh_keys = serializers.SerializerMethodField(help_text="Public keys that it lets in.")
    user_data = serializers.SerializerMethodField(help_text="Null where none was given; the text is told to nobody.")

    class Meta:
        model = Request
        fields = ["hostname", "ssh_keys", "user_data"]

    @extend_schema_field(KeySerializer(many=True))
    def get_ssh_keys(self, request: Request) -> Any:
        keys = [sshkeys.read(line) for line in request.ssh_keys]
        return [{"comment": key.comment, "fingerprint": key.fingerprint} for key in keys]

    @extend_schema_field(UserDataSerializer(allow_null=True))
    def get_user_data(self, request: Request) -> Any:
        if not request.user_data_bytes:
            return None
        seed = request.seed
        return {
            "bytes": request.user_data_bytes, "lines": request.user_data_lines, "sha256": seed.sha256 if seed else None
        }  # fmt: skip


class SeedSerializer(ToldFields):
    """What a machine was told; `attached` says whether it still can read it."""

    attached = serializers.SerializerMethodField()
    detach_at = serializers.DateTimeField(
        source="seed.detach_at", read_only=True, allow_null=True, default=None,
        help_text="When it is taken away; null while it does not run, and afterwards.",
    )  # fmt: skip

    class Meta(ToldFields.Meta):
        fields = [*ToldFields.Meta.fields, "attached", "detach_at"]

    def get_attached(self, request: Request) -> bool:
        return request.seed_id is not None

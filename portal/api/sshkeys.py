"""My SSH keys: by which machines let me in."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from lifecycle.models import SshKey
from lifecycle.people import sshkeys
from portal.api.asking import Strict, me, sent
from portal.api.listing import Listed


class SshKeySerializer(serializers.ModelSerializer[SshKey]):
    key = serializers.CharField(source="text", read_only=True, help_text="The public half, in one line.")

    class Meta:
        model = SshKey
        fields = ["id", "name", "fingerprint", "key", "added_at"]
        extra_kwargs = {"fingerprint": {"help_text": "As `ssh-keygen -l` shows it."}}


class SshKeyInput(Strict):
    key = serializers.CharField(max_length=8192, help_text="`ssh-ed25519 AAAA… lena@laptop`")
    name = serializers.CharField(max_length=80, default="", allow_blank=True, help_text="Left out: its comment.")


@extend_schema(tags=["ssh-keys"])
class SshKeyViewSet(mixins.RetrieveModelMixin, Listed[SshKey]):
    """My keys, oldest first. Machines that I order can be given them at their first start."""

    serializer_class = SshKeySerializer
    page_key = ("added_at", "id")
    queryset = SshKey.objects.none()

    def get_queryset(self) -> QuerySet[SshKey]:
        return me(self.request).ssh_keys.all()

    @extend_schema(request=SshKeyInput, responses={201: SshKeySerializer})
    def create(self, request: Request) -> Response:
        """Adds a public key; the private half stays with me."""
        given: dict[str, Any] = sent(request, SshKeyInput)
        added = sshkeys.add(me(request), by=me(request), **given)
        return Response(SshKeySerializer(added).data, status=status.HTTP_201_CREATED)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        """New machines are not given it any more; those that have it keep it."""
        sshkeys.remove(self.get_object(), by=me(request))
        return Response(status=status.HTTP_204_NO_CONTENT)

"""Rate cards: what a month of each meter costs, and from when."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from lifecycle.models import Meter, Rate, RateCard
from lifecycle.money.actions import publish_rate_card
from portal.api.asking import Strict, me, sent
from portal.api.fields import LARGE, Day
from portal.api.listing import Listed

DEAREST = 10**15
"""A billion in millionths."""


class RateSerializer(serializers.ModelSerializer[Rate]):
    class Meta:
        model = Rate
        fields = ["meter", "micros", "per"]


class RateCardSerializer(serializers.ModelSerializer[RateCard]):
    rates = RateSerializer(many=True, read_only=True)

    class Meta:
        model = RateCard
        fields = ["id", "name", "valid_from", "rates"]


class PriceInput(Strict):
    micros = serializers.IntegerField(min_value=0, max_value=DEAREST, help_text="Millionths of the currency unit …")
    per = serializers.IntegerField(min_value=1, max_value=LARGE, default=1, help_text="… for so many units, a month.")


class PricesInput(Strict):
    vcpu = PriceInput()
    memory_mib = PriceInput()
    disk_mib = PriceInput()


class RateCardInput(Strict):
    name = serializers.CharField(max_length=40)
    valid_from = Day(help_text="The first day of a month.")
    prices = PricesInput()


@extend_schema(tags=["catalogue"])
class RateCardViewSet(mixins.RetrieveModelMixin, Listed[RateCard]):
    """Prices in force, past and to come, the latest first. What was charged is never priced anew."""

    serializer_class = RateCardSerializer
    page_key = ("-valid_from", "-id")
    queryset = RateCard.objects.prefetch_related("rates")

    @extend_schema(request=RateCardInput, responses={201: RateCardSerializer})
    def create(self, request: Request) -> Response:
        """For administrators."""
        given = sent(request, RateCardInput)
        prices = {Meter(meter): (price["micros"], price["per"]) for meter, price in _prices(given).items()}
        card = publish_rate_card(given["name"], given["valid_from"], prices, by=me(request))
        return Response(RateCardSerializer(card).data, status=status.HTTP_201_CREATED)


def _prices(given: dict[str, Any]) -> dict[str, dict[str, int]]:
    return dict(given["prices"])

"""Giving found machines a holder, one by one and many at once."""

from datetime import timedelta

import pytest
from django.conf import settings

from lifecycle import clock
from lifecycle.audit.actions import HOUSE
from lifecycle.errors import Conflict, Forbidden, Invalid
from lifecycle.estate.models import Endpoint, Machine, Span, Stage
from lifecycle.leases.models import Lease
from lifecycle.models import Entry, Notice, Operation
from lifecycle.sprawl.adoption import adopt_many, assign_holder, give_holder, stamp_missing
from lifecycle.sprawl.models import BoardPlace, Finding
from tests.lifecycle.factories import make_admin, make_endpoint, make_machine, make_rate_card, make_team, make_user

pytestmark = pytest.mark.django_db


def _day(days: int = 30):
    return clock.now().date() + timedelta(days=days)


def _terms(**changes):
    return {"purpose": "Nightly scoring", "last_day": _day(), "by": make_admin()} | changes


def _found(count: int = 1, **fields) -> list[Machine]:
    endpoint = fields.pop("endpoint", None) or make_endpoint()
    return [make_machine(endpoint=endpoint, **fields) for _ in range(count)]


def _orphan(machine: Machine) -> Finding:
    return Finding.objects.create(machine=machine, kind="orphan", since=clock.now())


def test_give_holder_begins_lease_tenure_and_spans():
    (machine,) = _found()
    team = make_team()
    lena = make_user("lena", team=team)

    lease = give_holder(machine, holder=lena, **_terms())

    machine.refresh_from_db()
    assert (machine.stage, machine.holder, machine.cost_centre) == (Stage.ACTIVE, lena, team.cost_centre)
    assert machine.tenures.get(ended_at=None).holder == lena
    assert set(Span.objects.values_list("meter", flat=True)) == {"vcpu", "memory_mib", "disk_mib"}
    assert lease.ends_at.date() == _day()


def test_give_holder_ends_findings_and_clears_the_board():
    (machine,) = _found()
    _orphan(machine)
    BoardPlace.objects.create(machine=machine, at=clock.now())

    give_holder(machine, holder=make_user(), **_terms())

    assert not Finding.objects.filter(kind="orphan", ended_at=None).exists()
    assert not BoardPlace.objects.exists()
    assert Entry.objects.get(verb="machine.adopted").detail == {
        "holder": str(machine.holder),
        "last_day": _day().isoformat(),
    }


@pytest.mark.parametrize(("mode", "stamps"), [(Endpoint.Mode.MANAGE, 1), (Endpoint.Mode.OBSERVE, 0)])
def test_give_holder_stamps_the_vm_only_where_we_may_write(mode, stamps):
    (machine,) = _found(endpoint=make_endpoint(mode=mode))

    give_holder(machine, holder=make_user(), **_terms())

    assert Operation.objects.filter(machine=machine, kind=Operation.Kind.ANNOTATE).count() == stamps


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"managed_by": "vCLS"}, "vCLS manages it."),
        ({"managed_rule": "Kubernetes"}, "Kubernetes manages it."),
        ({"stage": Stage.REMOVED}, "It is not there any more."),
        ({"stage": Stage.BUILDING}, "It is being built for somebody."),
    ],
)
def test_give_holder_refuses(fields, sentence):
    (machine,) = _found(**fields)

    with pytest.raises(Conflict, match=sentence):
        give_holder(machine, holder=make_user(), **_terms())

    assert not Lease.objects.exists()


def test_give_holder_refuses_a_second_time():
    (machine,) = _found()
    give_holder(machine, team=make_team("Web Shops"), **_terms())

    with pytest.raises(Conflict, match="Web Shops holds it already"):
        give_holder(Machine.objects.get(), holder=make_user(), **_terms())


def test_assign_holder_tells_the_new_holder():
    (machine,) = _found(name="stray")
    lena = make_user("lena")

    assign_holder(_orphan(machine), holder=lena, **_terms())

    notice = Notice.objects.get()
    assert (notice.recipient, notice.kind, notice.subject) == (lena, "adopted", "stray is yours now")
    assert notice.path == f"/machines/{machine.pk}/"


def test_adopt_many_gives_each_and_says_why_not():
    free, other = _found(2)
    (managed,) = _found(managed_by="vCLS")
    held = make_machine(holder=make_user("lena"))

    found = adopt_many([free, managed, held, other], holder=make_user("piotr"), **_terms())

    assert [(each.machine.pk, each.problem) for each in found] == [
        (free.pk, ""),
        (managed.pk, "vCLS manages it."),
        (held.pk, "lena holds it already."),
        (other.pk, ""),
    ]
    assert Machine.objects.filter(holder__username="piotr").count() == 2


def test_adopt_many_tells_once_for_all():
    lena = make_user("lena")
    adopt_many(_found(3), holder=lena, **_terms())

    notice = Notice.objects.get()
    assert (notice.recipient, notice.subject, notice.path) == (lena, "3 machines are yours now", "/machines/")
    assert len(notice.context["machines"]) == 3


def test_adopt_many_twice_gives_nothing_twice():
    machines, lena = _found(2), make_user("lena")
    adopt_many(machines, holder=lena, **_terms())

    again = adopt_many(machines, holder=make_user("piotr"), **_terms())

    assert [each.problem for each in again] == ["lena holds it already."] * 2
    assert Lease.objects.count() == 2
    assert Notice.objects.count() == 1


def test_adopt_many_by_a_rule_goes_by_the_holders_calendar():
    lena = make_user("lena", zone="Asia/Tokyo")

    (one,) = adopt_many(_found(), holder=lena, purpose="By rule", last_day=_day(), by=HOUSE)

    assert one.lease is not None
    assert one.lease.zone == "Asia/Tokyo"
    assert one.lease.ends_at.astimezone(lena.tz).hour == settings.DAY_ENDS_AT


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"purpose": " "}, "purpose"),
        ({"last_day": _day(-1)}, "last_day"),
        ({"last_day": _day(400)}, "last_day"),
    ],
)
def test_adopt_many_refuses_terms_that_fit_none(changes, field):
    with pytest.raises(Invalid) as caught:
        adopt_many(_found(2), holder=make_user(), **_terms(**changes))

    assert caught.value.field == field
    assert not Lease.objects.exists()


def test_adopt_many_is_for_administrators():
    with pytest.raises(Forbidden):
        adopt_many(_found(), holder=make_user(), **_terms(by=make_user()))


def test_adopt_many_is_charged_from_then_on():
    make_rate_card()
    (one,) = adopt_many(_found(), holder=make_user(), **_terms())

    assert one.lease is not None
    assert one.machine.tenures.get().started_at == one.lease.started_at.replace(microsecond=0)


def test_stamps_follow_when_an_endpoint_is_managed_later():
    endpoint = make_endpoint(mode=Endpoint.Mode.OBSERVE)
    adopt_many(_found(2, endpoint=endpoint), holder=make_user(), **_terms())
    assert stamp_missing() == 0

    Endpoint.objects.update(mode=Endpoint.Mode.MANAGE)

    assert stamp_missing() == 2
    assert stamp_missing() == 0
    assert Operation.objects.filter(kind=Operation.Kind.ANNOTATE).count() == 2


def test_machine_without_a_lease_keeps_none_from_its_stamp():
    endpoint = make_endpoint(mode=Endpoint.Mode.OBSERVE)
    make_machine("no-lease", endpoint=endpoint, holder=make_user())
    adopt_many(_found(1, endpoint=endpoint), holder=make_user(), **_terms())
    Endpoint.objects.update(mode=Endpoint.Mode.MANAGE)

    assert stamp_missing() == 1

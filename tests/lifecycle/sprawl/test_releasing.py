"""Taking a wrong holder away again, and where that would be more than putting a mistake right."""

from datetime import timedelta

import pytest

from lifecycle import clock
from lifecycle.errors import Conflict, Forbidden, Invalid
from lifecycle.estate.models import Machine, Span, Stage, Tenure
from lifecycle.leases.models import Lease
from lifecycle.models import Charge, Entry, Line, Notice, Operation
from lifecycle.money import calendar
from lifecycle.money.actions import draft
from lifecycle.sprawl.adoption import give_holder
from lifecycle.sprawl.releasing import release_adoption
from tests.lifecycle.factories import make_admin, make_machine, make_rate_card, make_team, make_user
from tests.lifecycle.world import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin():
    return make_admin("ingrid")


def _given(admin, machine: Machine | None = None, **owner) -> Machine:
    machine = machine or make_machine("stray")
    owner = owner or {"holder": make_user("lena")}
    give_holder(machine, **owner, purpose="Shop", last_day=clock.now().date() + timedelta(days=30), by=admin)
    return Machine.objects.get(pk=machine.pk)


def test_release_leaves_what_was_before(admin):
    machine = _given(admin)

    release_adoption(machine, by=admin, reason="Not hers")

    machine.refresh_from_db()
    assert (machine.stage, machine.holder, machine.purpose) == (Stage.DISCOVERED, None, "")
    assert not (Lease.objects.exists() or Tenure.objects.exists() or Span.objects.exists())
    assert Entry.objects.get(verb="machine.adoption_undone").detail["holder"] == "lena"
    assert Notice.objects.get(kind="adoption_undone").recipient.username == "lena"


def test_release_charges_nobody(admin):
    make_rate_card()
    machine = _given(admin)
    begin, _end = calendar.month_bounds(calendar.month_of(clock.now()))
    Tenure.objects.update(started_at=begin)
    Span.objects.update(started_at=begin)
    draft()
    assert Line.objects.exists()

    release_adoption(machine, by=admin, reason="Not hers")

    assert not (Line.objects.exists() or Charge.objects.exists())
    assert draft().lines_written == 0


def test_release_writes_onto_the_vm_that_nobody_holds_it(admin):
    machine = _given(admin)

    release_adoption(machine, by=admin, reason="Not hers")

    last = Operation.objects.filter(machine=machine).latest("pk")
    assert (last.kind, last.arguments["holding"]["holder"]) == ("annotate", "nobody")
    assert Operation.objects.filter(machine=machine, state="cancelled").count() == 1


def test_release_lets_the_machine_be_given_again(admin):
    machine = _given(admin)
    machine = release_adoption(machine, by=admin, reason="Not hers")

    machine = _given(admin, machine, team=make_team("Web Shops"))

    assert (str(machine.team), machine.tenures.count()) == ("Web Shops", 1)


def test_release_twice(admin):
    machine = _given(admin)
    release_adoption(machine, by=admin, reason="Not hers")

    with pytest.raises(Conflict, match="It is found"):
        release_adoption(machine, by=admin, reason="Not hers")


def test_release_refuses_what_was_ordered_here(world: World):
    with pytest.raises(Conflict, match="It was ordered here"):
        release_adoption(world.machine(), by=world.admin, reason="Not theirs")


def test_release_refuses_what_was_charged_for_a_closed_month(admin):
    machine = _given(admin)
    Tenure.objects.update(started_at=clock.now() - timedelta(days=40))

    with pytest.raises(Conflict, match="a month that has ended"):
        release_adoption(machine, by=admin, reason="Not hers")
    assert Lease.objects.exists()


def test_release_refuses_what_is_on_hold(admin):
    machine = _given(admin)
    Lease.objects.update(held_at=clock.now(), held_by=admin)

    with pytest.raises(Conflict, match="It is on hold"):
        release_adoption(machine, by=admin, reason="Not hers")


def test_release_needs_a_reason(admin):
    with pytest.raises(Invalid):
        release_adoption(_given(admin), by=admin, reason=" ")


def test_release_is_for_administrators(admin):
    machine = _given(admin)
    assert machine.holder is not None
    with pytest.raises(Forbidden):
        release_adoption(machine, by=machine.holder, reason="Not mine")

"""What most tests of money start from."""

import pytest

from tests.lifecycle.factories import make_machine, make_rate_card, make_user


@pytest.fixture
def card():
    return make_rate_card()


@pytest.fixture
def machine(card):
    return make_machine(holder=make_user("holder"))

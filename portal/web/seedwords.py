"""What a machine is told at its first start, as pages tell of it: never the text itself."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import cached_property
from django.utils.translation import gettext as _

from lifecycle.estate.models import Seed
from lifecycle.people import sshkeys
from lifecycle.people.sshkeys import PublicKey
from lifecycle.requests.models import Request
from portal.web.progress import hour


@dataclass
class FirstStart:
    """Of one request, and of the machine that came of it."""

    request: Request

    @property
    def hostname(self) -> str:
        """Empty where nothing can be told."""
        return self.request.hostname

    @cached_property
    def ssh_keys(self) -> list[PublicKey]:
        return [sshkeys.read(line) for line in self.request.ssh_keys]

    @property
    def lines(self) -> int:
        return self.request.user_data_lines

    @property
    def bytes(self) -> int:
        return self.request.user_data_bytes

    @cached_property
    def seed(self) -> Seed | None:
        """What is still kept of it."""
        if self.request.seed_id is None:
            return None
        return Seed.objects.defer("user_data").filter(pk=self.request.seed_id).first()

    @property
    def whereabouts(self) -> str:
        """Whether the machine can still read it."""
        seed = self.seed
        if seed is None:
            return _("Taken away after its first start, and forgotten.")
        if seed.ordered_at is not None:
            return _("Being taken away.")
        if seed.tries:
            return _("Still attached: taking it away did not work, and is tried again.")
        if seed.detach_at is not None:
            return _("Still attached until %(hour)s.") % {"hour": hour(seed.detach_at)}
        return _("Still attached: it is taken away when the machine has run for a while.")

"""Verbs of the record as sentences. Names in them come from anywhere: they are cut here and escaped by the template."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from lifecycle.audit.models import Entry
from lifecycle.estate.cleaning import cut

LONGEST = 80

Words = str | Promise

SENTENCES: dict[str, Words] = {
    "adoptions.applied": lazy("The list %(what)s was applied: %(given)s machines have a holder (%(who)s)."),
    "adoptions.begun": lazy("%(who)s had the list %(what)s applied: %(rows)s machines."),
    "audit.exported": lazy("%(who)s exported the record as %(form)s. Asked for: %(asked)s."),
    "blueprint.added": lazy("%(who)s added the blueprint %(what)s."),
    "blueprint.changed": lazy("%(who)s changed the blueprint %(what)s: %(changed)s."),
    "claim.accepted": lazy("%(who)s accepted the claim of %(what)s."),
    "claim.made": lazy("%(who)s claimed %(machine)s."),
    "claim.overtaken": lazy("The claim of %(what)s was overtaken (%(who)s)."),
    "claim.refused": lazy("%(who)s refused the claim of %(what)s."),
    "claim.withdrawn": lazy("%(who)s withdrew the claim of %(machine)s."),
    "clock.moved": lazy("%(who)s moved the clock of this demo to %(to)s."),
    "cost_centre.added": lazy("%(who)s added the cost centre %(what)s."),
    "cost_centre.changed": lazy("%(who)s changed the cost centre %(what)s from %(before)s to %(after)s."),
    "cost_centre.removed": lazy("%(who)s removed the cost centre %(what)s."),
    "datastore.vouched": lazy("%(who)s vouched that no other host uses %(what)s."),
    "datastore.word_withdrawn": lazy("%(who)s took back the word for %(what)s."),
    "diskfile.exempted": lazy("%(who)s exempted %(what)s from findings until %(ends_on)s: %(kind)s."),
    "diskfile.exemption_ended": lazy("%(who)s ended the exemption of %(what)s: %(kind)s."),
    "diskfile.kept": lazy("%(who)s said that %(what)s keeps its name."),
    "diskfile.missing": lazy("%(what)s, which had been renamed, is not there any more."),
    "diskfile.removal_failed": lazy("%(what)s could not be removed: “%(words)s”."),
    "diskfile.removal_set": lazy("%(who)s set when %(what)s may be removed: %(at)s."),
    "diskfile.removed": lazy("%(what)s was removed."),
    "diskfile.removing": lazy("The wait for %(what)s was over: its removal was ordered."),
    "diskfile.restore_failed": lazy("%(what)s could not get its name back: “%(words)s”."),
    "diskfile.restored": lazy("%(what)s has its name again."),
    "diskfile.restoring": lazy("%(who)s wanted %(what)s back."),
    "diskfile.retire_failed": lazy("%(what)s could not be renamed: “%(words)s”."),
    "diskfile.retired": lazy("%(what)s was renamed to %(name)s. It will be removed on %(at)s."),
    "diskfile.retiring": lazy("%(who)s had %(what)s renamed before its removal."),
    "diskfile.used": lazy("%(what)s, which had been renamed, is used again, and stays."),
    "endpoint.added": lazy("%(who)s put %(what)s under watch."),
    "endpoint.changed": lazy("%(who)s changed how %(what)s is reached: %(changed)s."),
    "endpoint.checked": lazy("%(who)s checked whether %(what)s can be worked with."),
    "endpoint.key_rotated": lazy("The secret of %(what)s was encrypted with a new key."),
    "seed.key_rotated": lazy("What %(what)s is told for its first start was encrypted with a new key."),
    "endpoint.limits_set": lazy("%(who)s set the limits of %(what)s."),
    "endpoint.mode_set": lazy("%(who)s switched %(what)s from %(before)s to %(after)s."),
    "endpoint.files_asked": lazy("%(who)s asked for a look through the disk files of %(what)s."),
    "endpoint.scan_asked": lazy("%(who)s asked for a scan of %(what)s."),
    "endpoint.scan_stop_asked": lazy("%(who)s stopped a scan of %(what)s; the next one goes on."),
    "finding.ended": lazy("%(who)s ended the finding about %(what)s."),
    "findings.exported": lazy("%(who)s took the findings away as %(form)s. Asked for: %(asked)s."),
    "finding.opened": lazy("%(who)s found that nobody holds %(what)s."),
    "image.exempted": lazy("%(who)s exempted %(what)s from findings until %(ends_on)s: %(kind)s."),
    "image.exemption_ended": lazy("%(who)s ended the exemption of %(what)s: %(kind)s."),
    "inventory.put_in_force": lazy("%(who)s put the inventory %(what)s in force: %(fits)s lines fit."),
    "inventory.removed": lazy("%(who)s removed the inventory %(what)s."),
    "lease.extended": lazy("%(who)s extended %(what)s from %(before)s to %(after)s."),
    "lease.given_back": lazy("%(who)s gave %(what)s back."),
    "lease.held": lazy("%(who)s put %(what)s on hold."),
    "lease.released": lazy("%(who)s released the hold on %(what)s."),
    "lease.removal_failed": lazy("%(what)s could not be removed: %(error)s."),
    "lease.restored": lazy("%(who)s restored %(what)s until %(after)s."),
    "machine.active": lazy("%(what)s was handed over (%(who)s)."),
    "machine.adopted": lazy("%(who)s gave %(what)s to %(holder)s until %(last_day)s."),
    "machine.adoption_undone": lazy("%(who)s took %(what)s back from %(holder)s."),
    "machine.came_back": lazy("%(what)s came back (%(who)s)."),
    "machine.kept": lazy("%(what)s is kept after all (%(who)s)."),
    "machine.attributed": lazy("%(who)s gave %(what)s to whoever it belongs to by its evidence: %(score)s of 100."),
    "machine.building": lazy("%(who)s began to build %(what)s."),
    "machine.discovered": lazy("%(who)s found %(what)s on its hypervisor."),
    "machine.drift_accepted": lazy(
        "%(who)s accepted what was changed of %(what)s: %(column)s from %(before)s to %(after)s."
    ),
    "machine.drift_put_back": lazy("%(who)s had %(column)s of %(what)s put back from %(before)s to %(after)s."),
    "machine.exempted": lazy("%(who)s exempted %(what)s from findings until %(ends_on)s: %(kind)s."),
    "machine.exemption_ended": lazy("%(who)s ended the exemption of %(what)s: %(kind)s."),
    "machine.expired": lazy("%(what)s is being stopped: its lease ended (%(who)s)."),
    "machine.failed": lazy("%(what)s could not be built."),
    "machine.seed_detached": lazy("%(what)s had its first start: what it was told for it is forgotten."),
    "machine.seed_stays": lazy("What %(what)s was told for its first start could not be taken away: %(error)s."),
    "machine.found_again": lazy("%(what)s is on its hypervisor again."),
    "machine.merged": lazy("%(what)s was known from another endpoint: that row goes on, this one ends."),
    "machine.missing": lazy("%(what)s is no longer on its hypervisor."),
    "machine.moved": lazy("%(what)s went from %(before)s to %(after)s; everything about it goes on."),
    "machine.put_on_board": lazy("%(who)s put %(what)s on the board “Is this yours?”."),
    "machine.quarantined": lazy("%(what)s is stopped, and kept for its grace."),
    "machine.released": lazy("%(what)s is held by nobody again (%(who)s)."),
    "machine.removed": lazy("%(what)s was removed with its disks."),
    "machine.removing": lazy("%(who)s began to remove %(what)s."),
    "machine.shared": lazy("%(who)s shared %(what)s with %(recipient)s."),
    "machine.share_changed": lazy("%(who)s changed how %(what)s is shared with %(recipient)s."),
    "machine.share_withdrawn": lazy("%(who)s ended the share of %(what)s with %(recipient)s."),
    "machine.seen_running_in_quarantine": lazy("%(what)s runs, although it is in quarantine."),
    "machine.taken_off_board": lazy("%(who)s took %(what)s off the board “Is this yours?”."),
    "operation.asked": lazy("%(who)s asked for “%(what)s”."),
    "operation.called_off": lazy("%(who)s decided to cancel “%(what)s”."),
    "operation.cancelled": lazy("“%(what)s” is cancelled (%(who)s)."),
    "operation.cleared": lazy("%(who)s let “%(what)s” pass the removal limit."),
    "operation.contradicted": lazy("%(problem)s “%(what)s” is not done, whatever was said."),
    "operation.doubles": lazy("“%(what)s” made more than one machine: %(refs)s."),
    "operation.failed": lazy("“%(what)s” failed: %(error)s."),
    "operation.given_up": lazy("%(who)s gave “%(what)s” up."),
    "operation.left_over": lazy("%(error)s What “%(what)s” had begun is left over."),
    "operation.retried": lazy("%(who)s had “%(what)s” tried again at once."),
    "operation.said_done": lazy("%(who)s said that “%(what)s” is done."),
    "operation.succeeded": lazy("“%(what)s” is done."),
    "operation.taken_over": lazy("“%(what)s” was taken over from %(worker)s, which did not finish its step."),
    "orphans.exported": lazy("%(who)s took the orphans away as CSV."),
    "operations.paused": lazy("%(who)s paused everything."),
    "operations.resumed": lazy("%(who)s let everything go on."),
    "person.password_changed": lazy("%(what)s has a new password."),
    "person.signed_out": lazy("%(who)s ended %(sessions)s sessions of %(what)s."),
    "person.zone_set": lazy("%(who)s chose the time zone %(after)s."),
    "person.supervisor_changed": lazy("%(who)s changed who decides for %(what)s: %(before)s to %(after)s."),
    "people.import_undone": lazy("%(who)s undid the list %(what)s."),
    "people.imported": lazy("%(who)s applied the list %(what)s: %(added)s added, %(changed)s changed."),
    "person.added": lazy("%(who)s added %(what)s."),
    "person.changed": lazy("%(who)s changed %(what)s from %(before)s to %(after)s."),
    "person.left": lazy("%(who)s set the last day of %(what)s to %(after)s."),
    "person.locked_out": lazy("%(what)s can no longer sign in (%(who)s)."),
    "person.password_set": lazy("%(who)s set a new password for %(what)s."),
    "person.removed": lazy("%(who)s removed %(what)s, whom a list had added."),
    "person.returned": lazy("%(who)s brought %(what)s back."),
    "pool.exempted": lazy("%(who)s exempted the machines of %(what)s from findings until %(ends_on)s: %(kind)s."),
    "pool.exemption_ended": lazy("%(who)s ended the exemption of the machines of %(what)s: %(kind)s."),
    "published_rate_card": lazy("%(who)s published the rate card %(what)s, valid from %(valid_from)s."),
    "request.approved": lazy("%(who)s approved the request for %(what)s."),
    "request.called_off": lazy("%(who)s took the request for %(what)s back while it was built."),
    "request.cancelled": lazy("The request for %(what)s is cancelled (%(who)s)."),
    "request.done": lazy("The request for %(what)s is done."),
    "request.failed": lazy("The request for %(what)s failed."),
    "request.lapsed": lazy("The request for %(what)s lapsed: nobody decided in time."),
    "request.passed_on": lazy("%(what)s waits for %(after)s now, as %(before)s has left."),
    "request.refused": lazy("%(who)s refused the request for %(what)s."),
    "request.submitted": lazy("%(who)s asked for %(what)s."),
    "rule.added": lazy("%(who)s made the rule %(what)s."),
    "rule.applied": lazy("%(who)s applied the rule %(what)s: %(given)s given, %(not_given)s not."),
    "rule.changed": lazy("%(who)s changed the rule %(what)s: %(changed)s."),
    "rule.disabled": lazy("%(who)s let the rule %(what)s rest."),
    "rule.enabled": lazy("%(who)s put the rule %(what)s in force again."),
    "rule.removed": lazy("%(who)s removed the rule %(what)s."),
    "ssh_key.added": lazy("%(who)s added the SSH key %(what)s: %(fingerprint)s."),
    "ssh_key.removed": lazy("%(who)s removed the SSH key %(what)s of %(person)s: %(fingerprint)s."),
    "token.made": lazy("%(who)s made the token %(what)s: %(scope)s, until %(expires_at)s."),
    "token.revoked": lazy("%(who)s revoked the token %(what)s of %(person)s."),
    "size.added": lazy("%(who)s added the size %(what)s."),
    "size.changed": lazy("%(who)s changed the size %(what)s: %(changed)s."),
    "team.added": lazy("%(who)s added the team %(what)s."),
    "team.changed": lazy("%(who)s changed the team %(what)s from %(before)s to %(after)s."),
    "team.removed": lazy("%(who)s removed the team %(what)s."),
    "threshold.set": lazy("%(who)s set the threshold %(limit)s from %(before)s to %(after)s (%(pool)s)."),
    "threshold.taken_back": lazy("%(who)s took the threshold %(limit)s of %(before)s back (%(pool)s)."),
    "view.deleted": lazy("%(who)s deleted the saved view %(what)s."),
    "view.saved": lazy("%(who)s saved the view %(what)s."),
}

OBJECTS: dict[str, Words] = {
    "adoptionlist": lazy("List of holders"),
    "blueprint": lazy("Blueprint"),
    "brake": lazy("Pause"),
    "claim": lazy("Claim"),
    "clock": lazy("Clock"),
    "costcentre": lazy("Cost centre"),
    "cmdbfile": lazy("Inventory"),
    "endpoint": lazy("Endpoint"),
    "estaterule": lazy("Rule"),
    "finding": lazy("Finding"),
    "image": lazy("Image"),
    "lease": lazy("Lease"),
    "machine": lazy("Machine"),
    "operation": lazy("Operation"),
    "peopleimport": lazy("List of people"),
    "pool": lazy("Pool"),
    "ratecard": lazy("Rate card"),
    "request": lazy("Request"),
    "seed": lazy("Seed of a first start"),
    "size": lazy("Size"),
    "sshkey": lazy("SSH key"),
    "team": lazy("Team"),
    "threshold": lazy("Threshold"),
    "token": lazy("Token"),
    "savedview": lazy("Saved view"),
    "user": lazy("Person"),
}

# What acts belong to: the part of a verb before its dot.
AREAS: dict[str, Words] = {
    "adoptions": lazy("Lists of holders"),
    "audit": lazy("The record"),
    "blueprint": lazy("Blueprints"),
    "claim": lazy("Claims"),
    "clock": lazy("The demo's clock"),
    "cost_centre": lazy("Cost centres"),
    "diskfile": lazy("Disk files"),
    "endpoint": lazy("Endpoints"),
    "finding": lazy("Findings"),
    "image": lazy("Images"),
    "inventory": lazy("Inventories"),
    "lease": lazy("Leases"),
    "machine": lazy("Machines"),
    "operation": lazy("Operations"),
    "operations": lazy("The pause"),
    "orphans": lazy("Orphans"),
    "people": lazy("Lists of people"),
    "person": lazy("People"),
    "pool": lazy("Pools"),
    "published_rate_card": lazy("Prices"),
    "request": lazy("Requests"),
    "rule": lazy("Rules of the estate"),
    "seed": lazy("Seeds of first starts"),
    "size": lazy("Sizes"),
    "ssh_key": lazy("SSH keys"),
    "team": lazy("Teams"),
    "threshold": lazy("Thresholds"),
}


def acts() -> list[tuple[str, list[tuple[str, str]]]]:
    """Choices: each area as a whole, then its acts, by the words in which they are told."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for verb in SENTENCES:
        groups.setdefault(verb.partition(".")[0], []).append((verb, act_words(verb)))
    found = [(area_word(area), area, sorted(told, key=lambda pair: pair[1])) for area, told in groups.items()]
    return [
        (word, told if len(told) == 1 else [(area, _("%(area)s: everything") % {"area": word}), *told])
        for word, area, told in sorted(found)
    ]


def act_words(verb: str) -> str:
    """An act without its facts: "Extended … from … to", or the name of its area."""
    pattern = SENTENCES.get(verb)
    if pattern is None:
        return area_word(verb)
    words = (str(pattern) % _Facts(otherwise="…")).replace(" (…)", "").strip(" .:…")
    return words[:1].upper() + words[1:]


def area_word(area: str) -> str:
    return str(AREAS.get(area) or area.replace("_", " ").capitalize())


def sentence(entry: Entry) -> str:
    """What was done, as plain text: "Ingrid Solheim switched Hamburg from observe to manage." """
    facts = _Facts({name: _plain(value) for name, value in entry.detail.items()})
    facts |= {"who": cut(entry.actor_name, LONGEST), "what": cut(entry.object_name, LONGEST)}
    pattern = SENTENCES.get(entry.verb)
    if pattern is None:
        facts["verb"] = entry.verb.replace(".", " ").replace("_", " ")
        pattern = _("%(who)s: %(verb)s, %(what)s.")
    return str(pattern) % facts


def object_word(object_type: str) -> str:
    return str(OBJECTS.get(object_type, object_type))


class _Facts(dict[str, str]):
    """An old entry may lack what a sentence names today: a gap is better than no page."""

    def __init__(self, known: Mapping[str, str] | None = None, *, otherwise: str = "–") -> None:
        super().__init__(known or {})
        self.otherwise = otherwise

    def __missing__(self, key: str) -> str:
        return self.otherwise


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_plain(each) for each in value[:6])
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_plain(each) or '–'}" for name, each in list(value.items())[:6])
    if isinstance(value, str) and len(value) > 18 and value[10] == "T":
        try:
            return date_format(localtime(datetime.fromisoformat(value)), _("j M Y, H:i"))
        except ValueError:
            pass
    return cut(value, LONGEST)

"""The recorded exchanges with the real daemon, replayed in order against the server: it answers alike."""

from __future__ import annotations

import http.client
import json
import ssl
import time
from collections.abc import Iterator
from functools import reduce
from pathlib import Path
from typing import Any

import pytest

from tests.rigs.xapi import XapiRig
from tests.rigs.xapi.replay import Differs, Matching

GOLDEN: dict[str, dict[str, Any]] = json.loads(Path(__file__).with_name("golden.json").read_text(encoding="utf-8"))

OUT_OF_SCOPE = {
    "system.listMethods": "only the number of methods was recorded, and the server knows fewer classes",
    "export_metadata": "a machine as a tar: export comes when a page uses it",
    "export": "a machine as a tar: export comes when a page uses it",
}
"""Exchanges that are not replayed, and why."""

UNRECORDED: dict[str, tuple[str, list[Any], str]] = {
    "task success ref result": (
        "Async.VM.clone",
        ["OpaqueRef:fb3f1f94-7f9c-28b3-e6b3-d71ea18c6d20", "clone"],
        "OpaqueRef:429b5a93-39cf-fcdc-d87a-86a4413f1b05",
    ),
}
"""What must have been asked before an exchange without having been recorded, and the ref that came back."""

SENT_AS = {"session invalid": "OpaqueRef:nosuchsession"}
"""Where the recording says <session>, but the answer shows that something else was sent."""

ASKED_IN_JSON: dict[str, dict[str, Any]] = {
    "jsonrpc ok": {"jsonrpc": "2.0", "id": 1, "method": "VM.get_power_state", "params": ["<session>", "<gold>"]},
    "jsonrpc err": {"jsonrpc": "2.0", "id": 1, "method": "VM.get_power_state", "params": ["<session>", "OpaqueRef:x"]},
    "jsonrpc v1 err": {"id": 1, "method": "VM.get_power_state", "params": ["<session>", "OpaqueRef:x"]},
    "jsonrpc int": {"jsonrpc": "2.0", "id": 1, "method": "VM.get_VCPUs_max", "params": ["<session>", "<gold>"]},
}
"""The answers to these were recorded, not the questions; they follow from the answers and from the paper."""

GOLD = "OpaqueRef:e8f15581-0870-c854-8312-558d73ab2403"
TEMPLATE = "OpaqueRef:fb3f1f94-7f9c-28b3-e6b3-d71ea18c6d20"
EARLIER = "objects of earlier trials were still there when it was recorded"
INTERNAL = "an internal note of the real daemon, opaque to clients"
VARIES = {
    ("SR records", "Value.*.VDIs"): EARLIER,
    ("network", "Value.*.VIFs"): EARLIER,
    ("host record", "Value.other_config.agent_start_time"): "when it was started",
    ("host record", "Value.other_config.boot_time"): "when it was started",
    ("task success void", "Value.other_config"): "counts places in the real daemon's own code",
    ("VM_guest_metrics", "Value.networks"): "a made-up address",
    ("snapshot record", "Value.last_booted_record"): INTERNAL,
    ("snapshot record", "Value.snapshot_metadata"): INTERNAL,
}
"""Values that may differ, by exchange and path; their kinds may not."""


@pytest.fixture(scope="module")
def rig() -> Iterator[XapiRig]:
    with XapiRig(start="golden", hosts=1) as rig:
        yield rig


class Replay:
    def __init__(self, rig: XapiRig, client: Any) -> None:
        self.rig, self.matching, self.client = rig, Matching(), client
        self.session = ""
        with rig.session() as session:
            self.matching.learn(TEMPLATE, session.xenapi.VM.get_by_name_label("t1")[0])

    def ask(self, method: str, args: list[Any], session: str = "") -> Any:
        words = {"<session>": session or self.session, "<password>": self.rig.password}
        given = [words.get(arg, arg) if isinstance(arg, str) else arg for arg in self.matching.translated(args)]
        return reduce(getattr, method.split("."), self.client)(*given)

    def exchange(self, label: str) -> None:
        recorded = GOLDEN[label]
        if label in UNRECORDED:
            method, args, ref = UNRECORDED[label]
            self.matching.learn(ref, self.ask(method, ["<session>", *args])["Value"])
        if recorded.get("call") == "task.get_record" and label.startswith("task "):
            self._wait_for(recorded["args"][1], recorded["response"]["Value"]["status"])
        varies = frozenset(path for known, path in VARIES if known == label)
        if "http" in recorded:
            self._exchange_http(label, recorded)
        else:
            answer = self.ask(recorded["call"], recorded["args"], SENT_AS.get(label, ""))
            if label == "login ok":
                self.session = answer["Value"]
            if label.startswith("event.from"):
                self._compare_events(recorded["response"], answer)
            else:
                self.matching.compare(recorded["response"], answer, varies)

    def _wait_for(self, task: str, status: str) -> None:
        deadline = time.monotonic() + 5
        while self.ask("task.get_status", ["<session>", task])["Value"] != status:
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def _compare_events(self, recorded: dict[str, Any], answer: dict[str, Any]) -> None:
        """Of the objects that are known here too; the rest of the recording is older than its first exchange."""
        there, here = recorded["Value"], answer["Value"]
        assert answer["Status"] == recorded["Status"] == "Success"
        assert set(here) == set(there)
        self.matching.compare(there["token"], here["token"])
        assert set(here["valid_ref_counts"]) - {"message"} == set(there["valid_ref_counts"]) - {"message"}
        assert {type(count) for count in here["valid_ref_counts"].values()} == {int}
        found = {event["ref"]: event for event in here["events"]}
        known = [event for event in there["events"] if event["ref"] in self.matching.ours]
        assert known
        for event in known:
            other = found[self.matching.ours[event["ref"]]]
            skip = frozenset({"id", "snapshot.last_booted_record", "snapshot.other_config"})
            self.matching.compare(event, other, skip if event["class"] == "task" else skip - {"snapshot.other_config"})

    def _exchange_http(self, label: str, recorded: dict[str, Any]) -> None:
        verb, path = recorded["http"]
        body = None
        if label in ASKED_IN_JSON:
            body = json.dumps(ASKED_IN_JSON[label]).replace("<gold>", self.matching.ours[GOLD])
        elif label == "malformed xml":
            body = "<methodCall><oops"
        connection = http.client.HTTPSConnection(
            self.rig.address, self.rig.port, context=ssl.create_default_context(cadata=self.rig.ca_pem), timeout=10
        )
        words = lambda text: self.matching.translated(text).replace("<session>", self.session)
        try:
            connection.request(verb, words(path), words(body) if body else None)
            if "exc" in recorded:
                with pytest.raises(http.client.RemoteDisconnected):
                    connection.getresponse()
                return
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        assert answer.status == recorded["status"]
        assert text[: len(recorded["body_start"])] == recorded["body_start"]
        unsaid = {"content-length"} if label == "malformed xml" else set()
        headers = {name.lower(): value for name, value in answer.getheaders()}
        for name, value in recorded["headers"].items():
            if name.lower() not in unsaid:
                assert headers[name.lower()] == value, name


def test_every_exchange_is_answered_alike(rig: XapiRig) -> None:
    wrong = []
    in_scope = [label for label in GOLDEN if label not in OUT_OF_SCOPE]
    with rig.connected() as client:
        replay = Replay(rig, client)
        for label in in_scope:
            try:
                replay.exchange(label)
            except (Differs, AssertionError, KeyError) as error:
                wrong.append(f"{label}: {type(error).__name__} {error}")
    assert not wrong, "\n".join(wrong)
    assert (len(in_scope), len(OUT_OF_SCOPE)) == (92, 3)


def test_the_tables_name_exchanges_that_exist() -> None:
    named = [*OUT_OF_SCOPE, *UNRECORDED, *SENT_AS, *ASKED_IN_JSON, *(label for label, _ in VARIES)]
    assert set(named) <= set(GOLDEN)


def test_a_difference_is_seen() -> None:
    matching = Matching()
    one, other, third = (f"OpaqueRef:{digit * 8}-0000-0000-0000-000000000000" for digit in "123")
    matching.compare({"Value": one}, {"Value": other})
    with pytest.raises(Differs):
        matching.compare({"Value": one}, {"Value": third})
    for here in ({"Value": "2"}, {"Value": 1}, {"Other": "1"}, {"Value": "1", "More": ""}):
        with pytest.raises(Differs):
            matching.compare({"Value": "1"}, here)

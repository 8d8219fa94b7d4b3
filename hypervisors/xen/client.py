"""A session with a pool: opened when it is needed, on the coordinator, renewed when it ended, always given back.

`Client.call` is XenAPI as it is, with our errors. References are XAPI's own and go no further than this package.
"""

from __future__ import annotations

import http.client
import json
import os
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlencode, urlsplit

import XenAPI

from hypervisors import fields, tls
from hypervisors.contract import Target
from hypervisors.errors import AccessDenied, HypervisorError, InvalidRequest, NotFound, Unreachable
from hypervisors.xen import mapping
from hypervisors.xen.wire import Garbled, Line, Patience, Transport

PORT = 443
ORIGINATOR = "leasehold"
API_VERSION = "2.20"
ENDED = ("SESSION_INVALID", "HOST_IS_SLAVE")
GARBLED = "The pool answered something that cannot be understood."
GOODBYE = 5.0
"""Seconds that giving a session back may take."""

Record = Mapping[str, Any]


class Client:
    """One session, for one thread."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self._tls: ssl.SSLContext | None = None
        self._patience = Patience()
        self._nested = False
        self._coordinator = ""
        self._lines: dict[str, Line] = {}
        self._session = ""
        self._pid = 0

    def __repr__(self) -> str:
        return f"<Client of {self.target.address}>"

    @contextmanager
    def deadline(self) -> Iterator[None]:
        """All that is asked inside shares the target's time-out; an inner use keeps the outer one.

        Records that are not as XAPI's are, whatever they lack, are no answer.
        """
        if self._nested:
            yield
            return
        self._nested, self._patience.left = True, self.target.timeout
        try:
            yield
        except (LookupError, TypeError, ValueError, AttributeError, StopIteration) as error:
            raise Unreachable(GARBLED, native=repr(error)[:200]) from error
        finally:
            self._nested = False

    def call(self, method: str, *args: Any) -> Any:
        """What XAPI answers. Raises our taxonomy only. Nothing that may have been carried out is sent again."""
        with self.deadline(), self._mapped():
            try:
                return self._ask(method, self._open(), *args)
            except XenAPI.Failure as failure:
                if str(failure.details[0]) not in ENDED:
                    raise
                self._leave(failure.details)
            return self._ask(method, self._open(), *args)

    def get(self, path: str, query: Mapping[str, str], address: str = "") -> Any:
        """JSON from one of the HTTP handlers, of the coordinator or of another host."""
        with self.deadline(), self._mapped():
            session = self._open()
            line = self._line(address or self._coordinator)
            answer = line.ask("GET", f"{path}?{urlencode({**query, 'session_id': session})}")
            if answer.status != http.HTTPStatus.OK:
                line.close()
                raise Garbled(f"HTTP {answer.status}")
            pieces: list[bytes] = []
            line.read(answer, pieces.append)
            try:
                return json.loads(b"".join(pieces))
            except ValueError as error:
                raise Garbled("JSON") from error

    def put(self, path: str, query: Mapping[str, str], body: bytes, address: str = "") -> None:
        """Content to one of the HTTP handlers; another host of the pool is asked when the first one names it."""
        with self.deadline(), self._mapped():
            place = f"{path}?{urlencode({**query, 'session_id': self._open()})}"
            status, elsewhere = self._sent(address or self._coordinator, place, body)
            if status == http.HTTPStatus.FOUND and elsewhere:
                status, _ = self._sent(elsewhere, place, body)
            if status != http.HTTPStatus.OK:
                raise Garbled(f"HTTP {status}")

    def close(self) -> None:
        """Safe to call twice."""
        if self._session and self._pid == os.getpid():
            self._nested, self._patience.left = True, min(GOODBYE, self.target.timeout)
            with suppress(Exception):  # it ends by itself, some time
                self._ask("session.logout", self._session)
            self._nested = False
        self._drop()

    # Sessions

    def _open(self) -> str:
        if self._pid != os.getpid():  # a child of the process that logged in must not use its connection
            self._session, self._lines, self._pid = "", {}, os.getpid()
        if not self._session:
            self._log_in()
        return self._session

    def _log_in(self) -> None:
        account = (self.target.username, self.target.secret, API_VERSION, ORIGINATOR)
        self._coordinator = self._coordinator or self.target.address
        try:
            self._session = str(self._ask("session.login_with_password", *account))
        except XenAPI.Failure as failure:
            if str(failure.details[0]) != "HOST_IS_SLAVE":
                raise
            self._follow(failure.details)
            self._session = str(self._ask("session.login_with_password", *account))

    def _follow(self, details: Sequence[object]) -> None:
        """To the coordinator that a supporter names. It gets the account only once its certificate is verified."""
        named = str(details[1]) if len(details) > 1 else ""
        with suppress(InvalidRequest):
            fields.host(named)
            self._coordinator = named
            return
        raise Garbled("A supporter named no coordinator.")

    def _leave(self, details: Sequence[object]) -> None:
        """The session has ended, or its host is the coordinator no more."""
        if str(details[0]) == "HOST_IS_SLAVE":
            with suppress(XenAPI.Failure):
                self._ask("session.logout", self._session)
            self._follow(details)
        self._session = ""

    def _drop(self) -> None:
        lines = self._lines.values() if self._pid == os.getpid() else ()
        for line in lines:
            with suppress(OSError):
                line.close()
        self._lines, self._session, self._coordinator = {}, "", ""

    # Asking

    def _line(self, address: str) -> Line:
        if self._tls is None:
            self._tls = tls.context(self.target)
        if address not in self._lines:
            self._lines[address] = Line(address, self.target.port or PORT, self._tls, self._patience)
        return self._lines[address]

    def _ask(self, method: str, *args: Any) -> Any:
        """One call. The library's own dispatcher logs in by itself, and then sends a call up to three times."""
        url = f"https://{fields.host(self._coordinator)}:{self.target.port or PORT}"
        session = XenAPI.Session(url, transport=Transport(self._line(self._coordinator)))
        answer = getattr(session, method)(*args)
        if not isinstance(answer, dict) or not (answer.get("ErrorDescription") or "Value" in answer):
            raise Garbled("An answer without a status.")
        if answer.get("Status") != "Success":
            raise XenAPI.Failure(answer.get("ErrorDescription") or ["INTERNAL_ERROR"])
        return answer["Value"]

    def _sent(self, address: str, place: str, body: bytes) -> tuple[int, str]:
        line = self._line(address)
        answer = line.ask("PUT", place, body, "application/octet-stream")
        elsewhere = urlsplit(answer.getheader("Location") or "").hostname or ""
        line.close()
        if elsewhere:
            with suppress(InvalidRequest):
                fields.host(elsewhere)
                return answer.status, elsewhere
        return answer.status, ""

    @contextmanager
    def _mapped(self) -> Iterator[None]:
        try:
            yield
        except HypervisorError:
            raise
        except XenAPI.Failure as failure:
            raise self._scrubbed(failure.details) from None
        except ssl.SSLCertVerificationError as error:
            self._lost()
            raise AccessDenied(tls.UNTRUSTED, native=error.verify_message) from None
        except TimeoutError:
            self._lost()
            raise Unreachable(f"No answer within {self.target.timeout:g} seconds.") from None
        except (OSError, http.client.HTTPException) as error:
            self._lost()
            raise Unreachable("The pool does not answer.", native=type(error).__name__) from None
        except Exception as error:  # whatever the library makes of an answer that is none
            self._lost()
            said = str(error) if isinstance(error, Garbled) else type(error).__name__
            raise Unreachable(GARBLED, native=said) from None

    def _scrubbed(self, details: Sequence[object]) -> HypervisorError:
        """Servers have been seen to repeat what they were told."""
        secrets = [secret for secret in (self.target.secret, self._session) if secret]
        said = [str(detail) for detail in details]
        for secret in secrets:
            said = [text.replace(secret, "***") for text in said]
        return mapping.fault(said)

    def _lost(self) -> None:
        """The next call begins anew: connections, and the way to the coordinator. The session may live on."""
        for line in self._lines.values():
            with suppress(OSError):
                line.close()
        if not self._session:
            self._coordinator = ""

    # What nearly everything needs

    def records(self, cls: str) -> dict[str, Record]:
        """All objects of a class, by reference."""
        found = self.call(f"{cls}.get_all_records")
        return {str(ref): one for ref, one in found.items() if isinstance(one, dict)}

    def record(self, cls: str, ref: str) -> Record:
        """Raises NotFound when it is gone."""
        found = self.call(f"{cls}.get_record", ref)
        if not isinstance(found, dict):
            raise NotFound("The pool does not have this any more.")
        return found

    def session(self) -> Record:
        """The record of our own session, with the rights of its account."""
        with self.deadline():
            self.call("pool.get_all_records")  # a session that ended would be asked after in vain
            return self.record("session", self._session)

    def by_uuid(self, cls: str, uuid: str) -> str:
        """A reference. Raises NotFound; what is no UUID is not asked for."""
        found = mapping.uuid(uuid)
        if found is None or str(found) != uuid:
            raise NotFound("The pool does not have this.")
        return str(self.call(f"{cls}.get_by_uuid", uuid))

    def named(self, cls: str, name: str) -> list[str]:
        """References, in an order that stays."""
        return sorted(mapping.refs(self.call(f"{cls}.get_by_name_label", name)))

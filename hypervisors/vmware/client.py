"""Speaks to one vCenter: session, property collector, tasks. Only here and in `transport` is the wire touched.

Whatever reads or changes something runs inside `run`, which signs in, renews a session that ended, bounds the time and
maps faults; a session that ends in the middle makes it begin again, so that all work there is safe to repeat.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from pyVmomi import vim, vmodl

from hypervisors.contract import Target
from hypervisors.errors import HypervisorError
from hypervisors.vmware import mapping
from hypervisors.vmware.rows import Row, TaskState, Wanted, filter_of, pages, reference, row_of
from hypervisors.vmware.transport import Deadline, Stub

T = TypeVar("T")

CHUNK = 1000
"""Objects in one answer: as quick as all at once, and a third of the memory."""
TASK = ("info.state", "info.progress", "info.error", "info.result")

GOING = ("queued", "running")
FAREWELL = 3.0
"""Seconds for signing out, at the most."""

VERSIONS = {"6.7": "vim.version.version12", "6.7.3": "vim.version.version15", "7.0": "vim.version.v7_0"}
"""What a server says that it speaks at least -> what we speak then. Newer ones understand it too."""


class Client:
    """One connection, not shared between threads. Opened by the first call, and anew after a fork."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self._deadline = Deadline(target.timeout)
        self._stub: Any = None
        self._content: Any = None
        self._pid = 0
        self._kept: dict[str, Any] = {}

    def run(self, work: Callable[[], T]) -> T:
        """What `work` returns; raises our taxonomy only."""
        self._deadline.begin()
        try:
            self._sign_in()
            try:
                return work()
            except vim.fault.NotAuthenticated:
                self._forget_session()
                self._sign_in()
                return work()
        except vmodl.MethodFault as error:
            raise self.mapped(error) from error
        except TimeoutError as error:
            raise mapping.too_late(self.target.timeout) from error

    def mapped(self, error: Exception) -> HypervisorError:
        return mapping.fault(error, hide=self.target.secret)

    def left(self) -> float:
        """Seconds until the call under way must be over."""
        return self._deadline.left()

    def close(self) -> None:
        """Signs out: a vCenter has few sessions to give. Safe to call twice."""
        if self._stub is not None and self._pid == os.getpid():
            self._deadline.begin(FAREWELL)
            if self._content is not None:
                with suppress(vmodl.MethodFault, HypervisorError, TimeoutError):
                    self._content.sessionManager.Logout()
            self._stub.DropConnections()
        self._forget_session()
        self._stub = None

    def _forget_session(self) -> None:
        if self._stub is not None:
            self._stub.cookie = ""
        self._content = None
        self._kept.clear()

    def _sign_in(self) -> None:
        if self._stub is None or self._pid != os.getpid():
            self._forget_session()
            self._stub, self._pid = Stub(self.target, self._deadline), os.getpid()
        if self._content is not None:
            return
        content: Any = vim.ServiceInstance("ServiceInstance", self._stub).RetrieveContent()
        offered = _numbers(content.about.apiVersion)
        spoken = [version for least, version in VERSIONS.items() if offered >= _numbers(least)]
        if spoken:
            self._stub.ComputeVersionInfo(spoken[-1])
        content.sessionManager.Login(self.target.username, self.target.secret, "en")
        self._content = content

    @property
    def content(self) -> Any:
        """vim.ServiceInstanceContent of the session."""
        return self._content

    @property
    def knows_creation(self) -> bool:
        """Machines tell when they were made since 6.7."""
        return _numbers(self._content.about.apiVersion) >= (6, 7)

    def product(self) -> str:
        """Asked anew, and by the session, so that it is known to be alive."""
        self.read_one(self._content.sessionManager, ["currentSession"])
        return str(vim.ServiceInstance("ServiceInstance", self._stub).RetrieveContent().about.fullName)

    def keep(self, name: str, read: Callable[[], T]) -> T:
        """Read once per session: what does not change under a machine's feet."""
        if name not in self._kept:
            self._kept[name] = read()
        found: T = self._kept[name]
        return found

    def object(self, kind: type[T], ref: str) -> T:
        """The object behind a reference; whether it is there, the first call on it tells."""
        return kind(ref, self._stub)  # type: ignore[call-arg]

    # Reading. Never attribute by attribute: one call each, and an unset one breaks the simulator's handler.

    def read(self, *wanted: Wanted) -> Iterator[Row]:
        """Rows in the order the server gives; what is gone is left out."""
        spec = [filter_of(one) for one in wanted]
        collector = self._content.propertyCollector
        options = vmodl.query.PropertyCollector.RetrieveOptions(maxObjects=CHUNK)
        first = collector.RetrievePropertiesEx(spec, options)
        return map(row_of, pages(first, collector.ContinueRetrievePropertiesEx))

    def read_one(self, found: Any, paths: Sequence[str]) -> Row | None:
        return next(self.read(Wanted([found], {type(found): paths})), None)

    def read_chunks(self, kind: type[Any], refs: Sequence[str], paths: Sequence[str]) -> Iterator[Row]:
        """Many objects of one kind, so many at a time."""
        for start in range(0, len(refs), CHUNK):
            objects = [self.object(kind, ref) for ref in refs[start : start + CHUNK]]
            yield from self.read(Wanted(objects, {kind: paths}))

    @staticmethod
    def way(kind: type[Any], path: str, **more: Any) -> Any:
        """From objects of a kind to those that one of their properties names."""
        return vmodl.query.PropertyCollector.TraversalSpec(type=kind, path=path, skip=False, **more)

    @contextmanager
    def view(self, *kinds: type[Any]) -> Iterator[Any]:
        """All objects of these kinds, wherever they are."""
        found = self._content.viewManager.CreateContainerView(self._content.rootFolder, list(kinds), True)
        try:
            yield found
        finally:
            with suppress(vmodl.MethodFault, HypervisorError):
                found.DestroyView()

    def through(self, view: Any, paths: Mapping[type[Any], Sequence[str]], *, list_too: bool = False) -> Wanted:
        """What a view holds; with `list_too` the list of its references as well."""
        step = self.way(vim.view.ContainerView, "view")
        own = {vim.view.ContainerView: ("view",)} if list_too else {}
        return Wanted([view], {**own, **paths}, [step], skip=not list_too)

    def under_way(self, vm: Any) -> list[Any]:
        """Tasks that are being carried out on a machine, by whoever."""
        ways = [self.way(vim.VirtualMachine, "recentTask")]
        rows = self.read(Wanted([vm], {vim.Task: ("info.state",)}, ways, skip=True))
        return [self.object(vim.Task, row.ref) for row in rows if row.get("info.state") in GOING]

    def wait(self, tasks: Sequence[Any], *, margin: float) -> None:
        """Until all of these tasks are over, or only that part of the time-out is left. The server does the waiting."""
        if not tasks:
            return
        query = vmodl.query.PropertyCollector
        watched = self._content.propertyCollector.CreateFilter(
            filter_of(Wanted(tasks, {vim.Task: ("info.state",)})), True
        )
        going, version = {reference(task) for task in tasks}, ""
        try:
            while going and (left := self.left() - margin * self.target.timeout) >= 1:
                options = query.WaitOptions(maxWaitSeconds=int(left))
                update = self._content.propertyCollector.WaitForUpdatesEx(version, options)
                if update is None:
                    return
                version = update.version
                going -= {reference(one.obj) for part in update.filterSet for one in part.objectSet if _is_over(one)}
        finally:
            with suppress(vmodl.MethodFault, HypervisorError):
                watched.DestroyPropertyFilter()

    def find_uuid(self, uuid: str) -> Any:
        """The machine with this instance UUID, of which a vCenter allows one; None where there is none."""
        return self._content.searchIndex.FindByUuid(None, uuid, True, True)

    def find_child(self, folder: Any, name: str) -> Any:
        return self._content.searchIndex.FindChild(folder, mapping.escaped(name))

    def task(self, ref: str) -> TaskState | None:
        """None for a task that the server does not know (any more)."""
        row = self.read_one(self.object(vim.Task, ref), TASK)
        if row is None:
            return None
        state = row.get("info.state")
        return TaskState(
            running=state in GOING,
            percent=int(row.get("info.progress") or 0),
            error=row.get("info.error") if state == "error" else None,
            value=row.get("info.result"),
        )


@contextmanager
def where_allowed() -> Iterator[None]:
    """For what is good to have: without the right to it, or with the server out of collectors, it is left. The end of
    a session is no such lack."""
    try:
        yield
    except vim.fault.NotAuthenticated:
        raise
    except (vim.fault.NoPermission, vim.fault.InvalidState):
        return


def _is_over(update: Any) -> bool:
    """A task that ended, or that is gone."""
    ended = any(change.val in ("success", "error") for change in update.changeSet or ())
    return ended or bool(update.kind == "leave")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdecimal())

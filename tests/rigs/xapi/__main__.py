"""`python -m tests.rigs.xapi --port 8443 --cert server.pem --key server.key`: the server, until it is told to stop."""

from __future__ import annotations

import argparse
import json
import signal
import ssl
from pathlib import Path
from threading import Event

from tests.rigs.xapi import (  # noqa: F401 - what is imported here registers its calls
    control,
    devices,
    estate,
    events,
    machines,
    placement,
    power,
    sessions,
    snapshots,
    storage,
    suspension,
    tasks,
)
from tests.rigs.xapi.calls import TABLE, Call, complete
from tests.rigs.xapi.context import Account, Context, Pool, Settings
from tests.rigs.xapi.datamodel import Type
from tests.rigs.xapi.server import Site


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="xapi", description="A XenAPI server for tests.")
    parser.add_argument("--address", action="append", help="one for each host, the coordinator's first")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--cert", type=Path)
    parser.add_argument("--key", type=Path)
    parser.add_argument("--control", type=Path, help="Unix socket for the tests' own commands")
    parser.add_argument("--start", choices=("ordinary", "golden"), default="ordinary")
    parser.add_argument("--hosts", type=int, default=1, help="where no addresses are given: 127.0.0.2 and following")
    parser.add_argument("--memory-gib", type=float, default=64)
    parser.add_argument("--vms", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--username", default="root")
    parser.add_argument("--password", default="xensource")
    parser.add_argument("--clone-seconds", type=float, default=0.0)
    parser.add_argument("--copy-seconds", type=float, default=0.0)
    parser.add_argument("--supporter-of", default="", help="refuse logins and name this coordinator")
    return parser.parse_args()


def _pool(given: argparse.Namespace, addresses: list[str]) -> Pool:
    settings = Settings(
        clone_seconds=given.clone_seconds,
        copy_seconds=given.copy_seconds,
        supporter_of=given.supporter_of,
        accounts={given.username: Account(given.password)},
    )
    pool = Pool(given.seed, settings)
    with pool.db.changed:
        if given.start == "golden":
            estate.golden(pool)
        else:
            estate.ordinary(pool, addresses, memory=int(given.memory_gib * estate.GIB))
        if given.vms:
            estate.populate(pool, given.vms)
    return pool


def _list_methods(ctx: Context) -> list[str]:
    return sorted(TABLE)


def main() -> None:
    given = _arguments()
    TABLE["system.listMethods"] = Call(
        "system.listMethods", (), Type("set", of=(Type("string"),)), _list_methods, bare=True
    )
    complete()
    addresses = given.address or [f"127.0.0.{number + 2}" for number in range(given.hosts)]
    tls = None
    if given.cert:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(given.cert, given.key)
    site = Site(_pool(given, addresses), [(address, given.port) for address in addresses], tls)
    stop = Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    site.open()
    if given.control:
        control.listen(site, given.control)
    print(json.dumps({"listening": site.addresses}), flush=True)
    stop.wait()
    site.close()


if __name__ == "__main__":
    main()

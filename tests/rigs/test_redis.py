"""Wake-ups on Redis: alone, by TLS, behind Sentinels; and what a page waits for when it is away."""

import socket
import time
from collections.abc import Callable, Iterator

import pytest
from kombu.exceptions import OperationalError

from portal.brokers import broker
from portal.celery import QUEUES, Portal
from tests.rigs.fixtures import redis_is_there
from tests.rigs.redis import MASTER, RedisRig, SentinelRig

pytestmark = pytest.mark.rig

SOON = 5.0
"""Seconds on a busy machine for what is told to take half a second, or once that for each Sentinel. Untold, it takes
twenty, or never ends."""

Send = Callable[..., Portal]


@pytest.fixture(autouse=True)
def there() -> None:
    redis_is_there()


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> Iterator[Send]:
    """An application with the settings that an installation would make of these."""
    apps: list[Portal] = []

    def connected(environ: dict[str, str]) -> Portal:
        for name in ("CA_FILE", "CERT_FILE", "KEY_FILE", "SENTINEL_MASTER", "SENTINEL_PASSWORD"):
            monkeypatch.setenv(f"BROKER_{name}", environ.get(f"BROKER_{name}", ""))
        app = Portal("tried", set_as_current=False)
        app.conf.update(**broker(environ["BROKER_URL"]), task_publish_retry=False, task_queues=QUEUES)
        apps.append(app)
        return app

    yield connected
    for app in apps:
        app.close()  # and with it the pool of connections


def wake(app: Portal) -> None:
    app.rests_until = 0.0
    app.send_task("lifecycle.tasks.work_operation", args=[1], queue="provisioning", expires=30)


def refused(app: Portal) -> float:
    """Seconds until the application knew that nobody was woken."""
    began = time.monotonic()
    with pytest.raises(OperationalError):
        wake(app)
    return time.monotonic() - began


@pytest.mark.parametrize(
    ("password", "tls"), [("", False), ("p@ss/w?#rd %;", False), ("word", True)], ids=["plain", "password", "tls"]
)
def test_a_wake_up_arrives(connect: Send, password: str, tls: bool) -> None:
    with RedisRig(password=password, tls=tls) as rig:
        wake(connect(rig.environ))

        assert rig.server.ask("LLEN", "provisioning") == 1


@pytest.mark.parametrize(
    "changed",
    [{"BROKER_CA_FILE": "stranger.pem"}, {"BROKER_CERT_FILE": "", "BROKER_KEY_FILE": ""}],
    ids=["other-authority", "no-certificate"],
)
def test_tls_with_anybody_else_is_refused(connect: Send, changed: dict[str, str]) -> None:
    with RedisRig(tls=True) as rig:
        assert rig.tls is not None
        app = connect({**rig.environ, **{name: file and str(rig.tls / file) for name, file in changed.items()}})

        assert refused(app) < SOON
        assert rig.server.ask("LLEN", "provisioning") == 0


def test_tls_under_another_name_is_refused(connect: Send) -> None:
    with RedisRig(tls=True) as rig:
        app = connect({**rig.environ, "BROKER_URL": rig.environ["BROKER_URL"].replace("127.0.0.1", "localhost")})

        assert refused(app) < SOON


def test_a_restart_is_survived_without_a_word(connect: Send) -> None:
    with RedisRig() as rig:
        app = connect(rig.environ)
        wake(app)
        rig.server.end()
        assert refused(app) < SOON
        rig.server.start()

        wake(app)

        assert rig.server.ask("LLEN", "provisioning") == 1


def test_a_page_does_not_wait_for_a_broker_that_hangs(connect: Send) -> None:
    with RedisRig() as rig:
        app = connect(rig.environ)
        wake(app)
        rig.server.freeze()

        assert refused(app) < SOON


@pytest.mark.parametrize("kind", ["redis", "rediss", "sentinel"])
def test_a_page_does_not_wait_for_a_port_that_swallows(connect: Send, kind: str) -> None:
    with socket.socket() as hole:
        hole.bind(("127.0.0.1", 0))
        hole.listen(50)
        place = f"{kind}://127.0.0.1:{hole.getsockname()[1]}"
        app = connect({"BROKER_URL": place, "BROKER_SENTINEL_MASTER": MASTER if kind == "sentinel" else ""})

        assert refused(app) < SOON


def test_only_the_first_of_many_waits(connect: Send) -> None:
    with socket.socket() as hole:
        hole.bind(("127.0.0.1", 0))
        hole.listen(50)
        app = connect({"BROKER_URL": f"redis://127.0.0.1:{hole.getsockname()[1]}"})
        refused(app)
        app.rests_until = time.monotonic() + app.REST

        def send() -> None:
            with pytest.raises(OperationalError, match="a moment ago"):
                app.send_task("lifecycle.tasks.work_operation", args=[1], queue="provisioning")

        for _ in range(200):
            send()


@pytest.mark.parametrize("guarded", [False, True], ids=["plain", "tls-and-passwords"])
def test_sentinels_name_the_master_and_its_successor(connect: Send, guarded: bool) -> None:
    words = {"password": "p@ss", "sentinel_password": "s;t", "tls": True} if guarded else {}
    with SentinelRig(**words) as rig:  # type: ignore[arg-type]
        wait_for(rig.agreed)
        app = connect(rig.environ)
        wake(app)
        assert rig.server.ask("LLEN", "provisioning") == 1

        rig.sentinels[0].freeze()
        rig.server.freeze()
        wait_for(lambda: rig.replica.ask("INFO", "replication")["role"] == "master")
        wait_for(lambda: delivered(app))

        assert rig.replica.ask("LLEN", "provisioning") >= 1


def delivered(app: Portal) -> bool:
    try:
        wake(app)
    except OperationalError:
        return False
    return True


def wait_for(look: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not look():
        assert time.monotonic() < deadline
        time.sleep(0.1)

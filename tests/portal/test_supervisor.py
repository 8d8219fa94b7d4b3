"""The demo's process group, with small programs in the places of web, worker and beat."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = """
import os, signal, sys
from pathlib import Path
from portal import supervisor
supervisor.PATIENCE = {patience}
here = Path({here!r})
programs = [
    supervisor.Program(file.stem, [sys.executable, str(file)], here / (file.stem + ".log"))
    for file in sorted(here.glob("*.py"))
]
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # whoever runs the tests may do so under nohup
keeper = supervisor.Supervisor(programs, env=os.environ)
sys.exit(keeper.run(ready=lambda: {ready}, announce=lambda: supervisor.say("ready"), within={within}))
"""
# Writes down who it is, then waits for ever.
SIT = (
    "import os, pathlib, time; pathlib.Path(__file__).with_suffix('.pid').write_text(str(os.getpid())); time.sleep(60)"
)
# Like a worker: a child holds a job of a second; asked to stop, the leader lets it finish.
WORK = """
import os, pathlib, signal, sys, time
here = pathlib.Path(__file__)
child = os.fork()
if child == 0:
    while not here.with_suffix('.asked').exists():
        time.sleep(0.05)
    time.sleep(1)
    here.with_suffix('.done').write_text('done')
    os._exit(0)
def stop(*_):
    here.with_suffix('.asked').write_text('')
    os.waitpid(child, 0)
    sys.exit()
signal.signal(signal.SIGTERM, stop)
here.with_suffix('.pid').write_text(str(child))
time.sleep(60)
"""
# Does not hear anything.
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + SIT


class Bench:
    """A folder of programs and the supervisor that runs them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process: subprocess.Popen[str] | None = None

    def start(self, *, patience: float = 10, ready: str = "True", within: float = 60, **programs: str) -> None:
        for name, text in programs.items():
            (self.folder / f"{name}.py").write_text(text)
        script = SCRIPT.format(patience=patience, here=str(self.folder), ready=ready, within=within)
        command = [sys.executable, "-c", script]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True)

    def pid(self, name: str) -> int:
        path = self.folder / f"{name}.pid"
        wait_for(lambda: path.exists() and path.read_text() != "")
        return int(path.read_text())

    def signal(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def end(self) -> tuple[int, str]:
        assert self.process is not None
        output, _ = self.process.communicate(timeout=40)
        return self.process.returncode, output


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    if bench.process is not None:
        with bench.process:
            bench.process.kill()


def wait_for(condition: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.05)


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_everything(bench: Bench, number: int) -> None:
    bench.start(web=SIT, beat=SIT)
    pids = [bench.pid("web"), bench.pid("beat")]

    bench.signal(number)

    assert bench.end() == (0, "ready\n")
    assert [pid for pid in pids if alive(pid)] == []


def test_a_job_in_hand_is_finished_first(bench: Bench) -> None:
    bench.start(worker=WORK)
    bench.pid("worker")

    bench.signal(signal.SIGINT)

    assert bench.end()[0] == 0
    assert (bench.folder / "worker.done").exists()


def test_what_does_not_stop_is_killed_with_its_group(bench: Bench) -> None:
    bench.start(patience=0.3, web=DEAF)
    pid = bench.pid("web")

    bench.signal(signal.SIGINT)

    assert bench.end()[0] == 0
    assert not alive(pid)


def test_the_programs_go_when_the_supervisor_is_killed(bench: Bench) -> None:
    bench.start(web=SIT, beat=SIT)
    pids = [bench.pid("web"), bench.pid("beat")]

    bench.signal(signal.SIGKILL)

    wait_for(lambda: not any(alive(pid) for pid in pids))


def test_a_program_that_dies_is_started_again(bench: Bench) -> None:
    bench.start(web=SIT)
    first = bench.pid("web")

    os.kill(first, signal.SIGKILL)
    wait_for(lambda: bench.pid("web") != first)

    assert alive(bench.pid("web"))


def test_a_program_that_keeps_dying_ends_all_of_it(bench: Bench) -> None:
    bench.start(ready="False", web=SIT, beat="raise SystemExit(3)")

    code, output = bench.end()

    assert code == 1
    assert output.count("beat ended (3); starting it again") == 3
    assert "beat ended again (3); giving up" in output
    assert not alive(bench.pid("web"))


def test_a_line_that_tells_of_an_error_is_shown(bench: Bench) -> None:
    bench.start(
        web="print('12:00 ERROR portal Out of paper', flush=True); print('12:00 INFO fine', flush=True)\n" + SIT
    )
    bench.pid("web")
    wait_for(lambda: "fine" in (bench.folder / "web.log").read_text())
    time.sleep(0.5)

    bench.signal(signal.SIGINT)

    assert "web: 12:00 ERROR portal Out of paper" in bench.end()[1].splitlines()


def test_what_is_not_ready_in_time_stops_and_names_the_logs(bench: Bench) -> None:
    bench.start(ready="False", within=0.5, web=SIT)

    code, output = bench.end()

    assert code == 1
    assert str(bench.folder / "web.log") in output

"""What no committed file may hold: where a package came from, or where somebody's checkout lies."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Written in pieces, so that this file does not find itself.
REGISTRIES = [
    "py" + "pi.org/simple",
    "files.python" + "hosted.org",
    "registry.npm" + "js.org",
    "registry.yarn" + "pkg.com",
]
INDEX_OPTIONS = r"^\s*--?(?:extra-)?index" + r"-url\b|^\s*--find" + r"-links\b"
# Home folders and checkouts; what Debian puts under /usr, /etc and /var is the same everywhere.
MACHINE_PATHS = r"(?<![\w.:/}-])/(?:home|root|Users|work|workspace|mnt|opt)" + r"/[\w.-]+/"
FORBIDDEN = re.compile("|".join([*map(re.escape, REGISTRIES), INDEX_OPTIONS, MACHINE_PATHS]), re.MULTILINE)


def committed() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def test_no_file_names_a_registry_or_a_machine_s_path() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {match.group().strip()}"
        for path in committed()
        for match in FORBIDDEN.finditer(path.read_text(errors="ignore"))
    ]

    assert found == []


def test_every_requirement_has_a_hash() -> None:
    for path in (ROOT / "requirements").glob("*.txt"):
        blocks = re.split(r"\n(?=\S)", path.read_text().strip())
        assert [block for block in blocks if "--hash=sha256:" not in block] == [], path.name

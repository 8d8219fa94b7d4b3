"""The invented company of the demo, Nordhafen Werke: its teams, their people, and what stands in its data centre."""

from __future__ import annotations

from typing import NamedTuple


class Team(NamedTuple):
    name: str
    people: tuple[str, ...]
    """User names: first letter and surname."""
    names: tuple[str, ...]
    """How the team calls its machines; `{}` is a number."""
    pools: tuple[str, ...]
    network: str
    purposes: tuple[str, ...]


GENERAL, PRODUCTION, LAB = "Hamburg general", "Hamburg production", "Lab"

POOLS = {GENERAL: ("esx-ham", 6, 0.62), PRODUCTION: ("esx-prod", 4, 0.90), LAB: ("esx-lab", 2, 0.94)}
"""Name -> host prefix, hosts, share of the memory that running machines hold."""

DATASTORES = {"ssd-ham-1": GENERAL, "ssd-ham-2": GENERAL, "hdd-ham-1": GENERAL, "ssd-prod-1": PRODUCTION, "lab-1": LAB}

IMAGES = {  # name -> GiB
    "Debian 12": 8,
    "Ubuntu 24.04 LTS": 10,
    "Rocky Linux 9": 10,
    "PostgreSQL 16": 20,
    "Spark worker": 30,
    "Lab scratch": 6,
    "Windows Server 2025": 60,
}

SIZES = {"S": (2, 4, 40), "M": (4, 16, 60), "L": (8, 32, 60), "XL": (16, 64, 80), "M128": (16, 128, 80)}
"""vCPU, GiB of memory, GiB of system disk."""

TEAMS = (
    Team(
        "Data Platform", ("lbrandt", "pzielinski", "twieczorek", "sokafor", "mfischer"),
        ("dp-ingest-{:02}", "airflow-worker-{:02}", "spark-node-{:02}", "ml-train-{:02}", "dbt-run-{}", "kafka-{:02}"),
        (GENERAL, GENERAL, GENERAL, PRODUCTION), "dp-internal",
        ("Nightly load of the sales data", "Trial of the new streaming platform", "Training runs of the churn model"),
    ),
    Team(
        "Web Shops", ("jpetersen", "cnowak", "hlindberg", "rdubois"),
        ("shop-web-{:02}", "checkout-stage-{:02}", "shop-search-{:02}", "varnish-{:02}", "cms-test-{}", "shop-lt-{}"),
        (PRODUCTION, PRODUCTION, GENERAL), "shop-stage",
        ("Staging of the spring shop", "Load tests before the sale", "Preview for the editors"),
    ),
    Team(
        "Test Automation", ("akaya", "dmahler", "tvogel"),
        ("ci-agent-{:02}", "selenium-{:02}", "win11-test-{:02}", "device-farm-{}", "nightly-e2e-{:02}"),
        (GENERAL, GENERAL, LAB), "ci-build",
        ("Build farm", "Browser tests of every release", "Regression runs at night"),
    ),
    Team(
        "SAP Basis", ("mehrlich", "klindqvist", "ajansen"),
        ("sapq{}", "sapd{}", "sap-router-{:02}", "hana-dev-{:02}", "sap-print-{}"),
        (PRODUCTION, PRODUCTION, GENERAL), "sap-core",
        ("Quality system of the finance release", "Development system", "Copy for the yearly audit"),
    ),
    Team(
        "Research", ("ebergman", "nwinkler", "oyilmaz"),
        ("sim-node-{:02}", "matlab-{:02}", "gpu-prep-{}", "sensor-replay-{:02}", "paper-{}"),
        (LAB, LAB, GENERAL), "lab",
        ("Simulation of the quay wall", "Replay of sensor data", "Measurements for the paper of May"),
    ),
    Team(
        "Network Services", ("isolheim", "mnovak", "gruiz"),
        ("dns-{:02}", "radius-{:02}", "proxy-{:02}", "ntp-{}", "flow-collector-{:02}"),
        (PRODUCTION, GENERAL), "mgmt",
        ("Name service of the branch offices", "Sign-in to the wireless network", "Outgoing proxy"),
    ),
    Team(
        "Terminals", ("bhansen", "wkruger", "lsorensen"),
        ("tos-stage-{:02}", "crane-sim-{:02}", "gate-cam-{:02}", "kiosk-sim-{}", "yard-plan-{:02}"),
        (GENERAL, PRODUCTION), "terminals",
        ("Staging of the terminal system", "Trainer for crane drivers", "Plan of the new yard"),
    ),
)  # fmt: skip


class Known(NamedTuple):
    """A machine with a story. `size` is vCPU, GiB of memory, GiB of disk; `age` and `idle` are days."""

    name: str
    team: str
    by: str
    size: tuple[int, int, int]
    age: int
    note: str = ""
    profile: str = "office-hours"
    idle: int | None = None
    power: str = "on"
    pool: str = GENERAL


class Traces(NamedTuple):
    """What people left on a machine of a story, that may tell whose it is."""

    folder: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    """Custom fields and tags; a tag has an empty value."""
    powered: tuple[str, int] | None = None
    """Who last started or stopped it, and how many days ago."""
    snapshots: tuple[tuple[str, int], ...] = ()
    """Name and age in days, oldest first."""
    copy_of: str = ""
    """Another machine whose UUID it has, as clones and restored backups have that were not made distinct."""


HELD = (
    Known("spark-bench-01", "Data Platform", "lbrandt", (16, 64, 580), 131, "Quarterly Spark benchmark"),
    Known("jupyter-lena", "Data Platform", "lbrandt", (4, 8, 60), 108, "Notebooks for the churn model"),
    Known("grafana-eval", "Data Platform", "lbrandt", (2, 4, 40), 45, "Trial of the new dashboards"),
    Known("kafka-poc-02", "Data Platform", "lbrandt", (8, 32, 60), 150, "PoC, see ticket DP-1182", "busy", 38),
    Known("dp-ingest-03", "Data Platform", "lbrandt", (4, 16, 60), 251, "Ingest, batch 2026", "nightly"),
    Known("dp-ingest-04", "Data Platform", "lbrandt", (4, 16, 60), 251, "Ingest, batch 2026", "nightly"),
    Known("pg-migration-test", "Data Platform", "lbrandt", (4, 16, 60), 74, "Rehearsal of the move to 16", power="off"),
)

ORPHANS = (
    Known("sapq2-copy", "SAP Basis", "mehrlich", (8, 64, 900), 741, "SAPQ2 before upgrade, M. Ehrlich", "idle"),
    Known("jenkins-agent-old", "Test Automation", "akaya", (8, 16, 240), 1347, "CI Kaya, build farm", "spiky"),
    Known("win10-golden-TEST", "Test Automation", "administrator", (4, 16, 120), 425, "", "idle"),
    Known("shop-lt-runner-7", "Web Shops", "svc-deploy", (8, 16, 60), 152, "load test", "spiky", 90),
    Known("shop-lt-runner-8", "Web Shops", "svc-deploy", (8, 16, 60), 152, "load test", "spiky", 90),
    Known("tmp-restore-pg", "Data Platform", "lbrandt", (4, 8, 300), 213, "restore test, delete after friday", "idle"),
    Known("vm-0417", "Data Platform", "pzielinski", (4, 8, 80), 334, "", "spiky"),
    Known("ubuntu-tpl-broken", "", "administrator", (2, 8, 40), 274, "DO NOT USE", "idle", None, "off", LAB),
    Known("mgr-vpn-fallback", "Network Services", "svc-provision", (2, 4, 40), 1461, "fallback for the managers' VPN"),
    Known("nagios2", "Network Services", "gruiz", (2, 4, 40), 2204, "old monitoring, still alerting?", "busy"),
    Known("test-do-not-delete", "", "root", (2, 4, 40), 1102, "do not delete!!!", "idle"),
    Known("kiosk-sim-3", "Terminals", "svc-provision", (2, 2, 30), 244, "kiosk simulator, team terminals", "idle"),
    Known("ansible-sandbox", "Web Shops", "jpetersen", (1, 2, 20), 66, "Jonas playing", "idle", None, "on", LAB),
    Known("dmahler-win7", "Test Automation", "dmahler", (2, 8, 120), 1290, "needed for the label printer", "idle"),
    Known("old-fileserver", "", "administrator", (2, 8, 1200), 1450, "migrated to nas-03 (D. Mahler)", "idle"),
    Known("oracle-xe-demo", "Research", "ebergman", (4, 8, 100), 820, "demo for the conference", "idle", None, "off"),
    Known("copy-of-copy-of-crm", "Web Shops", "cnowak", (8, 32, 400), 510, "", "idle"),
    Known("k8s-trial-1", "Data Platform", "sokafor", (4, 16, 80), 390, "k8s trial", "busy", 200),
    Known("k8s-trial-2", "Data Platform", "sokafor", (4, 16, 80), 390, "k8s trial", "busy", 200),
    Known("k8s-trial-3", "Data Platform", "sokafor", (4, 16, 80), 390, "k8s trial", "busy", 200),
    Known("minecraft", "Research", "oyilmaz", (4, 16, 60), 660, "sensor data, important", "spiky", None, "on", LAB),
    Known("tvogel-debug", "Test Automation", "tvogel", (4, 8, 60), 58, "delete me after 1 Oct", "office-hours", 40),
    Known("scan-appliance-trial", "Network Services", "mnovak", (4, 16, 200), 700, "trial licence ended", "busy"),
    Known("print-srv-b2", "", "administrator", (2, 4, 60), 1400, "building 2", "idle"),
    Known("sapd9-snap-src", "SAP Basis", "ajansen", (8, 64, 600), 300, "snapshots", "idle", None, "off", PRODUCTION),
    Known("gitlab-restore", "Test Automation", "svc-backup", (8, 32, 500), 190, "restore drill", "idle"),
    Known("crane-sim-old", "Terminals", "bhansen", (8, 16, 120), 980, "before v4", "idle", None, "off"),
    Known("hl-playground", "Web Shops", "hlindberg", (2, 4, 40), 120, "", "idle", None, "on", LAB),
    Known("Neue virtuelle Maschine (2)", "", "root", (1, 4, 40), 37, "", "idle"),
    Known("intern-2024-project", "Research", "nwinkler", (4, 8, 60), 860, "summer intern, see the paper", "idle"),
    Known("proxy-before-migration", "Network Services", "isolheim", (2, 4, 40), 410, "until proxy-02 works", "idle"),
)  # fmt: skip

TRACES = {
    "sapq2-copy": Traces("SAP/Copies", (("requester", "M. Ehrlich"),), ("mehrlich", 61), (("before SP14", 214),)),
    "jenkins-agent-old": Traces("CI", (("team", "Test Automation"), ("backup-none", ""))),
    "win10-golden-TEST": Traces("CI", (("Owner", "akaya"),), None, (("sysprep", 390), ("with Office", 350))),
    "shop-lt-runner-7": Traces("Load tests", (("cost-centre", "4130"),)),
    "shop-lt-runner-8": Traces("Load tests", (("cost-centre", "4130"),), None, (), "shop-lt-runner-7"),
    "tmp-restore-pg": Traces("Nordhafen/Data Platform", (("owner", "lena.brandt@nordhafen.example"),), ("lbrandt", 44)),
    "vm-0417": Traces("Nordhafen/Data Platform", (("contact", "Tomasz Wieczorek"),), ("twieczorek", 12)),
    "mgr-vpn-fallback": Traces("Infrastructure", (("owner", "Ingrid Solheim"), ("critical", ""))),
    "nagios2": Traces("Infrastructure", (), ("isolheim", 80)),
    "test-do-not-delete": Traces("", (("created-for", "Piotr Zieliński"),), ("pzielinski", 33)),
    "kiosk-sim-3": Traces("Terminals", (("team", "Terminals"),)),
    "old-fileserver": Traces("Infrastructure", (("owner", "dmahler"),), None, (("before nas-03", 300),)),
    "oracle-xe-demo": Traces("Research", (), ("ebergman", 71)),
    "copy-of-copy-of-crm": Traces("Load tests", (), ("jpetersen", 20), (("clean", 480), ("import", 477), ("ok?", 460))),
    "k8s-trial-1": Traces("Nordhafen/Data Platform", (("owner", "sokafor"),)),
    "k8s-trial-2": Traces("Nordhafen/Data Platform"),
    "k8s-trial-3": Traces("Nordhafen/Data Platform", (), ("twieczorek", 26)),
    "tvogel-debug": Traces("", (), None, (("before the crash", 29),)),
    "sapd9-snap-src": Traces(
        "SAP/Copies", (), ("ajansen", 66), (("1 base", 280), ("2 kernel", 250), ("3 SP11", 200), ("4 SP12", 120))
    ),
    "gitlab-restore": Traces("CI", (("department", "Test Automation"),), ("dmahler", 88)),
    "crane-sim-old": Traces("Terminals", (("Ansprechpartner", "Birte Hansen"),), ("bhansen", 40)),
    "Neue virtuelle Maschine (2)": Traces("Nordhafen/Data Platform", (("requester", "mfischer"),)),
    "ubuntu-tpl-broken": Traces("", (), ("svc-provision", 83)),
    "grafana-eval": Traces("Nordhafen/Data Platform", (("owner", "lbrandt"),), None, (("before 11.2", 31),)),
    "kafka-poc-02": Traces("Nordhafen/Data Platform", (("owner", "lbrandt"), ("ticket", "DP-1182"))),
    "dp-ingest-03": Traces("Nordhafen/Data Platform", (("owner", "lbrandt"),)),
    "dp-ingest-04": Traces("Nordhafen/Data Platform", (("owner", "lbrandt"),)),
}

MANAGED = (
    ("vCLS-4c4c4544-0031", "vCLS", (1, 1, 2)),
    ("vCLS-4c4c4544-0032", "vCLS", (1, 1, 2)),
    ("vCLS-4c4c4544-0047", "vCLS", (1, 1, 2)),
    ("vdi-dock-011", "VDI pool dock", (2, 8, 60)),
    ("vdi-dock-012", "VDI pool dock", (2, 8, 60)),
    ("vdi-dock-013", "VDI pool dock", (2, 8, 60)),
)
"""Name, what manages it, size."""

LOOSE_DISKS = (
    ("sapq1/sapq1_2.vmdk", 400), ("jenkins-master/jenkins-master.vmdk", 120), ("win2012-file/win2012-file_1.vmdk", 900),
    ("tmp/export-2024-03.vmdk", 250), ("kafka-poc-01/kafka-poc-01.vmdk", 60), ("old-crm/old-crm.vmdk", 200),
    ("old-crm/old-crm_1.vmdk", 300), ("packer-7f3a/packer-7f3a.vmdk", 20), ("packer-9c11/packer-9c11.vmdk", 20),
    ("shop-web-03/shop-web-03_2.vmdk", 80), ("hana-dev-00/hana-dev-00_1.vmdk", 512), ("iso-build/iso-build.vmdk", 40),
    ("test/test.vmdk", 40), ("nwinkler/backup.vmdk", 160),
)  # fmt: skip
"""Path and GiB of disk files whose machine is long gone."""

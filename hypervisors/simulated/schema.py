"""The tables of a data centre, and the journal that tells which machines are not as they were."""

from __future__ import annotations

TABLES = """
CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE pools (ref TEXT PRIMARY KEY, name TEXT NOT NULL, datastore_ref TEXT NOT NULL DEFAULT '',
  network_ref TEXT NOT NULL DEFAULT '');
CREATE TABLE hosts (ref TEXT PRIMARY KEY, name TEXT NOT NULL, pool_ref TEXT NOT NULL,
  cpus INTEGER NOT NULL, memory_mib INTEGER NOT NULL, connected INTEGER NOT NULL DEFAULT 1);
CREATE TABLE datastores (ref TEXT PRIMARY KEY, name TEXT NOT NULL, capacity_mib INTEGER NOT NULL,
  identity TEXT NOT NULL DEFAULT '', shared INTEGER NOT NULL DEFAULT 0);
CREATE TABLE networks (ref TEXT PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE machines (
  ref TEXT PRIMARY KEY, uuid TEXT NOT NULL, name TEXT NOT NULL COLLATE NOCASE, folder TEXT NOT NULL DEFAULT '',
  power TEXT NOT NULL DEFAULT 'off', vcpus INTEGER NOT NULL, memory_mib INTEGER NOT NULL,
  pool_ref TEXT NOT NULL DEFAULT '', host_ref TEXT NOT NULL DEFAULT '',
  address TEXT NOT NULL DEFAULT '', guest_name TEXT NOT NULL DEFAULT '', note TEXT NOT NULL DEFAULT '',
  fields TEXT NOT NULL DEFAULT '{}', stamp TEXT NOT NULL DEFAULT '', created_at TEXT NOT NULL,
  created_by TEXT NOT NULL DEFAULT '', managed_by TEXT NOT NULL DEFAULT '', is_template INTEGER NOT NULL DEFAULT 0,
  building INTEGER NOT NULL DEFAULT 0, profile TEXT NOT NULL DEFAULT 'idle', idle_from TEXT NOT NULL DEFAULT '',
  deaf INTEGER NOT NULL DEFAULT 0, stop_asked REAL, current_snapshot TEXT NOT NULL DEFAULT '',
  just_reverted INTEGER NOT NULL DEFAULT 0, seed TEXT NOT NULL DEFAULT '');
CREATE INDEX machines_by_stamp ON machines (stamp) WHERE stamp <> '';
CREATE INDEX machines_by_name ON machines (folder, name);
CREATE INDEX machines_by_uuid ON machines (uuid);
CREATE INDEX machines_by_pool ON machines (pool_ref, power);
CREATE TABLE disks (ref TEXT PRIMARY KEY, machine_ref TEXT NOT NULL DEFAULT '', name TEXT NOT NULL,
  path TEXT NOT NULL, size_mib INTEGER NOT NULL, datastore_ref TEXT NOT NULL DEFAULT '', key TEXT NOT NULL DEFAULT '',
  content TEXT NOT NULL DEFAULT '', changed_at TEXT NOT NULL DEFAULT '');
CREATE INDEX disks_by_machine ON disks (machine_ref);
CREATE INDEX disks_by_path ON disks (path);
CREATE TABLE nics (ref TEXT PRIMARY KEY, machine_ref TEXT NOT NULL, mac TEXT NOT NULL, network_ref TEXT NOT NULL,
  connected INTEGER NOT NULL DEFAULT 1);
CREATE INDEX nics_by_machine ON nics (machine_ref);
CREATE TABLE snapshots (ref TEXT PRIMARY KEY, machine_ref TEXT NOT NULL, name TEXT NOT NULL, created_at TEXT NOT NULL,
  parent_ref TEXT NOT NULL DEFAULT '', disks TEXT NOT NULL);
CREATE INDEX snapshots_by_machine ON snapshots (machine_ref);
CREATE TABLE tasks (ref TEXT PRIMARY KEY, kind TEXT NOT NULL, target TEXT NOT NULL, args TEXT NOT NULL,
  started_at REAL NOT NULL, ends_at REAL NOT NULL, state TEXT NOT NULL, code TEXT NOT NULL DEFAULT '',
  message TEXT NOT NULL DEFAULT '');
CREATE INDEX tasks_running ON tasks (ends_at) WHERE state = 'running';
CREATE INDEX tasks_by_target ON tasks (target);
CREATE TABLE events (id INTEGER PRIMARY KEY, at TEXT NOT NULL, machine_ref TEXT NOT NULL,
  machine_name TEXT NOT NULL, what TEXT NOT NULL, who TEXT NOT NULL);
CREATE INDEX events_by_machine ON events (machine_ref, id);
CREATE INDEX events_by_time ON events (at, id);
CREATE TABLE faults (id INTEGER PRIMARY KEY, call TEXT NOT NULL, code TEXT NOT NULL,
  message TEXT NOT NULL, remaining INTEGER, probability REAL);
CREATE TABLE calls (id INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, call TEXT NOT NULL,
  changing INTEGER NOT NULL, target TEXT NOT NULL);
CREATE TABLE journal (number INTEGER PRIMARY KEY AUTOINCREMENT, machine_ref TEXT NOT NULL UNIQUE);
"""

NOTE = "INSERT OR REPLACE INTO journal (machine_ref) VALUES ({row}.{column});"


def _noted(table: str, column: str) -> str:
    """A machine's parts count as the machine; a part, or a machine, that changes hands counts for both."""
    new, old = (NOTE.format(row=row, column=column) for row in ("NEW", "OLD"))
    return f"""
CREATE TRIGGER {table}_made AFTER INSERT ON {table} BEGIN {new} END;
CREATE TRIGGER {table}_gone AFTER DELETE ON {table} BEGIN {old} END;
CREATE TRIGGER {table}_changed AFTER UPDATE ON {table} BEGIN {new} END;
CREATE TRIGGER {table}_moved AFTER UPDATE ON {table} WHEN NEW.{column} <> OLD.{column} BEGIN {old} END;
"""


PARTS = {"machines": "ref", "disks": "machine_ref", "nics": "machine_ref", "snapshots": "machine_ref"}

SCHEMA = TABLES + "".join(_noted(table, column) for table, column in PARTS.items())

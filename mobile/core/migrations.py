"""The schema of the local store, one tuple of statements per version.

A released version never changes; the next one is appended.
"""

from __future__ import annotations

_V1 = (
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    """CREATE TABLE entries (
        id TEXT PRIMARY KEY, date TEXT NOT NULL, project TEXT NOT NULL, task TEXT,
        minutes INTEGER NOT NULL, note TEXT NOT NULL, billable INTEGER NOT NULL,
        source TEXT NOT NULL, version INTEGER NOT NULL
    ) WITHOUT ROWID""",
    "CREATE INDEX entries_by_date ON entries (date)",
    "CREATE INDEX entries_by_project ON entries (project, date)",
    """CREATE TABLE sheets (
        week TEXT PRIMARY KEY, state TEXT NOT NULL, version INTEGER NOT NULL, submission_id TEXT,
        reason TEXT, target_minutes INTEGER NOT NULL, history TEXT NOT NULL,
        has_entries INTEGER NOT NULL
    ) WITHOUT ROWID""",
    """CREATE TABLE projects (
        code TEXT PRIMARY KEY, name TEXT NOT NULL, customer TEXT NOT NULL,
        active INTEGER NOT NULL, billable INTEGER NOT NULL
    ) WITHOUT ROWID""",
    """CREATE TABLE approvals (
        id TEXT PRIMARY KEY, state TEXT NOT NULL, submitted_at TEXT, detailed INTEGER NOT NULL,
        body TEXT NOT NULL
    ) WITHOUT ROWID""",
    """CREATE TABLE outbox (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        kind TEXT NOT NULL, target TEXT NOT NULL, weeks TEXT NOT NULL, body TEXT NOT NULL,
        base INTEGER, tried INTEGER NOT NULL DEFAULT 0, hold_until REAL NOT NULL DEFAULT 0,
        created_at TEXT NOT NULL, problem TEXT
    )""",
    "CREATE INDEX outbox_by_target ON outbox (target)",
)

# Weeks are cached again with the next refresh; a target may be absent from now on.
_V2 = (
    "DROP TABLE sheets",
    """CREATE TABLE timesheets (
        week TEXT PRIMARY KEY, state TEXT NOT NULL, version INTEGER NOT NULL, submission_id TEXT,
        reason TEXT, target_minutes INTEGER, total_minutes INTEGER NOT NULL, history TEXT NOT NULL,
        days TEXT NOT NULL, has_entries INTEGER NOT NULL
    ) WITHOUT ROWID""",
    "ALTER TABLE entries ADD COLUMN created_at TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE projects ADD COLUMN tasks TEXT NOT NULL DEFAULT '[]'",
    "ALTER TABLE projects ADD COLUMN note_required INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE outbox ADD COLUMN attempts INTEGER NOT NULL DEFAULT 0",
)

# Validators for conditional requests (RFC 9110 section 13), and absences.
_V3 = (
    "CREATE TABLE validators (path TEXT PRIMARY KEY, etag TEXT NOT NULL, following TEXT)"
    " WITHOUT ROWID",
    """CREATE TABLE absences (
        id TEXT PRIMARY KEY, first TEXT NOT NULL, last TEXT NOT NULL, body TEXT NOT NULL
    ) WITHOUT ROWID""",
    """CREATE TABLE days (
        date TEXT PRIMARY KEY, target_minutes INTEGER, holiday TEXT, absence TEXT
    ) WITHOUT ROWID""",
)

MIGRATIONS = (_V1, _V2, _V3)

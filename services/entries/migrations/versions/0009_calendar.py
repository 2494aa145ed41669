"""Absences of people, and the company's own days off."""

from libs.postgres.migrate import run_sql

revision = "0009"
down_revision = "0008"

ABSENCES = """
CREATE TABLE absences (
    person     text NOT NULL,
    id         uuid NOT NULL,
    first_day  date NOT NULL,
    last_day   date NOT NULL,
    kind       text NOT NULL,
    portion    double precision NOT NULL,
    note       text NOT NULL,
    version    integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (person, id),
    CONSTRAINT absence_is_of_a_known_kind
        CHECK (kind IN ('vacation', 'sick', 'parental', 'unpaid', 'training', 'other')),
    CONSTRAINT absence_has_its_days CHECK (last_day - first_day BETWEEN 0 AND 365),
    CONSTRAINT absence_is_of_whole_or_half_days CHECK (portion IN (0.5, 1))
);

CREATE INDEX absences_by_day ON absences (person, first_day, id);
"""

COMPANY_DAYS = """
CREATE TABLE company_days (
    date date PRIMARY KEY,
    name text NOT NULL
);
"""


def upgrade() -> None:
    """Create the tables."""
    run_sql(ABSENCES)
    run_sql(COMPANY_DAYS)


def downgrade() -> None:
    """Drop the tables with their rows."""
    run_sql("DROP TABLE company_days, absences")

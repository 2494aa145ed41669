"""Contracts with dates, joining and leaving, revocation, the change log.

Additive: replicas of the release before go on working beside it.
"""

from libs.changes.schema import CHANGES_V1_DOWN, CHANGES_V1_UP
from libs.postgres.migrate import run_sql

revision = "0003"
down_revision = "0002"

# `claims_expire_at` gives way to `claims_issued_at`: tokens live 24 hours at most, so the newest
# one known was issued no earlier than a day before it expires. The old column stays for the
# release before and has a default for the new one.
# `target_minutes` null: the person has no target.
PEOPLE = """
ALTER TABLE people
    ALTER COLUMN target_minutes DROP NOT NULL,
    ALTER COLUMN claims_expire_at SET DEFAULT 0,
    ADD COLUMN claims_issued_at bigint NOT NULL DEFAULT 0,
    ADD COLUMN claimed_scopes text[],
    ADD COLUMN since date,
    ADD COLUMN until date,
    ADD COLUMN revoked_before timestamptz,
    ADD CONSTRAINT person_joins_before_leaving CHECK (until >= since);

UPDATE people SET claims_issued_at = greatest(claims_expire_at - 86400, 0);

CREATE INDEX people_by_any_email ON people (lower(email), sort_name, person);
CREATE INDEX people_without_email ON people (sort_name, person)
    WHERE email IS NULL AND claimed_email IS NOT NULL AND active;
"""

# Seven whole numbers, Monday first.
CONTRACTS = """
CREATE TABLE contracts (
    person     text COLLATE "C" NOT NULL REFERENCES people,
    valid_from date NOT NULL,
    minutes    jsonb NOT NULL,
    calendar   text,
    PRIMARY KEY (person, valid_from),
    CONSTRAINT contract_has_seven_days CHECK (
        jsonb_typeof(minutes) = 'array' AND jsonb_array_length(minutes) = 7
    )
);
"""

# Ids of people who have left can be given to others. `active` is the person's.
EXTERNAL_IDS = """
ALTER TABLE external_ids ADD COLUMN active boolean NOT NULL DEFAULT true;
UPDATE external_ids SET active = people.active
FROM people WHERE people.person = external_ids.person AND NOT people.active;

ALTER TABLE external_ids DROP CONSTRAINT external_id_is_unique;
CREATE UNIQUE INDEX external_id_is_unique ON external_ids (system, external_id) WHERE active;
CREATE INDEX external_ids_by_id ON external_ids (external_id, system, person);

CREATE FUNCTION release_external_ids() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE external_ids SET active = NEW.active WHERE person = NEW.person;
    RETURN NULL;
END
$$;

CREATE TRIGGER people_release_external_ids
AFTER UPDATE OF active ON people
FOR EACH ROW WHEN (NEW.active IS DISTINCT FROM OLD.active)
EXECUTE FUNCTION release_external_ids();
"""

DOWN = """
DROP TRIGGER people_release_external_ids ON people;
DROP FUNCTION release_external_ids();
DROP INDEX external_ids_by_id, external_id_is_unique;
DELETE FROM external_ids AS known
WHERE NOT active AND EXISTS (
    SELECT FROM external_ids AS other
    WHERE other.system = known.system AND other.external_id = known.external_id
      AND (other.active OR other.person < known.person)
);
ALTER TABLE external_ids
    DROP COLUMN active,
    ADD CONSTRAINT external_id_is_unique UNIQUE (system, external_id);
DROP TABLE contracts;
DROP INDEX people_without_email, people_by_any_email;
UPDATE people
SET claims_expire_at = greatest(claims_expire_at, claims_issued_at),
    target_minutes = coalesce(target_minutes, 2400);
ALTER TABLE people
    DROP CONSTRAINT person_joins_before_leaving,
    DROP COLUMN revoked_before,
    DROP COLUMN until,
    DROP COLUMN since,
    DROP COLUMN claimed_scopes,
    DROP COLUMN claims_issued_at,
    ALTER COLUMN claims_expire_at DROP DEFAULT,
    ALTER COLUMN target_minutes SET NOT NULL;
"""


def upgrade() -> None:
    """Add contracts, first and last days, revocation and the change log."""
    for statements in (PEOPLE, CONTRACTS, EXTERNAL_IDS, CHANGES_V1_UP):
        run_sql(statements)


def downgrade() -> None:
    """Drop contracts and the change log."""
    run_sql(CHANGES_V1_DOWN)
    run_sql(DOWN)

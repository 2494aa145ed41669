"""The tables of a feed and of a follower, for the services' migrations."""

# Only libs/feed/events.py inserts rows: it keeps the numbers in commit order.
_PUBLISHING_UP = """
CREATE TABLE events (
    sequence    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id          uuid NOT NULL DEFAULT gen_random_uuid(),
    type        text NOT NULL,
    subject     text NOT NULL,
    time        timestamptz NOT NULL,
    traceparent text,
    data        json NOT NULL,
    size        integer NOT NULL GENERATED ALWAYS AS (octet_length(data::text)) STORED,
    CONSTRAINT event_says_what_and_of_whom CHECK (type <> '' AND subject <> ''),
    CONSTRAINT event_data_is_an_object CHECK (json_typeof(data) = 'object')
);

CREATE INDEX events_by_subject ON events (subject, sequence);
"""

# The cursor and the lease of each feed that is followed. A row survives poolers and failovers; a
# session's advisory lock does not. `holder` only avoids double work: that each event takes effect
# once follows from the row lock. `feed_set_aside` holds the dead letters.
_FOLLOWING_UP = """
CREATE TABLE feed_cursors (
    source     text PRIMARY KEY,
    after      bigint NOT NULL DEFAULT 0,
    holder     uuid,
    held_until timestamptz NOT NULL DEFAULT '-infinity'
) WITH (fillfactor = 50);

CREATE TABLE feed_set_aside (
    source        text NOT NULL,
    sequence      bigint NOT NULL,
    type          text NOT NULL,
    subject       text NOT NULL,
    event         json NOT NULL,
    reason        text NOT NULL,
    tries         integer NOT NULL DEFAULT 1,
    superseded_by bigint,
    at            timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (source, sequence)
);
"""

FEED_V1_UP = _PUBLISHING_UP + _FOLLOWING_UP

FEED_V1_DOWN = """
DROP TABLE feed_set_aside, feed_cursors;
DROP TABLE events;
"""

"""The constraints that hold what the model holds too, for requests that cross."""

RULES = frozenset(
    {
        "day_has_24_hours",
        "entries_pkey",
        "entries_project_fkey",
        "period_is_not_closed",
        "project_is_active",
        "week_is_open",
    }
)

"""The constraints that hold what the model holds too, for requests that cross."""

RULES = frozenset(
    {"external_id_is_unique", "managers_form_no_circle", "people_by_email", "people_pkey"}
)

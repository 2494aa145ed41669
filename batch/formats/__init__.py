"""What each tool's export looks like, and what a row of it says."""

from batch.formats import clockify, harvest, ours, toggl
from batch.formats.format import Context, Format, check_columns

FORMATS: dict[str, Format] = {
    form.name: form for form in (ours.OURS, clockify.CLOCKIFY, harvest.HARVEST, toggl.TOGGL)
}

__all__ = ["FORMATS", "Context", "Format", "check_columns"]

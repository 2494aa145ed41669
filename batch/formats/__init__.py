"""The exports of time trackers: how each is recognized, and what a row of it means."""

from batch.formats import clockify, harvest, ours, toggl
from batch.formats.columns import columns_format
from batch.formats.format import Context, Format

FORMATS: dict[str, Format] = {
    file_format.name: file_format
    for file_format in (ours.OURS, clockify.CLOCKIFY, harvest.HARVEST, toggl.TOGGL)
}

__all__ = ["FORMATS", "Context", "Format", "columns_format"]

"""Command-line client of POST /v1/batches: converts a file of hours and uploads it as one batch.

python -m batch upload hours.csv --format toggl --project-map projects.csv
"""

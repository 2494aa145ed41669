"""The uploader: reads a file of hours, ours or another time tracker's, and sends it as a batch.

python -m batch upload hours.csv --format toggl --project-map projects.csv
"""

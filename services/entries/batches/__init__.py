"""Batches: files of entries that other companies upload.

A slice of the service with its own layers: api -> commands -> readers, store -> model.
"""

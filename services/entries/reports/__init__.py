"""Reports over everybody's time, for payroll, billing and partners.

A slice of the service with its own layers: api -> store -> model.
"""

"""SQL: the only place that knows a column's name."""

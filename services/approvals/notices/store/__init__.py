"""SQL of the table `notices`, the outbox of e-mail."""

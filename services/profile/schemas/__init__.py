"""What the endpoints take and answer: checks requests and writes the API page."""

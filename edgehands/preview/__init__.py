"""What is published, for people: in a terminal, on a page. Never imported by the service."""

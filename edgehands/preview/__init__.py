"""Shows people what is published: in a terminal, on a page. Never imported by the service."""

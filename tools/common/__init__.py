"""What several tools and tests need: a real broker, hostile clients, data sets, pages."""

"""The wire format: topics, messages, their encodings, and the documents generated from them."""

"""What is on the wire: topics, messages, their encodings, and the documents made from them."""

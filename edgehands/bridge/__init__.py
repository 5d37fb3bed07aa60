"""What edgehands publishes, in the protocols of other worlds."""

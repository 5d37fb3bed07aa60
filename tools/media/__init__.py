"""The kinds of films and pictures that edgehands is tried with."""

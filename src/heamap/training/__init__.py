"""Fitting the network, on one process or many."""

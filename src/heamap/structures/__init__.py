"""Atoms: interatomic potential, species mixing, particles and their columns."""

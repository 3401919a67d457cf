"""Tracking, lineage, export, gate and registry."""

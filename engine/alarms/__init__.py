"""Alarm conditions and their life cycle."""

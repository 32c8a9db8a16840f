"""Classifiers of somebody's own, hosted from their cards alone."""

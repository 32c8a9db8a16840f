"""The ways in and out: sources, sinks, simulators and the dashboard."""

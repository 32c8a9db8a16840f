"""Simulators of ECG and fluoroscopy, both driven by one heart."""

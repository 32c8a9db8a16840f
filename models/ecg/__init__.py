"""ECG networks: beats and ventricular fibrillation."""

"""ECG processing: conditioning, beats, rhythm and signal quality."""

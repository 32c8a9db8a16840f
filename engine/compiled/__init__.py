"""Networks of the ECG as one compiled call each, with the weights of their ONNX files."""

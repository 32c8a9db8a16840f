"""The networks: which ship, how they are trained, and how they become ONNX."""

"""Export of models with classes to ONNX."""

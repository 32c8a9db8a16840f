"""Where models may run, as settings say it, with ONNX Runtime's names and ours."""

from __future__ import annotations

from typing import Literal

Device = Literal["cpu", "cuda", "tensorrt"]
ProviderChoice = Literal["auto", "cpu", "cuda", "tensorrt"]

CPU = "CPUExecutionProvider"
CUDA = "CUDAExecutionProvider"
TENSORRT = "TensorrtExecutionProvider"
PROVIDERS: dict[Device, str] = {"cpu": CPU, "cuda": CUDA, "tensorrt": TENSORRT}
TITLES: dict[Device, str] = {"cpu": "the CPU", "cuda": "CUDA", "tensorrt": "TensorRT"}

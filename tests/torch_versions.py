"""What only newer versions of torch can do."""
import pytest
import torch

_VERSION = tuple(map(int, torch.__version__.split('.')[:2]))

FAKES_CUDA = _VERSION >= (2, 5)
compiles = pytest.mark.skipif(
    _VERSION < (2, 5),
    reason='torch.compile before 2.5 cannot trace zip(strict=True)')
float16_on_cpu = pytest.mark.skipif(
    _VERSION < (2, 3), reason='autocast before 2.3 has no float16 on the CPU')
scales_on_cpu = pytest.mark.skipif(
    _VERSION < (2, 3), reason='torch before 2.3 scales losses on GPUs only')

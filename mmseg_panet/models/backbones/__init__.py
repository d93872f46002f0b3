"""Backbones of the few-shot literature with output stride 8."""
from .dilated_resnet import DilatedResNet
from .dilated_vgg import DilatedVGG

__all__ = ['DilatedResNet', 'DilatedVGG']

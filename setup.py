"""Packaging of mmseg_panet; tool settings are in pyproject.toml."""
import re
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent


def version() -> str:
    """Read the version without importing the package, which needs torch."""
    text = (ROOT / 'mmseg_panet' / 'version.py').read_text(encoding='utf-8')
    return re.search(r"^__version__ = '(.+)'$", text, re.MULTILINE).group(1)


def long_description() -> str:
    """The readme; a source archive can lack it."""
    readme = ROOT / 'projects_readme.md'
    return readme.read_text(encoding='utf-8') if readme.is_file() else ''


setup(
    name='mmseg_panet',
    version=version(),
    description='PANet few-shot segmentation as a plugin for MMSegmentation',
    long_description=long_description(),
    long_description_content_type='text/markdown',
    author='The mmseg_panet authors',
    license='Apache-2.0',
    keywords=[
        'few-shot segmentation', 'semantic segmentation', 'PANet',
        'prototype alignment', 'MMSegmentation', 'OpenMMLab', 'PyTorch'
    ],
    classifiers=[
        'Development Status :: 4 - Beta',
        'Intended Audience :: Science/Research',
        'Operating System :: OS Independent',
        'Programming Language :: Python :: 3',
        'Programming Language :: Python :: 3.10',
        'Programming Language :: Python :: 3.11',
        'Programming Language :: Python :: 3.12',
        'Topic :: Scientific/Engineering :: Image Recognition',
        'Typing :: Typed',
    ],
    packages=find_packages(include=['mmseg_panet', 'mmseg_panet.*']),
    package_data={'mmseg_panet': ['py.typed']},
    python_requires='>=3.10',
    # The host is an extra: two distributions provide the same modules
    # (mmengine, mmcv, mmseg, mmpretrain), and pip cannot express "either".
    # Never install both extras into one environment.
    install_requires=[
        'torch>=2.0',
        'torchvision>=0.15',
        'numpy>=1.24',
        'rich>=13.7',  # progress
        'platformdirs>=3.11',  # the folder of caches
        'filelock>=3.13',  # who fills it
        'safetensors>=0.4.5',  # decoded images, prototype banks
    ],
    extras_require={
        'onedl': [
            'onedl-mmengine>=0.10.12',
            'onedl-mmcv>=2.3.6',
            'onedl-mmsegmentation>=1.4.2',
            'onedl-mmpretrain>=1.3.6',
            'pycocotools>=2.0.7',  # reads COCO's polygons and run lengths
        ],
        'openmmlab': [
            'mmengine>=0.10.4,<1',  # tested with 0.10.7
            # mmsegmentation 1.2.2 refuses mmcv 2.2; requirements/minimum.txt
            # tells how mmcv is built
            'mmcv>=2.0.1,<2.2',
            'mmsegmentation>=1.2.2,<2',
            'mmpretrain>=1.2.0,<2',
            'pycocotools>=2.0.7',
            'torch<2.6',  # mmengine cannot resume with weights_only loading
            'numpy<2',  # mmcv 2.1 is compiled against numpy 1
            'opencv-python<5',
            'setuptools<81',  # `mmseg::` bases in configs need pkg_resources
            'ftfy',  # mmseg imports these two, but does not require them
            'regex',
        ],
        'dev': ['pytest', 'pytest-xdist', 'pytest-cov', 'ruff', 'mypy',
                'codespell'],
    },
)

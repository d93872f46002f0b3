"""Packaging of mmseg_panet; tool settings are in pyproject.toml."""
import re
import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
MIM = 'mmseg_panet/.mim'
"""Where mim, mmengine and the package look for what is BUNDLED."""
BUNDLED = ('configs', 'tools', 'model-index.yml', 'dataset-index.yml')


def version() -> str:
    """Read the version without importing the package, which needs torch."""
    text = (ROOT / 'mmseg_panet' / 'version.py').read_text(encoding='utf-8')
    return re.search(r"^__version__ = '(.+)'$", text, re.MULTILINE).group(1)


def long_description() -> str:
    """The readme; a source archive can lack it."""
    readme = ROOT / 'projects_readme.md'
    return readme.read_text(encoding='utf-8') if readme.is_file() else ''


class BuildWithMim(build_py):
    """Add configs, tools and indexes, as OpenMMLab's packages do."""

    def run(self) -> None:
        """Copy them to what is built, or link them where nothing is."""
        super().run()
        # An editable installation runs the checkout's package.
        folder = (ROOT if self.editable_mode else Path(self.build_lib)) / MIM
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for source in filter(Path.exists, map(ROOT.joinpath, BUNDLED)):
            target = folder / source.name
            if self.editable_mode:
                target.symlink_to(Path('../..', source.name))
            elif source.is_dir():
                shutil.copytree(
                    source, target,
                    ignore=shutil.ignore_patterns('__pycache__', '*.pyc'))
            else:
                shutil.copy(source, target)


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
        'Programming Language :: Python :: 3.13',
        'Topic :: Scientific/Engineering :: Image Recognition',
        'Typing :: Typed',
    ],
    packages=find_packages(include=['mmseg_panet', 'mmseg_panet.*']),
    package_data={'mmseg_panet': [
        'py.typed', 'app/*.js', 'app/*.html', 'app/*.css']},
    cmdclass={'build_py': BuildWithMim},
    entry_points={
        'console_scripts': ['mmseg-panet = mmseg_panet.cli.main:main']},
    python_requires='>=3.10',
    # mmseg is an extra: two distributions provide the same modules
    # (mmengine, mmcv, mmseg, mmpretrain), and pip cannot express "either".
    # Never install both extras into one environment.
    # These bounds are the pins of requirements/minimum.txt, which the tests
    # run with.
    install_requires=[
        'torch>=2.1.0',
        'torchvision>=0.16.0',
        'numpy>=1.24.0',
        'opencv-python>=4.11.0.86',  # refuses a JPEG that is cut short
        'Pillow>=11.3.0',  # masks are read and written
        'matplotlib>=3.7.0',  # the font of legends; mmseg requires it too
        'scipy>=1.11.1',  # boxes, scribbles and points; the masks of SBD
        'rich>=13.4.2',  # progress and tables; openmim wants no newer one
        'platformdirs>=3.11.0',  # the folder of caches
        'filelock>=3.13.0',  # one process at a time fills it
        'PyYAML>=6.0.1',  # data.yaml of YOLO; mmengine requires it too
        'safetensors>=0.4.5',  # decoded images, prototype banks
    ],
    extras_require={
        # `mmseg-panet export`
        'export': [
            'onnx>=1.16',
            'onnxruntime>=1.18',
            'onnxscript>=0.5',  # the exporter 'dynamo' only
        ],
        'timm': [
            'timm>=1.0.20',  # the backbones of DINOv3
        ],
        'supervision': [
            'supervision>=0.26',  # to_supervision()
        ],
        # `mmseg-panet app`
        'app': ['gradio>=6.31,<7'],
        # `mmseg-panet serve`, and the back end of Label Studio
        'serve': [
            'fastapi>=0.115',
            'uvicorn>=0.30',
            'python-multipart>=0.0.18',  # files of a form
        ],
        # `cvat-cli task auto-annotate`; 2.57 knows scores
        'cvat': ['cvat-cli>=2.57'],
        'onedl': [
            'onedl-mmengine>=0.10.12',
            'onedl-mmcv>=2.3.6',
            'onedl-mmsegmentation>=1.4.2',
            'onedl-mmpretrain>=1.3.6',
            # onedl-mmsegmentation wants numpy 2, which the others must be
            # compiled for.
            'torch>=2.3',
            'torchvision>=0.18',
            'numpy>=2.0.1',
            'matplotlib>=3.9',
            'scipy>=1.13',
            'pycocotools>=2.0.8',  # reads COCO's polygons and run lengths
        ],
        'openmmlab': [
            'mmengine>=0.10.7,<1',
            # mmsegmentation 1.2.2 refuses mmcv 2.2; requirements/minimum.txt
            # tells how mmcv is built
            'mmcv>=2.1.0,<2.2',
            'mmsegmentation>=1.2.2,<2',
            'mmpretrain>=1.2.0,<2',
            'pycocotools>=2.0.7',
            'torch<2.6',  # mmengine cannot resume with weights_only loading
            'numpy<2',  # mmcv 2.1 is compiled against numpy 1
            'opencv-python<5',
            # `mmseg::` bases in configs need pkg_resources
            'setuptools>=80.9.0,<81',
            # mmseg imports these two, but does not require them.
            'ftfy>=6.1.1',
            'regex>=2023.8.8',
        ],
    },
)

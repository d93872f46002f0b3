"""The script that `label-studio-ml start examples/label_studio` runs.

Its arguments are those of `mmseg-panet label-studio`, which does the same
without the package label-studio-ml.
"""

from mmseg_panet.cli.main import run

if __name__ == '__main__':
    run('label-studio', program='label-studio-ml start examples/label_studio')

"""A script that runs `mmseg-panet train`."""

from mmseg_panet.cli.main import run

if __name__ == '__main__':
    run('train')

"""A script that runs `mmseg-panet make-episodes`."""

from mmseg_panet.cli.main import run

if __name__ == '__main__':
    run('make-episodes')

"""A script that runs `mmseg-panet make-toy-data`."""

from mmseg_panet.cli.main import run

if __name__ == '__main__':
    run('make-toy-data')

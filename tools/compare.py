"""A script that runs `mmseg-panet compare`."""

from mmseg_panet.cli.main import run

if __name__ == '__main__':
    run('compare')

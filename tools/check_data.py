"""A script that runs `mmseg-panet check-data`."""

from mmseg_panet.cli.main import run

if __name__ == '__main__':
    run('check-data')

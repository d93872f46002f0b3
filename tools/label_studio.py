"""A script that runs `mmseg-panet label-studio`."""

from mmseg_panet.cli.main import run

if __name__ == '__main__':
    run('label-studio')

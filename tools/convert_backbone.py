"""A script that runs `mmseg-panet convert-backbone`."""

from mmseg_panet.cli.main import run

if __name__ == '__main__':
    run('convert-backbone')

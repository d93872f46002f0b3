"""A script that runs `mmseg-panet bank-to-model`."""

from mmseg_panet.cli.main import run

if __name__ == '__main__':
    run('bank-to-model')

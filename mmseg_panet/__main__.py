"""`python -m mmseg_panet` is `mmseg-panet`."""
from .cli.main import main

if __name__ == '__main__':
    main()

"""The entry point of ``python -m mmseg_panet``."""
from .cli.main import main

if __name__ == '__main__':
    main()

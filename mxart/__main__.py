"""``python -m mxart`` is ``mxart``."""

from mxart.cli import main

if __name__ == "__main__":
    main(prog_name="mxart")

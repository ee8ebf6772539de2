"""python -m saerad_core"""

from saerad_core.cli import run

if __name__ == "__main__":
    run()

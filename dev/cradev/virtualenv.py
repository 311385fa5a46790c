"""Make the pinned virtual environment and print the path of its Python."""

import os
import subprocess
import sys
import venv

from . import cache

REQUIREMENTS = cache.ROOT / "requirements.txt"


def _fill(folder):
    cache.step(f"Installing Python packages of {REQUIREMENTS.name} (about a minute)")
    builder = venv.EnvBuilder(with_pip=True, symlinks=True)
    builder.create(folder)
    command = [folder / "bin" / "python", "-m", "pip", "install", "-qq"]
    command += ["--disable-pip-version-check", "-r", REQUIREMENTS]
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    subprocess.run(command, check=True, stdout=sys.stderr, env=environment)


def main():
    folder = cache.provide(f"venv-{cache.file_key(REQUIREMENTS)}", _fill)
    print(folder / "bin" / "python")


if __name__ == "__main__":
    main()

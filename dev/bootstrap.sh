# Sourced by dev/demo, dev/test and dev/bench: finds (on Debian, installs) a Python with
# venv, then hands over to the package `cradev` inside a pinned virtual environment.
# Shell ends here; everything else is Python.

dev_dir=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)

usable_python() {
    "$1" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 10))' 2>/dev/null
}

find_python() {
    for candidate in ${PYTHON:-} python3 /usr/bin/python3 python3.12 python3.11 python3.10; do
        if usable_python "$candidate"; then
            command -v "$candidate"
            return 0
        fi
    done
    return 1
}

if ! python=$(find_python); then
    if ! command -v apt-get >/dev/null; then
        echo "Python 3.10 or later with the venv module is needed. Install it, or name it with PYTHON=/path/to/python3." >&2
        exit 1
    fi
    echo "== Installing Python (apt-get install python3 python3-venv)" >&2
    as_root=
    [ "$(id -u)" = 0 ] || as_root=sudo
    $as_root apt-get update -qq >&2 || exit 1
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3 python3-venv >&2 || exit 1
    python=$(find_python) || exit 1
fi

export PYTHONPATH="$dev_dir" PYTHONDONTWRITEBYTECODE=1
venv_python=$("$python" -m cradev.virtualenv) || exit 1
exec "$venv_python" -m "cradev.$command" "$@"

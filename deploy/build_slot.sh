#!/usr/bin/env bash
# Make the virtual environment of one slot from its locks; every package is checked against its hash.
# Usage: build_slot.sh SLOT
set -euo pipefail
slot=${1:?usage: build_slot.sh SLOT}
python=${PYTHON:-python3}
"$python" -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else 0'
"$python" -m venv "$slot/.venv"
pip=("$slot/.venv/bin/python" -m pip --disable-pip-version-check install --quiet)
"${pip[@]}" --require-hashes --requirement "$slot/requirements.lock" --requirement "$slot/requirements-build.lock"
"${pip[@]}" --no-deps --no-build-isolation --editable "$slot"
# The service may not write there, so that compiled files must exist.
"$slot/.venv/bin/python" -m compileall -q "$slot/src" "$slot/.venv/lib"

#!/bin/sh
# Makes a Python environment with a reference implementation of QKeras.
#
#   tools/reference-env.sh qk3 [DIR]    qkeras-v3 1.2.1 on Keras 3 (default DIR: .venv-qk3)
#   tools/reference-env.sh qk2 [DIR]    google/qkeras 0.9.0 and hls4ml 1.3.0 on Keras 2.14 (default DIR: .venv-qk2)
#
# Needs Python 3.11 (set PYTHON to choose the interpreter). The environments are for making golden files only;
# building and testing qk-hls needs neither.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
kind=${1:-}
case $kind in
    qk3 | qk2) ;;
    *) sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
dir=${2:-"$root/.venv-$kind"}
python=${PYTHON:-python3.11}

"$python" -m venv "$dir"
rm -f "$dir/ready"
"$dir/bin/pip" install --disable-pip-version-check --no-deps -r "$here/reference/requirements-$kind.txt"
TF_CPP_MIN_LOG_LEVEL=3 "$dir/bin/python" "$here/reference/check_env.py" "$kind"
touch "$dir/ready"
echo "$kind is ready in $dir"

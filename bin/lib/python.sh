# shellcheck shell=bash
# The virtual environment in .venv: made when missing, filled by hash-checked requirements, left alone when up to date.

MIN_PYTHON=3.11
VENV=$ROOT/.venv
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore PIP_NO_INPUT=1
# A network with a certificate of its own: uv reads another variable than pip.
if [ -n "${PIP_CERT:-}" ]; then export SSL_CERT_FILE=${SSL_CERT_FILE:-$PIP_CERT}; fi
unset VIRTUAL_ENV PYTHONHOME PYTHONPATH # a caller's own environment would leak into ours
unset PYTHONDONTWRITEBYTECODE           # each start would compile everything again

find_python() {
    local name
    for name in ${PYTHON:-} python3 python3.14 python3.13 python3.12 python3.11 /usr/bin/python3; do
        if is_new_enough "$name"; then
            command -v "$name"
            return 0
        fi
    done
    return 1
}

is_new_enough() {
    command -v "$1" >/dev/null 2>&1 &&
        "$1" -c "import sys; sys.exit(sys.version_info < (${MIN_PYTHON//./, }))" 2>/dev/null
}

# prepare_python requirements.txt|requirements-dev.txt
prepare_python() {
    local lock
    if venv_is_current "$1"; then return 0; fi
    exec {lock}<"$ROOT" # the folder itself is the lock: two starts at once fill one environment
    flock "$lock"
    if ! venv_is_current "$1"; then
        [ -w "$ROOT" ] || fail "$(id -un) cannot write in $ROOT, where .venv has to go." "start as $(stat -c %U "$ROOT"), or from a copy of your own"
        usable_venv || make_venv
        fill_venv "$1"
        note_current "$1"
    fi
    exec {lock}<&-
}

# The stamp names the checkout, because the scripts in a virtual environment do not survive a move.
venv_stamp() {
    printf '%s %s %s\n' "$ROOT" "$(sed -n 's/^version[a-z_]* *= *//p' "$VENV/pyvenv.cfg")" \
        "$(sha256sum <"$ROOT/$1")"
}

venv_is_current() {
    [ -x "$VENV/bin/python" ] && [ "$(cat "$VENV/.filled-$1" 2>/dev/null)" = "$(venv_stamp "$1")" ]
}

# What the tests need contains what the running system needs, if both were compiled together.
note_current() {
    venv_stamp "$1" >"$VENV/.filled-$1"
    if [ "$1" = requirements-dev.txt ] && ! pins requirements.txt | grep -qvxFf <(pins "$1"); then
        venv_stamp requirements.txt >"$VENV/.filled-requirements.txt"
    fi
}

pins() {
    grep -oE '^[A-Za-z0-9._-]+(\[[^]]*\])?==[^ ]+' "$ROOT/$1"
}

usable_venv() {
    local shebang
    is_new_enough "$VENV/bin/python" || return 1
    shebang=$(head -n 1 "$VENV/bin/pip" 2>/dev/null || true)
    [ -z "$shebang" ] || [[ $shebang == *"$VENV/"* ]]
}

make_venv() {
    local python
    python=$(find_python) || fail "no Python >= $MIN_PYTHON was found." "PYTHON=/path/to/python3 $0"
    if [ -L "$VENV" ]; then rm "$VENV"; fi # --clear would empty the folder that the link names
    step "Making the virtual environment (.venv, $("$python" -V))" "$LOGS/venv.log" \
        "$(system_packages_command python3-venv)" "$python" -m venv --clear "$VENV"
}

# uv takes seconds where pip takes minutes; pip does when there is no uv to be had.
fill_venv() {
    local uv mend="connect this machine to the network (or name a mirror: PIP_INDEX_URL, UV_INDEX_URL), then start again: $0"
    uv=$(find_uv || fetch_uv || true)
    if [ -n "$uv" ]; then
        say "Installing Python packages ($1) ..."
        if attempt "$LOGS/python.log" "$uv" pip install --python "$VENV/bin/python" --require-hashes -r "$ROOT/$1"; then return 0; fi
        say "uv could not; see $LOGS/python.log"
    fi
    has_pip || attempt "$LOGS/pip.log" "$VENV/bin/python" -m ensurepip || true
    step "Installing Python packages with pip ($1)" "$LOGS/python.log" "$mend" \
        "$VENV/bin/python" -m pip install --require-hashes -r "$ROOT/$1"
}

find_uv() {
    local uv
    for uv in "$VENV/bin/uv" uv; do
        if "$uv" --version >/dev/null 2>&1; then
            echo "$uv"
            return 0
        fi
    done
    return 1
}

fetch_uv() {
    has_pip || "$VENV/bin/python" -m ensurepip >"$LOGS/uv.log" 2>&1 || return 1
    "$VENV/bin/python" -m pip install --require-hashes --only-binary :all: -r "$ROOT/bin/lib/uv.txt" >"$LOGS/uv.log" 2>&1 </dev/null || return 1
    echo "$VENV/bin/uv"
}

has_pip() {
    "$VENV/bin/python" -c 'import pip' 2>/dev/null
}

# Translations are committed as text and compiled here when their text is newer.
compile_messages() {
    local po mo
    for po in "$ROOT"/locale/*/LC_MESSAGES/*.po; do
        mo=${po%.po}.mo
        [ -f "$po" ] && [ "$po" -nt "$mo" ] || continue
        attempt "$LOGS/messages.log" "$VENV/bin/pybabel" compile -i "$po" -o "$mo.new" ||
            fail "$po cannot be compiled: $(tail -n 3 "$LOGS/messages.log")"
        mv "$mo.new" "$mo"
    done
}

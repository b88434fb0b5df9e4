# shellcheck shell=bash
# Where everything lives that is made while running: STATE_DIR (default: .state/ in the checkout).

MIN_FREE_MB=1024

open_state() {
    STATE_DIR=$(realpath -m -- "${STATE_DIR:-$ROOT/.state}")
    export STATE_DIR
    mkdir -p "$STATE_DIR" 2>/dev/null ||
        fail "the folder $STATE_DIR cannot be made by $(id -un)." "STATE_DIR=/a/folder/of/yours $0"
    [ -w "$STATE_DIR" ] ||
        fail "the folder $STATE_DIR belongs to $(stat -c %U "$STATE_DIR"); $(id -un) cannot write there." \
            "STATE_DIR=/a/folder/of/yours $0"
    # Others may pass through (the database's account must) but not look around.
    chmod 711 "$STATE_DIR"
    mkdir -p "$STATE_DIR/logs" "$STATE_DIR/stamps"
    chmod 700 "$STATE_DIR/logs"
    require_free_space "$STATE_DIR"
}

require_free_space() {
    local free
    free=$(df -Pm -- "$1" | awk 'NR == 2 { print $4 }')
    [ "$free" -ge "$MIN_FREE_MB" ] ||
        fail "only $free MB are free on the disk that holds $1; at least $MIN_FREE_MB MB are needed." \
            "free some space, or choose another disk: STATE_DIR=/other/disk/kutim $0"
}

# 40 letters and digits: nothing in them needs escaping in a URL, in SQL or in a shell.
new_secret() {
    LC_ALL=C tr -dc 'A-Za-z0-9' <<<"$(head -c 400 /dev/urandom | base64 -w 0)" | head -c 40
}

# Print the secret kept in file $1, which is made (readable by its owner alone) if missing. Written beside and
# linked into place: two starts at once end with one secret, and a kill in between leaves none half-written.
kept_secret() {
    local file=$1 draft
    if [ ! -s "$file" ]; then
        draft=$(umask 077 && mktemp "$file.XXXXXX")
        new_secret >"$draft"
        ln "$draft" "$file" 2>/dev/null || true
        rm -f "$draft"
    fi
    cat "$file"
}

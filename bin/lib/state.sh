# shellcheck shell=bash
# Where everything lives that is made while running: STATE_DIR (default: .state/ in the checkout).

MIN_FREE_MB=1024

open_state() {
    STATE_DIR=$(realpath -m -- "${STATE_DIR:-$ROOT/.state}")
    export STATE_DIR
    # Others may pass through (the database's account must) but not look around.
    if [ ! -d "$STATE_DIR" ]; then
        { mkdir -p -- "$STATE_DIR" && chmod 711 -- "$STATE_DIR"; } 2>/dev/null ||
            fail "$(id -un) cannot make the folder $STATE_DIR." "STATE_DIR=\$HOME/kutim-state $0"
    fi
    [ -w "$STATE_DIR" ] ||
        fail "$(id -un) cannot write in $STATE_DIR, which belongs to $(stat -c %U -- "$STATE_DIR")." \
            "STATE_DIR=\$HOME/kutim-state $0"
    require_free_space "$STATE_DIR"
    mkdir -p "$STATE_DIR/stamps"
    LOGS=$STATE_DIR/logs
    mkdir -p "$LOGS" "$STATE_DIR/media"
    chmod 700 "$LOGS" "$STATE_DIR/media"
}

require_free_space() {
    local free
    free=$(df -Pm -- "$1" | awk 'NR == 2 { print $4 }')
    [ "$free" -ge "$MIN_FREE_MB" ] ||
        fail "only $free MB are free on the disk that holds $1; $MIN_FREE_MB MB are needed." \
            "free some space there, or take another disk: STATE_DIR=/other/disk/kutim-state $0"
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
        draft=$(mktemp "$file.XXXXXX")
        new_secret >"$draft"
        ln "$draft" "$file" 2>/dev/null || true
        rm -f "$draft"
    fi
    cat "$file"
}

# stamped NAME VALUE: has this step been done for this value already? stamp NAME VALUE: now it has.
stamped() {
    [ "$(cat "$STATE_DIR/stamps/$1" 2>/dev/null)" = "$2" ]
}

stamp() {
    echo "$2" >"$STATE_DIR/stamps/$1"
}

# A log is kept over starts, but not for ever.
trim_log() {
    if [ "$(stat -c %s "$1" 2>/dev/null || echo 0)" -gt 20000000 ]; then mv "$1" "$1.1"; fi
}

# Long-lived processes must not inherit our locks and pipes: they would hold them as long as they live.
close_descriptors() {
    local path fd
    for path in /proc/self/fd/*; do
        fd=${path##*/}
        if [ "$fd" -gt 2 ]; then eval "exec $fd>&-"; fi
    done
}

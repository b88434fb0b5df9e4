# shellcheck shell=bash
# What the tools in bin/ tell the person who started them. Progress goes to standard error, so that
# standard output holds only what was asked for (an address, a list of exports, a test's result).

say() {
    printf '[%4d s] %s\n' "$SECONDS" "$*" >&2
}

# The first argument says what is wrong, the second (optional) is the command or the step that mends it.
fail() {
    printf '\nError: %s\n' "$1" >&2
    if [ $# -gt 1 ]; then printf 'To mend it: %s\n' "$2" >&2; fi
    exit 1
}

# attempt LOG COMMAND...: run a command whose output only matters when it fails. In the background and waited for,
# because bash answers signals during "wait" only; end_child then ends it.
attempt() {
    local log=$1
    shift
    without_locks "$@" >"$log" 2>&1 </dev/null &
    CHILD=$!
    if wait "$CHILD"; then CHILD=; else CHILD=; return 1; fi
}

# step TEXT LOG MEND COMMAND...: say what is done, do it, and show the end of the log if it fails.
step() {
    local text=$1 log=$2 mend=$3
    shift 3
    say "$text ..."
    if ! attempt "$log" "$@"; then
        tail -n 25 "$log" >&2
        fail "$text: it failed. The last lines are above, all of them in $log" "$mend"
    fi
}

# Run a command that is the point of the whole call, with our standard input; a terminal needs it in the foreground.
attend() {
    local status=0
    if [ -t 0 ]; then
        trap : INT # Ctrl-C is the command's to answer: a shell goes on, a test run ends
        (without_locks "$@") || status=$?
        trap 'exit 130' INT
    else
        without_locks "$@" <&0 &
        CHILD=$!
        wait "$CHILD" || status=$?
        CHILD=
    fi
    return "$status"
}

# For subshells: become the command. A lock is held by all who inherited it; what outlives us must not keep ours.
without_locks() {
    local lock
    for lock in CLUSTER_USE PLACE RUN_LOCK; do
        if [ -n "${!lock:-}" ]; then eval "exec ${!lock}>&-"; fi
    done
    if [ "$(type -t "$1")" = function ]; then "$@"; else exec "$@"; fi
}

end_child() {
    if [ -n "${CHILD:-}" ]; then
        kill -TERM "$CHILD" 2>/dev/null || true
        wait "$CHILD" 2>/dev/null || true
        CHILD=
    fi
}

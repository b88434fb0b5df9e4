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

# Run a step whose output only matters when it fails: quiet STEP LOGFILE COMMAND...
quiet() {
    local step=$1 log=$2
    shift 2
    say "$step"
    if ! "$@" >"$log" 2>&1 </dev/null; then
        tail -n 25 "$log" >&2
        fail "$step: failed (the last lines are above, all of them in $log)"
    fi
}

# shellcheck shell=bash
# Everything the tools in bin/ share. ROOT is set by the tool that reads this.

if [ ! -e /proc/self/fd/0 ]; then exec </dev/null; fi # build machines may give no standard input at all
umask 022 # what is private here is made so by name; a stricter mask would shut the database's account out
cd "$ROOT" || exit 1
for part in say state system_packages python node postgres; do
    # shellcheck source=/dev/null
    . "$ROOT/bin/lib/$part.sh"
done

# prepare run|test: make whatever is missing but the database. On a machine where all is there this takes well
# under a second.
prepare() {
    local requirements="requirements.txt"
    if [ "$1" = test ]; then requirements="requirements-dev.txt"; fi
    open_state
    prepare_system_packages "$1"
    prepare_python "$requirements"
    prepare_node
    compile_messages
}

# open_database pg|pg-test: DATABASE_URL as it was given, or that of our private cluster, started if need be.
open_database() {
    if [ -n "${DATABASE_URL:-}" ]; then
        check_given_database "$1"
    else
        open_cluster "$1"
        enter_cluster
        DATABASE_URL=$(cluster_url)
    fi
    export DATABASE_URL
}

check_given_database() {
    local answer option=
    if [ "$1" = pg-test ]; then
        option=--tests
    elif [[ $DATABASE_URL == *"@127.0.0.1:$(cat "$STATE_DIR/pg-test/port" 2>/dev/null || echo none)/"* ]]; then
        fail "DATABASE_URL is that of the test database, which may lose what is in it (bin/test-env was evaluated in this shell?)." \
            "unset DATABASE_URL"
    fi
    if ! answer=$("$VENV/bin/python" "$ROOT/bin/lib/check_database.py" $option 2>&1); then
        fail "$(head -n 1 <<<"$answer")" "$(tail -n +2 <<<"$answer")"
    fi
}

# What Django reads (config/settings.py).
export_environment() {
    export DJANGO_SETTINGS_MODULE=config.settings
    export MEDIA_ROOT=$STATE_DIR/media STATIC_ROOT=$STATE_DIR/static
    if [ -z "${SECRET_KEY:-}" ]; then SECRET_KEY=$(kept_secret "$STATE_DIR/secret-key"); fi
    export SECRET_KEY
}

# The tests' files stay apart from people's, and their secret is nobody's.
export_test_environment() {
    export DJANGO_SETTINGS_MODULE=config.settings SECRET_KEY=only-for-tests
    export MEDIA_ROOT=$STATE_DIR/test/media STATIC_ROOT=$STATE_DIR/test/static
    CHROMIUM=${CHROMIUM:-$(browser)}
    export CHROMIUM
    mkdir -p "$MEDIA_ROOT"
}

print_exports() {
    local name
    for name in "$@"; do printf 'export %s=%q\n' "$name" "${!name}"; done
}

# clean_up_at_exit [FUNCTION]: whoever calls this leaves nothing behind, however it ends.
clean_up_at_exit() {
    # shellcheck disable=SC2064  # the name is meant now
    trap "${1:-clean_up}" EXIT
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 143' TERM
}

clean_up() {
    trap '' HUP INT TERM # cleaning up takes seconds; a second Ctrl-C must not leave half of it
    end_child
    leave_cluster
}

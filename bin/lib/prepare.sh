# shellcheck shell=bash
# Everything the tools in bin/ share. ROOT is set by the tool that reads this.

# shellcheck source=bin/lib/say.sh
. "$ROOT/bin/lib/say.sh"
# shellcheck source=bin/lib/state.sh
. "$ROOT/bin/lib/state.sh"
# shellcheck source=bin/lib/postgres.sh
. "$ROOT/bin/lib/postgres.sh"

system_packages_command() {
    echo "sudo apt-get install --no-install-recommends postgresql postgis"
}
prepare_system_packages() { :; }

test_environment() {
    cat <<EXPORTS
export DATABASE_URL='$(cluster_url)'
export DJANGO_SETTINGS_MODULE=config.settings
export SECRET_KEY=only-for-tests
export STATE_DIR='$STATE_DIR'
export MEDIA_ROOT='$STATE_DIR/test/media'
export STATIC_ROOT='$STATE_DIR/test/static'
EXPORTS
}

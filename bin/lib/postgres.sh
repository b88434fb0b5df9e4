# shellcheck shell=bash
# A private PostgreSQL cluster with PostGIS, one folder per cluster:
#   data/        the cluster itself (all that belongs to the server's account; the rest is ours)
#   secrets/     passwords of the superuser and of the application's role
#   kutim.conf   settings, written at every start        port   the port it had last
#   ready        the version of its set-up               keep   "leave it running" (bin/test-env)
# It listens on 127.0.0.1 only, with passwords; no Unix socket, because a deep checkout overflows its 107 bytes.

MIN_POSTGRES=14
MIN_POSTGIS=3.1
CLUSTER_SETUP=1 # raise it whenever set_up_databases changes
APP_ROLE=kutim
# A connection keeps up to 8 MB of the memory that its last query took: handing it back to the kernel after each, and
# fetching it again, was a seventh of the server's time (docs/adr/0101). For the C library of Linux; others ignore it.
CLUSTER_MALLOC="MALLOC_TRIM_THRESHOLD_=8388608 MALLOC_MMAP_THRESHOLD_=8388608 MALLOC_TOP_PAD_=1048576"

# --- the server's programs -------------------------------------------------------------------------------------

# One folder of server programs a line, newest first.
server_folders() {
    { ls -d /usr/lib/postgresql/*/bin /usr/pgsql-*/bin 2>/dev/null || true
      if command -v pg_config >/dev/null; then pg_config --bindir; fi
    } | sort -Vru
}

share_folder() {
    local version
    version=$(major_version "$1")
    if [ -d "/usr/share/postgresql/$version/extension" ]; then
        echo "/usr/share/postgresql/$version"
    else
        "$1/pg_config" --sharedir 2>/dev/null || true
    fi
}

major_version() {
    "$1/postgres" --version | sed -E 's/^[^0-9]*([0-9]+).*/\1/'
}

postgis_version() {
    sed -n "s/^default_version *= *'\([0-9.]*\).*/\1/p" "$(share_folder "$1")/extension/postgis.control" 2>/dev/null || true
}

at_least() { # at_least 3.1 3.3.2
    [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]
}

# Print the newest folder whose server and PostGIS are new enough; say nothing and return 1 when there is none.
find_server() {
    local bin gis
    for bin in $(server_folders); do
        if [ ! -x "$bin/postgres" ] || [ ! -x "$bin/initdb" ]; then continue; fi
        at_least "$MIN_POSTGRES" "$(major_version "$bin")" || continue
        gis=$(postgis_version "$bin")
        if [ -n "$gis" ] && at_least "$MIN_POSTGIS" "$gis"; then
            echo "$bin"
            return 0
        fi
    done
    return 1
}

# What there is instead, for the message when find_server found nothing.
describe_servers() {
    local bin gis found=
    for bin in $(server_folders); do
        [ -x "$bin/postgres" ] || continue
        gis=$(postgis_version "$bin")
        found="$found PostgreSQL $(major_version "$bin") with ${gis:+PostGIS }${gis:-no PostGIS};"
    done
    echo "${found:- no PostgreSQL server;}"
}

# --- the cluster's folder --------------------------------------------------------------------------------------

# Choose the folder of the cluster called $1 (pg or pg-test) and set CLUSTER and CLUSTER_BIN.
open_cluster() {
    CLUSTER_NAME=$1
    CLUSTER_LOG=$LOGS/$CLUSTER_NAME.log
    CLUSTER=$STATE_DIR/$CLUSTER_NAME
    if [ "$(id -u)" = 0 ]; then
        id -u postgres >/dev/null 2>&1 ||
            fail "PostgreSQL refuses to run as root and there is no account 'postgres' to hand over to." \
                "useradd --system --no-create-home postgres"
        place_cluster_for_root
    elif [ -e "$CLUSTER" ] && [ ! -O "$CLUSTER" ]; then
        fail "the database in $CLUSTER belongs to $(stat -c %U "$CLUSTER"), not to $(id -un)." \
            "start it as the account that made it, or use a folder of your own: STATE_DIR=\$HOME/kutim $0"
    fi
    mkdir -p "$CLUSTER"
    chmod 711 "$CLUSTER"
    require_free_space "$CLUSTER"
    CLUSTER_BIN=$(choose_server)
}

# Root hands over to the account "postgres", which must be able to enter the folder. Below a folder that only root
# may enter the cluster goes to /var/lib; .state/<name>.location remembers where, should the rights change later.
place_cluster_for_root() {
    local note=$STATE_DIR/$CLUSTER_NAME.location owner
    owner=$(stat -c %U "$CLUSTER/data" 2>/dev/null || echo postgres)
    [ "$owner" = postgres ] ||
        fail "the database in $CLUSTER belongs to $owner; started by root it would not be theirs any more." \
            "runuser -u $owner -- $0"
    if [ -f "$note" ] && belongs_here "$(cat "$note")"; then
        CLUSTER=$(cat "$note")
        echo "$STATE_DIR" >"$CLUSTER/home" # the checkout may have been moved
    elif ! as_server test -x "$STATE_DIR"; then
        [ ! -e "$CLUSTER/data" ] ||
            fail "the account 'postgres' can no longer enter $CLUSTER, where this checkout's database is." \
                "give back the right to pass through (chmod o+x) to every folder above it"
        CLUSTER=$(place_elsewhere)
        say "The account 'postgres' cannot enter $STATE_DIR: the database goes to $CLUSTER instead."
        install -d -m 711 "$(dirname "$CLUSTER")" "$CLUSTER"
        echo "$STATE_DIR" >"$CLUSTER/home"
        echo "$CLUSTER" >"$note"
    fi
}

place_elsewhere() {
    local place number=
    while true; do
        place=/var/lib/kutim-pintar-$(printf '%s' "$STATE_DIR$number" | sha256sum | head -c 10)/$CLUSTER_NAME
        if [ ! -e "$place/home" ] || belongs_here "$place"; then break; fi
        number=$((number + 1)) # a checkout that was here before and has moved took its database along
    done
    echo "$place"
}

# A copied checkout brings its .location along, and must not share the original's database.
belongs_here() {
    local home
    home=$(cat "$1/home" 2>/dev/null) || return 1
    [ "$home" = "$STATE_DIR" ] || [ ! -d "$home" ]
}

# An existing cluster needs the server of its own major version.
choose_server() {
    local bin version
    bin=$(find_server) ||
        fail "PostgreSQL $MIN_POSTGRES and PostGIS $MIN_POSTGIS or newer are needed; found:$(describe_servers)" \
            "$(system_packages_command postgis)"
    if [ -f "$CLUSTER/data/PG_VERSION" ]; then
        version=$(cat "$CLUSTER/data/PG_VERSION")
        if [ "$version" != "$(major_version "$bin")" ]; then
            bin=$(server_folders | grep -E "[/-]$version/bin\$" | head -n 1 || true)
            [ -n "$bin" ] || fail "the database in $CLUSTER was made by PostgreSQL $version, which is not installed." \
                "install the packages postgresql-$version and postgresql-$version-postgis-3"
        fi
    fi
    echo "$bin"
}

# Run a command as the account that owns the server. From / because the account may not see our folder; without our
# descriptors because a server that inherits a lock or a pipe keeps it as long as it lives.
as_server() {
    (
        cd /
        close_descriptors
        if [ "$(id -u)" = 0 ]; then exec runuser -u postgres -- "$@"; else exec "$@"; fi
    )
}

# --- is it running? --------------------------------------------------------------------------------------------

# Print the process id of the postmaster on our data folder. Neither postmaster.pid nor pg_ctl can be believed after
# a kill -9: the number may be a zombie's or belong to someone else by now.
postmaster_pid() {
    local pid state
    pid=$(head -n 1 "$CLUSTER/data/postmaster.pid" 2>/dev/null) || return 1
    [[ $pid =~ ^[0-9]+$ ]] || return 1
    state=$(sed -E 's/^.*\) (.).*/\1/' "/proc/$pid/stat" 2>/dev/null) || return 1
    [ -n "$state" ] && [ "$state" != Z ] && [ "$state" != X ] || return 1
    tr '\0' '\n' <"/proc/$pid/cmdline" 2>/dev/null | grep -qxF -- "$CLUSTER/data" || return 1
    echo "$pid"
}

cluster_answers() {
    [ "$(super_sql postgres 'show data_directory' 2>/dev/null)" = "$CLUSTER/data" ]
}

# port_in_use HOST PORT. Bounded, because an address that is not this machine's may never answer.
port_in_use() {
    # shellcheck disable=SC2016  # $0 and $1 are the inner shell's
    timeout 2 bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$1" "$2" 2>/dev/null
}

# Below 32768, where the kernel's own choices for outgoing connections begin.
free_port() {
    local port _
    for _ in {1..50}; do
        port=$((20000 + RANDOM % 12000))
        port_in_use 127.0.0.1 "$port" || { echo "$port"; return 0; }
    done
    fail "no free port was found between 20000 and 32000 on 127.0.0.1."
}

# --- questions to it -------------------------------------------------------------------------------------------

super_sql() { # super_sql DATABASE SQL
    PGPASSWORD=$(cat "$CLUSTER/secrets/superuser") PGCONNECT_TIMEOUT=5 "$CLUSTER_BIN/psql" -X -q -At -v ON_ERROR_STOP=1 \
        -h 127.0.0.1 -p "$CLUSTER_PORT" -U postgres -d "$1" -c "$2" </dev/null
}

cluster_url() {
    echo "postgis://$APP_ROLE:$(cat "$CLUSTER/secrets/$APP_ROLE")@127.0.0.1:$CLUSTER_PORT/$APP_ROLE"
}

# --- making it -------------------------------------------------------------------------------------------------

# Made beside and moved into place, so that a kill in between leaves nothing that looks like a cluster. The collation
# is C.UTF-8: the same on every machine and untouched by upgrades of the C library, which would corrupt indexes.
create_cluster() {
    say "Making a private database cluster in $CLUSTER (PostgreSQL $(major_version "$CLUSTER_BIN"), PostGIS $(postgis_version "$CLUSTER_BIN")) ..."
    make_cluster_secrets
    rm -rf "$CLUSTER/data.new" "$CLUSTER/initdb.password"
    mkdir -m 700 "$CLUSTER/data.new"
    install -m 600 "$CLUSTER/secrets/superuser" "$CLUSTER/initdb.password"
    if [ "$(id -u)" = 0 ]; then chown postgres:postgres "$CLUSTER/data.new" "$CLUSTER/initdb.password"; fi
    as_server "$CLUSTER_BIN/initdb" -D "$CLUSTER/data.new" -U postgres --auth=scram-sha-256 --encoding=UTF8 \
        --locale=C.UTF-8 --pwfile="$CLUSTER/initdb.password" >>"$CLUSTER_LOG" 2>&1 </dev/null ||
        fail "initdb failed; its output is in $CLUSTER_LOG"
    echo "include '../kutim.conf'" >>"$CLUSTER/data.new/postgresql.conf"
    rm -f "$CLUSTER/ready" "$CLUSTER/initdb.password"
    mv "$CLUSTER/data.new" "$CLUSTER/data"
}

make_cluster_secrets() {
    mkdir -p "$CLUSTER/secrets"
    chmod 700 "$CLUSTER/secrets"
    kept_secret "$CLUSTER/secrets/superuser" >/dev/null
    kept_secret "$CLUSTER/secrets/$APP_ROLE" >/dev/null
}

# Written at every start, so that a change here reaches clusters made earlier.
write_settings() {
    {
        cat <<'CONF'
# Written by bin/lib/postgres.sh at every start: change it there.
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
password_encryption = 'scram-sha-256'
max_connections = 60
shared_buffers = '128MB'
maintenance_work_mem = '64MB'
max_locks_per_transaction = 256    # layers are partitions: one query may lock many
jit = off                          # compiling costs more than any of our queries
random_page_cost = 1.1            # the databases live on SSDs or in memory
timezone = 'UTC'
log_timezone = 'UTC'
log_line_prefix = '%m [%p] %d '
CONF
        durability
    } | install -m 644 /dev/stdin "$CLUSTER/kutim.conf"
}

durability() {
    if [ "$CLUSTER_NAME" = pg-test ]; then
        cat <<'CONF'
# Tests only: what is in here may be lost in a power cut, and every test that commits gets two to five times faster.
fsync = off
full_page_writes = off
synchronous_commit = off
wal_level = minimal
max_wal_senders = 0
max_wal_size = '512MB'
CONF
    else
        cat <<'CONF'
# People's reports are in here: what was acknowledged stays, whatever happens to the machine.
fsync = on
full_page_writes = on
synchronous_commit = on
CONF
    fi
}

# PostGIS can only be created by a superuser. It is created once, in a template; the application's role owns no more
# than the right to make databases from it.
set_up_databases() {
    local password
    [ "$(cat "$CLUSTER/ready" 2>/dev/null)" != "$CLUSTER_SETUP" ] || return 0
    say "Setting up PostGIS, the role and the database '$APP_ROLE' ..."
    password=$(cat "$CLUSTER/secrets/$APP_ROLE")
    has_row "select 1 from pg_database where datname = 'template_postgis'" ||
        super_sql postgres "create database template_postgis template template0"
    super_sql template_postgis "
        set client_min_messages = warning;
        create extension if not exists postgis;
        create extension if not exists pg_trgm;
        create extension if not exists btree_gist;
        create extension if not exists unaccent;"
    super_sql postgres "alter database template_postgis is_template true"
    has_row "select 1 from pg_roles where rolname = '$APP_ROLE'" ||
        super_sql postgres "create role $APP_ROLE"
    # No parallel workers: for queries as short as a map tile they cost up to three times what they bring.
    super_sql postgres "
        alter role $APP_ROLE login createdb nosuperuser nocreaterole password '$password';
        alter role $APP_ROLE set max_parallel_workers_per_gather = 0;"
    has_row "select 1 from pg_database where datname = '$APP_ROLE'" ||
        super_sql postgres "create database $APP_ROLE owner $APP_ROLE template template_postgis"
    echo "$CLUSTER_SETUP" >"$CLUSTER/ready"
}

has_row() {
    [ -n "$(super_sql postgres "$1")" ]
}

# --- starting and stopping -------------------------------------------------------------------------------------

# Start the open cluster unless it runs, and set CLUSTER_PORT. Whoever uses it holds a shared lock on <name>.users; the
# one who leaves last stops it (leave_cluster). The kernel lets go of the locks of whoever is killed.
enter_cluster() {
    exec {CLUSTER_USE}>>"$STATE_DIR/$CLUSTER_NAME.users"
    flock -s "$CLUSTER_USE"
    restart_cluster
}

# One at a time, whether two start at once or two find it dead at once.
restart_cluster() {
    local starting
    exec {starting}>>"$STATE_DIR/$CLUSTER_NAME.starting"
    flock "$starting"
    [ -d "$CLUSTER/data" ] || create_cluster
    start_cluster
    set_up_databases
    exec {starting}>&-
}

leave_cluster() {
    [ -n "${CLUSTER_USE:-}" ] || return 0
    if [ ! -e "$CLUSTER/keep" ] && flock -n -x "$CLUSTER_USE"; then stop_cluster; fi
    exec {CLUSTER_USE}>&-
    CLUSTER_USE=
}

start_cluster() {
    local _
    CLUSTER_PORT=$(cat "$CLUSTER/port" 2>/dev/null || free_port)
    if postmaster_pid >/dev/null; then
        wait_for_cluster && return 0
        fail "the database server in $CLUSTER runs but does not answer; its log is $CLUSTER_LOG" \
            "kill $(postmaster_pid)   # then start again"
    fi
    for _ in {1..5}; do
        if port_in_use 127.0.0.1 "$CLUSTER_PORT"; then CLUSTER_PORT=$(free_port); fi
        echo "$CLUSTER_PORT" >"$CLUSTER/port"
        launch_postmaster && wait_for_cluster && return 0
        if ! tail -n 8 "$CLUSTER_LOG" | grep -q 'could not bind\|pre-existing shared memory'; then break; fi
        sleep 1 # the port was taken in between, or the children of a killed server are still leaving
    done
    tail -n 15 "$CLUSTER_LOG" >&2
    fail "the database server in $CLUSTER did not start (above: the end of $CLUSTER_LOG)"
}

launch_postmaster() {
    rm -f "$CLUSTER/data/postmaster.pid" # postmaster_pid has shown that nobody stands behind it
    write_settings
    trim_log "$CLUSTER_LOG"
    # shellcheck disable=SC2086 # several words
    as_server env $CLUSTER_MALLOC "$CLUSTER_BIN/pg_ctl" start -s -w -t 120 -D "$CLUSTER/data" -o "-p $CLUSTER_PORT" \
        >>"$CLUSTER_LOG" 2>&1 </dev/null
}

# Up to 60 s: after a power cut the server first replays what it had promised.
wait_for_cluster() {
    local _
    for _ in {1..300}; do
        if cluster_answers; then return 0; fi
        postmaster_pid >/dev/null || return 1
        sleep 0.2
    done
    return 1
}

stop_cluster() {
    if ! postmaster_pid >/dev/null; then return 0; fi
    as_server "$CLUSTER_BIN/pg_ctl" stop -s -w -t 60 -m fast -D "$CLUSTER/data" >>"$CLUSTER_LOG" 2>&1 </dev/null ||
        say "The database server in $CLUSTER did not stop within 60 s; see $CLUSTER_LOG"
}

# shellcheck shell=bash
# What comes from the operating system: a Python, PostgreSQL with PostGIS, GDAL; for tests a browser besides.
# On Debian and its kin root gets it installed; everybody else is told the one command that does it.

# prepare_system_packages run|test
prepare_system_packages() {
    local missing
    prepare_printing
    if [ "$1" = test ]; then prepare_browser; fi
    mapfile -t missing < <(missing_system_packages "$1")
    if [ ${#missing[@]} = 0 ]; then return 0; fi
    if ! command -v apt-get >/dev/null; then
        fail "this machine lacks $(named "${missing[@]}"), and has no apt-get to install it." \
            "install PostgreSQL >= $MIN_POSTGRES, PostGIS >= $MIN_POSTGIS, GDAL and Python >= $MIN_PYTHON by your system's package manager"
    elif [ "$(id -u)" != 0 ]; then
        fail "this machine lacks $(named "${missing[@]}"), which only root may install." \
            "$(system_packages_command "${missing[@]}")"
    fi
    install_system_packages "${missing[@]}"
    mapfile -t missing < <(missing_system_packages "$1")
    if [ ${#missing[@]} != 0 ]; then
        fail "still missing after the installation: $(named "${missing[@]}"). Found:$(describe_servers)" \
            "read $LOGS/apt.log"
    fi
}

# What sets the type of the monthly report (dashboards/monthly/press.py). The site runs without: only the PDF waits, or
# shows empty boxes for letters that no font here has.
prepare_printing() {
    local missing
    mapfile -t missing < <(missing_for_printing)
    offer printing "No monthly report as PDF" "${missing[@]}"
    mapfile -t missing < <(missing_letters)
    offer letters "The monthly report's PDF shows boxes for Javanese letters and emoji" "${missing[@]}"
}

# A Chromium with windows and menus does, but is slow. One that was named (CHROMIUM) is meant.
prepare_browser() {
    local found
    found=$(browser)
    if [ -z "$found" ] || [ -n "${CHROMIUM:-}" ] || [[ $found == *headless-shell ]]; then return 0; fi
    if ! apt_knows chromium-headless-shell; then return 0; fi
    offer browser "Tests in a browser take half as long again" chromium-headless-shell
}

# offer NAME SENTENCE PACKAGES...: installs what the site can do without, or says what is not to be had until then.
offer() {
    local name=$1 without=$2
    shift 2
    if [ $# = 0 ]; then return 0; fi
    if ! command -v apt-get >/dev/null; then
        say "$without until this machine has what Debian calls $*."
    elif [ "$(id -u)" != 0 ]; then
        say "$without until root has run: $(system_packages_command "$@")"
    elif [ -e "$STATE_DIR/$name-tried" ] || ! (touch "$STATE_DIR/$name-tried" && install_system_packages "$@"); then
        # Tried once for each STATE_DIR: a machine without network must not wait for it at every start.
        say "$without until this has run: $(system_packages_command "$@")"
    fi
}

missing_letters() {
    has_letter a98f || echo fonts-noto-core # U+A98F, Javanese
    has_letter 1f642 || echo fonts-symbola  # U+1F642, a smile
}

has_letter() { [ -n "$(fc-list ":charset=$1" family 2>/dev/null)" ]; }

missing_for_printing() {
    local libraries
    libraries=$(PATH=$PATH:/usr/sbin:/sbin ldconfig -p 2>/dev/null)
    [[ $libraries == *libpango-1.0.so* ]] || echo libpango-1.0-0
    [[ $libraries == *libpangoft2-1.0.so* ]] || echo libpangoft2-1.0-0
    [[ $libraries == *libharfbuzz-subset.so* ]] || echo libharfbuzz-subset0
    [ -d /usr/share/fonts/truetype/liberation ] || [ -d /usr/share/fonts/truetype/liberation2 ] || echo fonts-liberation
}

# Names of packages, one a line, each once. "postgis" and "browser" stand for what this release has (see apt_names).
missing_system_packages() {
    {
        missing_for_python
        if [ -z "${DATABASE_URL:-}" ] && ! find_server >/dev/null; then
            echo postgis # brings GDAL along
        elif ! has_gdal; then
            echo gdal-bin
        fi
        if [ "$1" = test ]; then
            [ -n "$(browser)" ] || printf 'browser\nfonts-liberation\n'
            command -v ogrinfo >/dev/null || echo gdal-bin
            command -v xgettext >/dev/null || echo gettext
            command -v shellcheck >/dev/null || echo shellcheck
        fi
    } | sort -u
}

missing_for_python() {
    local python
    if usable_venv; then return 0; fi
    if ! python=$(find_python); then
        printf 'python3\npython3-venv\n'
    elif ! "$python" -c 'import ensurepip' 2>/dev/null; then
        echo python3-venv
    fi
}

# Not grep -q: it would leave early, and under pipefail the broken pipe would count as "no GDAL".
has_gdal() {
    [ -n "${GDAL_LIBRARY_PATH:-}" ] || PATH=$PATH:/usr/sbin:/sbin ldconfig -p 2>/dev/null | grep 'libgdal\.so' >/dev/null
}

# Without windows and menus, tests in a browser take two thirds of the time.
browser() {
    command -v chromium-headless-shell || command -v chromium || command -v chromium-browser || command -v google-chrome || true
}

# What is missing and what for, so that people know what they let in.
named() {
    local package text=
    for package in "$@"; do
        case $package in
        python3) text="$text, python3 (>= $MIN_PYTHON, runs everything)" ;;
        python3-venv) text="$text, python3-venv (keeps our Python packages apart)" ;;
        postgis) text="$text, PostgreSQL >= $MIN_POSTGRES with PostGIS >= $MIN_POSTGIS (the database)" ;;
        gdal-bin) text="$text, gdal-bin (reads and writes map files)" ;;
        browser) text="$text, Chromium (tests in a browser)" ;;
        chromium-headless-shell) text="$text, chromium-headless-shell (quicker tests in a browser)" ;;
        gettext) text="$text, gettext (finds texts without translation)" ;;
        shellcheck) text="$text, shellcheck (reads these scripts critically)" ;;
        libpango-1.0-0) text="$text, libpango-1.0-0 (sets the type of the monthly report's PDF)" ;;
        *) text="$text, $package" ;;
        esac
    done
    echo "${text#, }"
}

# The server's package carries its version in its name. Without lists of packages: Debian's name for "the newest".
# Not every release has a Chromium without windows.
apt_names() {
    local package newest
    for package in "$@"; do
        if [ "$package" = postgis ]; then
            newest=$(apt-cache search --names-only '^postgresql-[0-9]+-postgis-3$' 2>/dev/null | cut -d ' ' -f 1 | sort -V | tail -n 1)
            package=${newest:-postgresql-postgis}
        elif [ "$package" = browser ]; then
            if apt_knows chromium-headless-shell; then package=chromium-headless-shell; else package=chromium; fi
        fi
        echo "$package"
    done
}

system_packages_command() {
    echo "sudo apt-get update && sudo apt-get install -y --no-install-recommends $(apt_names "$@" | tr '\n' ' ')"
}

install_system_packages() {
    local names
    mapfile -t names < <(apt_names "$@")
    if apt_knows "${names[@]}"; then
        say "Installing $(named "$@") ..."
        if attempt "$LOGS/apt.log" without_main_cluster apt_get install "${names[@]}"; then return 0; fi
    fi
    step "Fetching the lists of packages" "$LOGS/apt.log" "connect this machine to the network, then start again: $0" \
        apt_get update
    mapfile -t names < <(apt_names "$@")
    step "Installing $(named "$@")" "$LOGS/apt.log" "$(system_packages_command "$@")" \
        without_main_cluster apt_get install "${names[@]}"
}

apt_knows() {
    local package
    for package in "$@"; do
        apt-cache policy "$package" 2>/dev/null | grep 'Candidate: [^(]' >/dev/null || return 1 # not -q: see has_gdal
    done
}

apt_get() {
    local action=$1
    shift
    umask 022
    DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 --no-install-recommends "$action" "$@"
}

# Debian makes and starts a cluster on port 5432 when a server is installed; ours is private, that one would be
# nobody's. The setting is put back afterwards: later installations are not our business.
# Runs in the subshell of "attempt".
CLUSTER_SETTINGS=/etc/postgresql-common/createcluster.conf

without_main_cluster() {
    local before
    before=$(mktemp)
    trap '' TERM # packages are never left half installed
    # shellcheck disable=SC2064  # the variable is gone when the trap runs
    trap "put_settings_back '$before'" EXIT
    mkdir -p "$(dirname "$CLUSTER_SETTINGS")"
    if [ -f "$CLUSTER_SETTINGS" ]; then cp -p "$CLUSTER_SETTINGS" "$before"; fi
    {
        grep -v '^[[:space:]]*create_main_cluster' "$before" || true
        echo 'create_main_cluster = false'
    } >"$CLUSTER_SETTINGS"
    "$@"
}

put_settings_back() {
    local default=/usr/share/postgresql-common/createcluster.conf
    if [ -s "$1" ]; then
        cp -p "$1" "$CLUSTER_SETTINGS"
    elif [ -f "$default" ]; then
        cp "$default" "$CLUSTER_SETTINGS"
        rm -f "$CLUSTER_SETTINGS.ucf-dist"
    else
        rm -f "$CLUSTER_SETTINGS"
    fi
    rm -f "$1"
}

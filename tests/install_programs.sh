#!/bin/sh
# Installs the programs the tests start: with apt-get, as root or by passwordless sudo.
# What stays missing is named; its tests skip, and with CI=true that is a failure.
# Arguments are further programs.
set -u
# Debian keeps the programs of a PostgreSQL server out of every PATH.
PATH="$PATH:/usr/sbin:/sbin:$(echo /usr/lib/postgresql/*/bin | tr ' ' ':')"
programs="chromium curl faketime nginx npm redis-server strace systemd-analyze zstd $*"

missing() {
    for program in $programs; do
        command -v "$program" >/dev/null 2>&1 || printf '%s ' "$program"
    done
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n "$@"; fi
}

# Each program's package has its name, but for two.
wanted=$(missing | sed 's/initdb/postgresql/; s/systemd-analyze/systemd/')
if [ -n "$wanted" ] && command -v apt-get >/dev/null 2>&1 && as_root true 2>/dev/null; then
    echo "programs: installing $wanted"
    as_root apt-get update -qq
    # shellcheck disable=SC2086 # one word a package
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends $wanted >/dev/null
fi

for program in $(missing); do
    echo "programs: $program IS MISSING, its tests will be skipped" >&2
    absent=1
done
if [ "${absent:-0}" -eq 1 ] && [ "${CI:-}" = true ]; then
    exit 1
fi

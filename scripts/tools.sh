# Where the tools of the tests are. Sourced by scripts/setup and scripts/test; installs nothing.
# shellcheck shell=bash

target="$(realpath --canonicalize-missing "${CARGO_TARGET_DIR:-target}")"
tools="$target/test-tools"
PATH="$tools/bin:$PATH"
for found in "$tools"/node/node_modules/node-*/bin; do
    if [ -d "$found" ]; then PATH="$found:$PATH"; fi
done

say() { printf '\n\033[1m== %s\033[0m\n' "$*"; }
fail() {
    printf '\nscripts/%s: %s\n' "$(basename "$0")" "$*" >&2
    exit 1
}

# The newest installed version's path of a PostgreSQL server program; empty when there is none.
postgres_program() {
    local found
    found="$(printf '%s\n' /usr/lib/postgresql/*/bin/"$1" | sort --version-sort | tail -n 1)"
    if [ -x "$found" ]; then echo "$found"; else command -v "$1" || true; fi
}

postgres_version() { "$(postgres_program initdb)" --version | sed -E 's/^[^0-9]*([0-9]+).*/\1/'; }

chromium_program() {
    local name
    if [ -n "${CHROMIUM:-}" ]; then echo "$CHROMIUM" && return; fi
    for name in chromium chromium-browser google-chrome google-chrome-stable; do
        command -v "$name" && return
    done
    true
}

# It is not on the path of everybody.
nginx_program() { PATH="$PATH:/usr/sbin" command -v nginx || true; }

# What setup installs for this state of the repository. It changes when setup or one of its lists does.
wanted_tools() {
    sha256sum scripts/setup scripts/*.txt interop/{requirements.txt,package-lock.json} browser/package-lock.json
}

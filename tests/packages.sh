#!/bin/sh
# Installs the Debian packages that the tests need, when it may; otherwise says which are missing.
# With a name of a list beside it: the packages of that list.
set -eu
cd "$(dirname "$0")"

missing=
for package in $(grep -hv '^#' ${1:-packages.txt rigs/packages.txt}); do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q ' installed$' || missing="$missing $package"
done

if [ -z "$missing" ]; then
    exit 0
elif [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing$missing …"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -q
    # The tests start their servers themselves; a package that starts one at once would only be in the way.
    policy=/usr/sbin/policy-rc.d
    if [ ! -e $policy ]; then
        trap 'rm -f $policy' EXIT
        printf '#!/bin/sh\nexit 101\n' >$policy && chmod +x $policy
    fi
    # shellcheck disable=SC2086
    apt-get install -qy --no-install-recommends $missing
else
    echo "Not installed:$missing. Tests that need them are skipped and say so."
fi

#!/bin/sh
# What pip cannot install: `system.sh venv PYTHON` the venv module, `system.sh chromium` and `system.sh firefox` the
# browsers of the tests, `system.sh stamps FOLDER` the pictures of the demo, unpacked into a folder and not installed.
set -eu

apt_install() {
    if ! command -v apt-get >/dev/null; then
        echo "error: $1 is missing and this is not a Debian or Ubuntu machine; install $1 and try again" >&2
        exit 1
    fi
    as_root=""
    if [ "$(id -u)" -ne 0 ]; then
        if ! command -v sudo >/dev/null; then
            echo "error: $1 is missing; run 'apt-get install $1' as root and try again" >&2
            exit 1
        fi
        as_root="sudo"
    fi
    echo "installing $1"
    $as_root apt-get update -qq
    DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq "$1" >/dev/null
}

case "$1" in
venv)
    "$2" -c 'import sys; sys.exit(sys.version_info < (3, 10))' || {
        echo "error: $2 is older than Python 3.10; set PYTHON=python3.11" >&2
        exit 1
    }
    "$2" -c 'import ensurepip' 2>/dev/null || apt_install python3-venv
    ;;
chromium)
    # Ubuntu's package is a snap shim that cannot start everywhere, so any Chromium or Chrome on PATH will do.
    for browser in chromium chromium-browser google-chrome; do
        command -v "$browser" >/dev/null && exit 0
    done
    apt_install chromium
    ;;
firefox)
    command -v firefox-esr >/dev/null || apt_install firefox-esr
    command -v Xvfb >/dev/null || apt_install xvfb
    ;;
stamps)
    { [ -d "$2/usr" ] || [ -d /usr/share/tuxpaint/stamps/animals ]; } && exit 0
    package=tuxpaint-stamps-default
    mkdir -p "$2"
    cd "$2"
    echo "fetching the pictures of Debian's package $package, 160 MB"
    {
        # a fresh machine has no lists of packages yet
        apt-get download "$package" || { apt-get update && apt-get download "$package"; }
        dpkg-deb -x ./"$package"_*.deb unpacked
        mv unpacked/usr .
    } >/dev/null 2>&1 || echo "they cannot be had here" >&2
    rm -rf unpacked ./"$package"_*.deb
    ;;
*)
    echo "usage: system.sh venv PYTHON | chromium | firefox | stamps FOLDER" >&2
    exit 2
    ;;
esac

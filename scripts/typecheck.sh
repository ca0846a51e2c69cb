#!/bin/sh
# Runs mypy. The plugin is a package whose folder may have any name, so mypy sees it through a link with a fixed one.
# Usage: typecheck.sh MYPY
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
case "$1" in
*/*) mypy=$(cd "$(dirname "$1")" && pwd)/$(basename "$1") ;;
*) mypy=$1 ;;
esac
seen=$(mktemp -d)
trap 'rm -rf "$seen"' EXIT
ln -s "$root" "$seen/constellation"
cd "$seen"
"$mypy" --config-file "$root/pyproject.toml" --cache-dir "$root/.mypy_cache" -p constellation.models -p constellation.operators

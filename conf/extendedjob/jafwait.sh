#!/bin/sh
# Wait for a file (icon "file wait").
#
#   jafwait.sh FILE DELETE SECONDS
#
# DELETE 1 removes the file when it is there. SECONDS 0 waits for ever.
# Exit: 0 it is there; 255 it did not come in time, or anything is wrong.

if [ $# -ne 3 ]; then
    echo "usage: jafwait.sh FILE DELETE SECONDS" >&2
    exit 255
fi
file=$1 delete=$2 seconds=$3
case $seconds in
    '' | *[!0-9]*) echo "not a number of seconds: $seconds" >&2; exit 255 ;;
esac
case $file in
    /*) directory=${file%/*}/ ;;
    */*) directory=${file%/*} ;;
    *) directory=. ;;
esac
if [ ! -d "$directory" ]; then
    echo "not a directory: $directory" >&2
    exit 255
fi

waited=0
until [ -f "$file" ]; do
    if [ -e "$file" ]; then
        echo "not a regular file: $file" >&2
        exit 255
    fi
    if [ "$seconds" -gt 0 ] && [ "$waited" -ge "$seconds" ]; then
        echo "did not appear within $seconds seconds: $file" >&2
        exit 255
    fi
    sleep 1
    waited=$((waited + 1))
done
echo "found: $file"
if [ "$delete" = 1 ]; then
    rm -f -- "$file" || exit 255
    echo "removed: $file"
fi
exit 0

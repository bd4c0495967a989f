#!/bin/sh
# Look once whether a file exists (icon "file wait", mode "existence").
#
#   jafcheck.sh FILE DELETE SECONDS      (SECONDS is not used)
#
# DELETE 1 removes the file when it is there.
# Exit: 1 it is there; 0 it is not; 255 anything is wrong.

if [ $# -ne 3 ]; then
    echo "usage: jafcheck.sh FILE DELETE SECONDS" >&2
    exit 255
fi
file=$1 delete=$2
case $file in
    /*) directory=${file%/*}/ ;;
    */*) directory=${file%/*} ;;
    *) directory=. ;;
esac
if [ ! -d "$directory" ]; then
    echo "not a directory: $directory" >&2
    exit 255
fi
if [ -f "$file" ]; then
    echo "found: $file"
    if [ "$delete" = 1 ]; then
        rm -f -- "$file" || exit 255
        echo "removed: $file"
    fi
    exit 1
fi
if [ -e "$file" ]; then
    echo "not a regular file: $file" >&2
    exit 255
fi
echo "not there: $file"
exit 0

#!/bin/sh
# Called by jobarg_monitor once for everything it finds, with
#   1 kind: 1 start not loaded, 2 start not begun, 3 server silent, 4 database cannot be used,
#     5 calendar ends soon, 6 run over its time limit
#   2 calendar or filter  3 schedule  4 jobnet  5 user  6 time of the start  7 start time (kind 2: 0)
#   8 the line of the log
# (empty where there is nothing to tell). Hands the line to Zabbix by zabbix_sender, or, as an
# example of another way, to people by mail. Does nothing until one of the two is set up.

ZABBIX_SERVER=
ZABBIX_PORT=10051
ZABBIX_KEY=jasender
ZABBIX_HOST=
MAIL_TO=

[ $# -ge 8 ] || { echo "usage: $0 kind calendar schedule jobnet user time start line" >&2; exit 1; }
kind=$1 line=$8

case "$kind" in
1 | 2) word=ERROR ;;
3 | 4) word=CRIT ;;
5 | 6) word=WARN ;;
*) echo "$0: unknown kind '$kind'" >&2; exit 1 ;;
esac

status=0
if [ -n "$ZABBIX_SERVER" ]; then
    zabbix_sender -z "$ZABBIX_SERVER" -p "$ZABBIX_PORT" -s "$ZABBIX_HOST" \
        -k "$ZABBIX_KEY" -o "[$word] $line" >/dev/null 2>&1 || status=1
fi
if [ -n "$MAIL_TO" ]; then
    printf '%s\n' "$line" | mail -s "Job Arranger: $word" "$MAIL_TO" || status=1
fi
exit $status

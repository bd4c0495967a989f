#!/bin/sh
# Called once for every message to be notified, with
#   1 user  2 jobnet  3 date and time  4 message id  5 type  6 text  7 host  8 full job id
# (none where there is nothing to tell). Hands the message to Zabbix by zabbix_sender, or, as an
# example of another way, to people by mail. Does nothing until one of the two is set up.

ZABBIX_SERVER=
ZABBIX_PORT=10051
ZABBIX_KEY=jasender
DEFAULT_HOST=
MAIL_TO=

[ $# -ge 8 ] || { echo "usage: $0 user jobnet date id type text host job" >&2; exit 1; }
user=$1 jobnet=$2 date=$3 id=$4 type=$5 text=$6 host=$7 job=$8

case "$type" in
0) word=INFO ;;
1) word=CRIT ;;
2) word=ERROR ;;
3) word=WARN ;;
*) exit 1 ;;
esac
line="[$date] [$word] [$id] $text (user=$user jobnet=$jobnet job=$job)"

status=0
if [ -n "$ZABBIX_SERVER" ]; then
    zabbix_sender -z "$ZABBIX_SERVER" -p "$ZABBIX_PORT" -s "${host:-$DEFAULT_HOST}" \
        -k "$ZABBIX_KEY" -o "$line" >/dev/null 2>&1 || status=1
fi
if [ -n "$MAIL_TO" ]; then
    printf '%s\n' "$line" | mail -s "Job Arranger: $word $id" "$MAIL_TO" || status=1
fi
exit $status

"""Texts that the tables offer to the Manager, in the languages it knows."""

from __future__ import annotations

#: Language of a Zabbix user -> language of the texts below.
LANGUAGES = {"en_gb": "en", "en_us": "en", "ja_jp": "ja", "ko_kr": "ko"}

Texts = dict[str, str]

#: Extended-job command -> language -> (name in the selection list, help).
EXTENDED_JOBS: dict[str, dict[str, tuple[str, str]]] = {
    "jacmdsleep": {
        "en": (
            "Pause for some seconds",
            (
                "Waits as long as the parameter says, then ends. The parameter is a number of "
                "seconds "
                "with one to six digits. A test run does not wait."
            ),
        ),
        "ja": (
            "指定秒数の待ち合わせ",
            (
                "パラメータに書いた秒数だけ待ってから終わります。1~6桁の数字で指定してください。"
                "テスト実行では待ちません。"
            ),
        ),
        "ko": (
            "초 단위 대기",
            (
                "매개변수에 적은 초만큼 기다린 다음 끝납니다. 1~6자리 숫자로 적어 주십시오. "
                "테스트 실행에서는 기다리지 않습니다."
            ),
        ),
    },
    "jacmdtime": {
        "en": (
            "Pause until a time of day",
            (
                "Waits for the time in the parameter, written as hours and minutes and, if wanted, "
                "seconds (three to six digits). Hours may go beyond 24, up to 99, and count from "
                "the "
                "day on which the run began. A test run does not wait."
            ),
        ),
        "ja": (
            "指定時刻までの待ち合わせ",
            (
                "パラメータの時刻になるまで待ちます。時分、必要なら秒も続けて3~6桁で指定します。"
                "時は実行を始めた日から数え、99まで書けます。テスト実行では待ちません。"
            ),
        ),
        "ko": (
            "지정 시각까지 대기",
            (
                "매개변수의 시각이 될 때까지 기다립니다. 시와 분, 필요하면 초까지 3~6자리로 "
                "적습니다. "
                "시는 실행을 시작한 날부터 세며 99까지 쓸 수 있습니다. "
                "테스트 실행에서는 기다리지 않습니다."
            ),
        ),
    },
    "jacmdweek": {
        "en": (
            "Ask for the day of the week",
            (
                "Ends at once. The exit code is the number of today, 1 for Sunday to 7 for "
                "Saturday, "
                "if the parameter lists it, otherwise 0. Days are written Sun Mon Tue Wed Thu Fri "
                "Sat, "
                "parted by blanks; an empty parameter stands for all of them."
            ),
        ),
        "ja": (
            "曜日の判定",
            (
                "すぐに終わります。今日の曜日がパラメータにあれば、終了コードは日曜の1から土曜の7まで、"
                "なければ0です。曜日は Sun Mon Tue Wed Thu Fri Sat を空白で区切って書き、"
                "何も書かなければすべての曜日とみなします。"
            ),
        ),
        "ko": (
            "요일 확인",
            (
                "바로 끝납니다. 오늘 요일이 매개변수에 있으면 종료 코드는 일요일 1부터 토요일 "
                "7까지, "
                "없으면 0입니다. 요일은 Sun Mon Tue Wed Thu Fri Sat을 공백으로 구분하여 적고, "
                "비워 두면 모든 요일을 뜻합니다."
            ),
        ),
    },
    "zabbix_sender": {
        "en": (
            "Send a value to Zabbix",
            (
                "Starts the zabbix_sender program with the parameter as its arguments. The exit "
                "code "
                "is 0 when Zabbix took the value and 255 when it did not; the program's output is "
                "in "
                "STD_OUT."
            ),
        ),
        "ja": (
            "Zabbixへの値の送信",
            (
                "パラメータを引数として zabbix_sender を起動します。Zabbixが値を受け取れば"
                "終了コードは0、受け取らなければ255です。出力は STD_OUT に入ります。"
            ),
        ),
        "ko": (
            "Zabbix로 값 보내기",
            (
                "매개변수를 인수로 하여 zabbix_sender를 실행합니다. Zabbix가 값을 받으면 종료 "
                "코드는 "
                "0, 받지 않으면 255입니다. 출력은 STD_OUT에 들어갑니다."
            ),
        ),
    },
}

#: Message of the run log -> (0 information, 1 warning, 2 error), texts by language.
RUN_LOG: dict[str, tuple[int, Texts]] = {
    "JC00000001": (
        0,
        {
            "en": "The jobnet has begun.",
            "ja": "ジョブネットの実行を始めました。",
            "ko": "작업넷 실행을 시작했습니다.",
        },
    ),
    "JC00000002": (
        0,
        {
            "en": "The jobnet has ended normally.",
            "ja": "ジョブネットは正常に終わりました。",
            "ko": "작업넷이 정상적으로 끝났습니다.",
        },
    ),
    "JC00000003": (
        0,
        {
            "en": "The icon has begun.",
            "ja": "アイコンの処理を始めました。",
            "ko": "아이콘 처리를 시작했습니다.",
        },
    ),
    "JC00000004": (
        0,
        {
            "en": "The icon has ended normally.",
            "ja": "アイコンの処理は正常に終わりました。",
            "ko": "아이콘 처리가 정상적으로 끝났습니다.",
        },
    ),
    "JC00000005": (
        1,
        {
            "en": "The icon runs longer than its warning time.",
            "ja": "アイコンの処理が警告時間を超えています。",
            "ko": "아이콘 처리가 경고 시간을 넘었습니다.",
        },
    ),
    "JC00000006": (
        1,
        {
            "en": "The icon was skipped.",
            "ja": "アイコンをスキップしました。",
            "ko": "아이콘을 건너뛰었습니다.",
        },
    ),
    "JC00000007": (
        1,
        {
            "en": "The icon was started again on request.",
            "ja": "指示によりアイコンを再び実行しました。",
            "ko": "요청에 따라 아이콘을 다시 실행했습니다.",
        },
    ),
    "JC90000001": (
        2,
        {
            "en": "The jobnet was not started at its planned time.",
            "ja": "ジョブネットは予定の時刻に始まりませんでした。",
            "ko": "작업넷이 예정된 시각에 시작되지 않았습니다.",
        },
    ),
    "JC90000002": (
        2,
        {
            "en": "The icon has failed.",
            "ja": "アイコンの処理は失敗しました。",
            "ko": "아이콘 처리가 실패했습니다.",
        },
    ),
    "JC90000003": (
        2,
        {
            "en": "The jobnet was stopped by an operator.",
            "ja": "ジョブネットは操作により停止されました。",
            "ko": "작업넷이 운영자에 의해 중지되었습니다.",
        },
    ),
}

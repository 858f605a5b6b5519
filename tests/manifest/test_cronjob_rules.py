"""What the server says of a CronJob: its schedule in the parser's words, its time zone in Go's, its Jobs' template."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runner.core.manifest import Source, load
from tests.support.manifests import said

TZ = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"
TEMPLATE = {"spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": "busybox"}]}}


def manifest(name: str = "nightly", job: dict[str, Any] | None = None, **spec: Any) -> str:
    spec = {"schedule": "0 3 * * *", "jobTemplate": {"spec": {"template": TEMPLATE, **(job or {})}}, **spec}
    return json.dumps({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": name}, "spec": spec})


@pytest.mark.parametrize(
    ("schedule", "faults"),
    [
        ("* * * * ?", []),
        ("*/15 0-6,22-23 1,15 JAN-mar mon-FRI", []),
        ("5/10 * * * *", []),
        ("*-3 * * * *", []),
        (", * * * *", []),
        ("@daily", []),
        ("@every 1h30m", []),
        ("@every 1.5h", []),
        ("@every -5m", []),
        ("@every 0", []),
        ("0 0 31 2 *", []),
        ("* * * *", ["expected exactly 5 fields, found 4: [* * * *]"]),
        ("0 0 0 * * *", ["expected exactly 5 fields, found 6: [0 0 0 * * *]"]),
        ("60 * * * *", ["end of range (60) above maximum (59): 60"]),
        ("* 24 * * *", ["end of range (24) above maximum (23): 24"]),
        ("* * 0 * *", ["beginning of range (0) below minimum (1): 0"]),
        ("* * 32 * *", ["end of range (32) above maximum (31): 32"]),
        ("* * * 13 *", ["end of range (13) above maximum (12): 13"]),
        ("* * * * 7", ["end of range (7) above maximum (6): 7"]),
        ("9-5 * * * *", ["beginning of range (9) beyond end of range (5): 9-5"]),
        ("*/0 * * * *", ["step of range should be a positive number: */0"]),
        ("1-2-3 * * * *", ["too many hyphens: 1-2-3"]),
        ("1/2/3 * * * *", ["too many slashes: 1/2/3"]),
        ("every day at noon x", ['failed to parse int from every: strconv.Atoi: parsing "every": invalid syntax']),
        ("* * * * funday", ['failed to parse int from funday: strconv.Atoi: parsing "funday": invalid syntax']),
        ("-1 * * * *", ['failed to parse int from : strconv.Atoi: parsing "": invalid syntax']),
        ("*/-5 * * * *", ["negative number (-5) not allowed: -5"]),
        ("*/-0 * * * *", ["step of range should be a positive number: */-0"]),
        (
            "99999999999999999999 * * * *",
            [
                'failed to parse int from 99999999999999999999: strconv.Atoi: parsing "99999999999999999999": value out of '
                "range"
            ],
        ),
        ("@noon", ["unrecognized descriptor: @noon"]),
        ("@every", ["unrecognized descriptor: @every"]),
        ("@every ", ['failed to parse duration @every : time: invalid duration ""']),
        ("@every day", ['failed to parse duration @every day: time: invalid duration "day"']),
        ("@every 5", ['failed to parse duration @every 5: time: missing unit in duration "5"']),
        ("@every 1d", ['failed to parse duration @every 1d: time: unknown unit "d" in duration "1d"']),
        ("@every 9999999h", ['failed to parse duration @every 9999999h: time: invalid duration "9999999h"']),
        ("TZ=UTC 0 0 * * *", [TZ]),
        ("CRON_TZ=Europe/Rome @daily", [TZ]),
        ("TZ=Mars/Olympus 0 0 * * *", ["provided bad location Mars/Olympus: unknown time zone Mars/Olympus", TZ]),
        ("TZ=0", ["invalid schedule format: runtime error: slice bounds out of range [:-1]", TZ]),
    ],
)
def test_a_schedule_is_what_the_controllers_parser_reads(schedule: str, faults: list[str]) -> None:
    shown = json.dumps(schedule)
    assert said(manifest(schedule=schedule)) == [f"spec.schedule: Invalid value: {shown}: {fault}" for fault in faults]


@pytest.mark.parametrize(
    ("zone", "faults"),
    [
        ("Europe/Rome", []),
        ("America/Argentina/Buenos_Aires", []),
        ("US/Pacific", []),
        ("Etc/GMT+1", []),
        ("UTC", []),
        ("", ["timeZone must be nil or non-empty string"]),
        ("Europe/InvalidRome", ["unknown time zone Europe/InvalidRome"]),
        ("europe/rome", ["unknown time zone europe/rome"]),
        (" Europe/Rome", ["unknown time zone  Europe/Rome"]),
        ("../etc/passwd", ["unknown time zone ../etc/passwd"]),
        ("-x", ["unknown time zone -x"]),
        ("Europe//Rome", ["unknown time zone Europe//Rome"]),
        ("Europe/a..b", ["time: invalid location name"]),
        ("Europe", ["is a directory"]),
        ("Local", ["timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones"]),
        (
            "LOCAL",
            [
                "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones",
                "unknown time zone LOCAL",
            ],
        ),
    ],
)
def test_a_time_zone_is_one_of_the_database(zone: str, faults: list[str]) -> None:
    assert said(manifest(timeZone=zone)) == [f'spec.timeZone: Invalid value: "{zone}": {fault}' for fault in faults]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (manifest(schedule=""), ["spec.schedule: Required value"]),
        (
            manifest(concurrencyPolicy="Skip"),
            ['spec.concurrencyPolicy: Unsupported value: "Skip": supported values: "Allow", "Forbid", "Replace"'],
        ),
        (
            manifest(startingDeadlineSeconds=-1, successfulJobsHistoryLimit=-2, failedJobsHistoryLimit=-3, timeZone=""),
            [
                "spec.startingDeadlineSeconds: Invalid value: -1: must be greater than or equal to 0",
                'spec.timeZone: Invalid value: "": timeZone must be nil or non-empty string',
                "spec.successfulJobsHistoryLimit: Invalid value: -2: must be greater than or equal to 0",
                "spec.failedJobsHistoryLimit: Invalid value: -3: must be greater than or equal to 0",
            ],
        ),
        (manifest("a" * 52), []),
        (
            manifest("a" * 53, schedule=""),
            [
                "spec.schedule: Required value",
                f'metadata.name: Invalid value: "{"a" * 53}": must be no more than 52 characters',
            ],
        ),
        (
            manifest(job={"selector": {"matchLabels": {"a": "b"}}, "manualSelector": True, "completions": -1}),
            [
                "spec.jobTemplate.spec.completions: Invalid value: -1: must be greater than or equal to 0",
                'spec.jobTemplate.spec.selector: Invalid value: {"matchLabels":{"a":"b"}}: `selector` will be auto-generated',
                'spec.jobTemplate.spec.manualSelector: Unsupported value: true: supported values: "nil", "false"',
            ],
        ),
        (
            manifest(job={"backoffLimitPerIndex": 1}),
            ["spec.jobTemplate.spec.backoffLimitPerIndex: Invalid value: 1: requires indexed completion mode"],
        ),
        (
            manifest(job={"podReplacementPolicy": "Never"}),
            [
                'spec.jobTemplate.spec.podReplacementPolicy: Unsupported value: "Never": supported values: "Failed", '
                '"TerminatingOrFailed"'
            ],
        ),
    ],
)
def test_what_the_server_says_of_a_cron_job(text: str, expected: list[str]) -> None:
    assert said(text) == expected


def test_a_template_has_no_defaults_of_jobs_until_a_job_is_made_of_it() -> None:
    (found,) = load([Source(name="f", text=manifest())]).objects
    assert found.value["spec"]["jobTemplate"]["spec"].keys() == {"template"}

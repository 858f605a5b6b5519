"""The schema data file is what its generator makes, and loading is quick and light."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from runner.core.manifest.schema import fields_of, load_schema

ROOT = Path(__file__).parents[2]


def test_the_data_file_is_what_the_generator_makes() -> None:
    done = subprocess.run(
        [sys.executable, "tools/make_schema.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    assert done.returncode == 0


def test_the_data_file_is_small_and_holds_what_is_promised() -> None:
    assert (ROOT / "runner" / "core" / "manifest" / "schema.bin").stat().st_size < 20_000
    schema = load_schema()
    assert schema.version.startswith("1.37")
    assert {"v1/Pod", "v1/Secret", "apps/v1/StatefulSet", "batch/v1/CronJob"} <= schema.kinds.keys()
    env = fields_of("Container")["env"]
    assert (env.code, env.list_keys) == ("[@EnvVar", "name")
    assert fields_of("ContainerPort")["containerPort"].required


PROGRAM = """
import json, sys
from pathlib import Path
from time import process_time
import yaml
from runner.core.manifest import Source, load
text = Path("fixtures/init-container.yaml").read_text()
start = process_time()
result = load([Source(name="f", text=text)])
seconds = process_time() - start
start = process_time()
for _ in range(10):
    yaml.load(text, yaml.SafeLoader)
ratio = seconds / ((process_time() - start) / 10)
heavy = {"click", "rich", "docker", "tenacity", "kubernetes_validate", "difflib"} & sys.modules.keys()
print(json.dumps([result.ok, ratio, sorted(heavy)]))
"""


def test_loading_the_first_example_takes_as_long_as_reading_its_yaml_a_few_times_and_drags_nothing_in() -> None:
    """Best of five processes, against PyYAML in the same one: a busy machine must not fail this."""
    runs = [
        json.loads(subprocess.run([sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, check=True).stdout)
        for _ in range(5)
    ]
    assert all(ok for ok, _, _ in runs)
    assert runs[0][2] == []
    assert min(ratio for _, ratio, _ in runs) < 8, "3 is usual"

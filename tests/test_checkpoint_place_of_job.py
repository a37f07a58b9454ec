"""Where a job's checkpoints are found again: by the setting, by Azure ML's environment, beside the script."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import pytest

from finops.checkpoint.faults import CheckpointWarning, StoreFault
from finops.checkpoint.stores.place_of_job import default_folder, default_job

ELSEWHERE = "/proc"  # on another device than any working directory


def test_a_run_keeps_its_id_when_it_is_started_again() -> None:
    assert default_job({"AZUREML_RUN_ID": "brave_fig_1"}) == "brave_fig_1"


def test_off_azure_the_folder_lies_beside_the_script_without_a_word() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")

        assert default_folder({}) == "checkpoints"


def test_the_setting_wins() -> None:
    env = {"FINOPS_CHECKPOINT_FOLDER": "/data/x", "AZURE_ML_OUTPUT_checkpoints": ELSEWHERE, "AZUREML_RUN_ID": "r"}

    assert default_folder(env) == "/data/x"


@pytest.mark.parametrize(
    "name", ["AZURE_ML_OUTPUT_checkpoints", "AZURE_ML_OUTPUT_CHECKPOINTS", "AZUREML_DATAREFERENCE_checkpoints"]
)
def test_a_mounted_output_is_found_by_its_name(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")

        assert default_folder({"AZUREML_RUN_ID": "r", name: ELSEWHERE, "AZURE_ML_OUTPUT_model": "/m"}) == ELSEWHERE


def test_an_output_that_is_not_mounted_is_warned_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkdir("upload")

    with pytest.warns(CheckpointWarning, match="uploaded when the job ends.*rw_mount"):
        assert default_folder({"AZUREML_RUN_ID": "r", "AZURE_ML_OUTPUT_checkpoints": "upload"}) == "upload"


def test_a_job_without_such_an_output_is_warned_of() -> None:
    with pytest.warns(CheckpointWarning, match="no output named `checkpoints`"):
        assert default_folder({"AZUREML_RUN_ID": "r"}) == "outputs/checkpoints"


def test_an_expression_that_azure_ml_left_as_it_was_is_no_folder() -> None:
    with pytest.raises(StoreFault, match=r"is \$\{\{outputs.checkpoints\}\}: Azure ML does not fill in") as fault:
        default_folder({"FINOPS_CHECKPOINT_FOLDER": "${{outputs.checkpoints}}"})

    assert "in the job's command" in fault.value.fix

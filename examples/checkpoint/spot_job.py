"""The job of spot-job.yaml by Microsoft's SDK: pip install azure-ai-ml azure-identity; az login; python spot_job.py."""

from __future__ import annotations

from pathlib import Path

from azure.ai.ml import MLClient, Output, command
from azure.ai.ml.constants import AssetTypes, InputOutputModes
from azure.ai.ml.entities import Command, Environment

HERE = Path(__file__).parent


def spot_job(epochs: int = 200) -> Command:
    return command(
        display_name="train-on-spot",
        experiment_name="spot",
        code=HERE,
        command="python train_torch.py --epochs ${{inputs.epochs}}",
        inputs={"epochs": epochs},
        outputs={"checkpoints": Output(type=AssetTypes.URI_FOLDER, mode=InputOutputModes.RW_MOUNT)},
        environment=Environment(
            image="mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04:latest",
            conda_file=HERE / "environment.yaml",
        ),
        environment_variables={"DATASET_MOUNT_ATTRIBUTE_CACHE_TTL": "1"},
        compute="spot-cpu",
    )


if __name__ == "__main__":
    from azure.identity import DefaultAzureCredential

    workspace = MLClient.from_config(DefaultAzureCredential())
    print(workspace.jobs.create_or_update(spot_job()).studio_url)

"""How aml-finops is packaged. Tool settings live in pyproject.toml."""

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent

# Read, not imported: under build isolation the package cannot be imported yet.
VERSION = re.search(r'^__version__ = "(.+)"$', (HERE / "finops/__init__.py").read_text("utf-8"), re.M)[1]

# Folders that people edit, shipped as data under finops/_shipped/ (see finops.config.folder).
CONTENT = ["policies", "janitor", "reports", "cron"]

DAEMON = [
    "alembic>=1.13,<2",
    "azure-core>=1.41,<2",
    "azure-identity>=1.25,<2",
    "azure-mgmt-core>=1.5,<2",
    "azure-mgmt-costmanagement>=5,<6",
    "azure-mgmt-policyinsights>=1.0.1,<1.1",
    "azure-mgmt-resource>=26,<27",
    "azure-mgmt-resource-policy>=1,<2",
    "azure-mgmt-resource-subscriptions>=1,<2",
    "babel>=2.16,<3",
    "click>=8.1,<9",
    "css-inline>=0.14,<1",
    "duckdb>=1.4,<3",
    "idna>=3.7,<4",
    "itsdangerous>=2.2,<3",
    "jinja2>=3.1,<4",
    "matplotlib>=3.9,<4",
    "numpy>=1.26,<3",
    "openpyxl>=3.1,<4",
    "pandas>=2.2,<4",
    "pillow>=10,<13",
    "prometheus-client>=0.21,<1",
    "pyarrow>=18,<27",
    "pydantic>=2.9,<3",
    "pyjwt[crypto]>=2.10.1,<3",
    "pyyaml>=6,<7",
    "requests>=2.31,<3",
    "rich>=13.7,<16",
    "schedule>=1.2,<1.3",
    "simplejson>=3.19,<5",
    "sqlalchemy>=2.0.36,<3",
    "starlette>=0.41,<2",
    "structlog>=24.4,<27",
    "urllib3>=2.2,<3",
    "uvicorn>=0.32,<1",
]
FAST = ["zlib-ng>=1,<2"]
PDF = ["weasyprint>=69,<71"]
ML = ["azure-ai-ml>=1.34.1,<2"]
OTEL = ["opentelemetry-exporter-otlp-proto-http>=1.27,<2", "opentelemetry-sdk>=1.27,<2"]
POSTGRESQL = ["psycopg[binary]>=3.2,<4"]
TEST = [
    "aiosmtpd>=1.4.6,<2",
    "azure-communication-email>=1.1,<2",
    "azure-containerregistry>=1.2,<2",
    "azure-mgmt-appcontainers>=5,<6",
    "azure-mgmt-authorization>=4,<6",
    "azure-mgmt-containerregistry>=15,<16",
    "azure-mgmt-monitor>=7,<8",
    "azure-mgmt-resource-locks>=1,<2",
    "azure-mgmt-resourcegraph>=8,<9",
    "azure-mgmt-storage>=25,<26",
    "azure-monitor-querymetrics>=1,<2",
    "azure-storage-blob>=12.26,<13",
    "build>=1.2,<2",
    "filelock>=3.15,<4",
    "html5lib>=1.1,<2",
    "httpx>=0.27,<1",
    "hypothesis>=6.100,<7",
    "kubernetes-validate>=1.37,<2",
    "mypy>=1.13,<3",
    "openapi-schema-validator>=0.6,<1",
    "pandas-stubs>=2.2",
    "playwright>=1.49,<2",
    "pytest>=8.3,<10",
    "pytest-xdist>=3.6,<4",
    "ruff>=0.8,<1",
    "schemathesis>=4.32,<5",
    "types-PyYAML>=6",
    "types-openpyxl>=3.1",
    "types-simplejson>=3.19",
    *FAST,
    *ML,
    *PDF,
    *POSTGRESQL,
]
# What trainings bring along, for the tests that are marked torch. Gigabytes.
TRAININGS = [
    "lightning>=2.4,<3",
    "safetensors>=0.4,<1",
    "scikit-learn>=1.4,<2",
    "torch==2.13.0",
    "torchdata>=0.9,<1",
    "transformers[torch]>=4.46,<6",
    "xgboost-cpu>=2.1,<4",
]

setup(
    name="aml-finops",
    version=VERSION,
    description="Cost governance for Azure Machine Learning, with a weekly report that finance trusts.",
    long_description=(HERE / "README.md").read_text("utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE"],
    python_requires=">=3.11",
    packages=[*find_packages(include=["finops", "finops.*"]), *(f"finops._shipped.{name}" for name in CONTENT)],
    package_dir={f"finops._shipped.{name}": name for name in CONTENT},
    package_data={
        "": ["py.typed", "*.csv.gz"],
        "finops.web": ["templates/*", "static/*"],
        **{f"finops._shipped.{name}": ["**/*"] for name in CONTENT},
    },
    install_requires=[],  # a training image imports finops.checkpoint and nothing else
    extras_require={
        "daemon": DAEMON,
        "fast": FAST,
        "ml": ML,
        "otel": OTEL,
        "pdf": PDF,
        "postgresql": POSTGRESQL,
        "test": [*DAEMON, *TEST],
        "test-trainings": [*DAEMON, *TEST, *TRAININGS],
    },
    entry_points={"console_scripts": ["finops = finops.__main__:main"]},
    classifiers=[
        "Development Status :: 3 - Alpha",
        "Environment :: Console",
        "Intended Audience :: System Administrators",
        "Operating System :: MacOS",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3 :: Only",
        "Typing :: Typed",
    ],
)

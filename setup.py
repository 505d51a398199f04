import re
from pathlib import Path

from setuptools import find_packages, setup

here = Path(__file__).parent
declared = re.search(r'^__version__ = "(.+)"$', (here / "mxart/__init__.py").read_text(), re.MULTILINE)
assert declared is not None

setup(
    name="mxart",
    version=declared[1],
    description="An artifact repository: caches what builds fetch, holds what they publish",
    long_description=(here / "README.md").read_text(),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11",
    packages=find_packages(include=["mxart", "mxart.*"]),
    package_data={
        "mxart.web": ["templates/*", "static/*"],
        "mxart.cli": ["templates/*"],
        "mxart.formats.maven": ["templates/*"],
    },
    entry_points={"console_scripts": ["mxart = mxart.cli:main"]},
    install_requires=[
        "tornado>=6.5",
        "pycurl>=7.45.3",
        "lmdb>=1.5",
        "msgpack>=1.0.8",
        "toml>=0.10.2",
        "click>=8.1",
        "argon2-cffi>=23.1",
        "pyjwt>=2.9",
        "jinja2>=3.1",
        "tqdm>=4.66",
        "cryptography>=43",
    ],
    classifiers=[
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3 :: Only",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Software Development :: Build Tools",
    ],
)

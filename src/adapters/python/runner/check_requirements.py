"""
Says which of the requirements on stdin (a JSON list) this interpreter does not have: {"missing": [...]} on stdout.
Started with -I; installs and imports nothing but what reads versions.
"""

import importlib.metadata
import json
import sys


# Builds of one library under another name, which bring the same modules.
BUILDS = {
    "xgboost": ["xgboost-cpu"],
    "tensorflow": ["tensorflow-cpu", "tensorflow-intel", "tensorflow-macos"],
    "opencv-python": ["opencv-python-headless"],
    "psycopg2": ["psycopg2-binary"],
}


def version_of(name):
    for candidate in (name, *BUILDS.get(name.lower(), ())):
        try:
            return importlib.metadata.version(candidate)
        except importlib.metadata.PackageNotFoundError:
            continue
    raise importlib.metadata.PackageNotFoundError(name)


def requirement_class():
    for module in ("packaging.requirements", "pip._vendor.packaging.requirements", "setuptools._vendor.packaging.requirements"):
        try:
            return __import__(module, fromlist=["Requirement"]).Requirement
        except ImportError:
            continue
    return None


def main():
    texts = json.load(sys.stdin)
    requirement = requirement_class()
    if requirement is None:
        print(json.dumps({"missing": texts}))
        return
    missing = []
    for text in texts:
        try:
            wanted = requirement(text)
            if wanted.marker is not None and not wanted.marker.evaluate():
                continue
            if not wanted.specifier.contains(version_of(wanted.name), prereleases=True):
                missing.append(text)
        except (importlib.metadata.PackageNotFoundError, ValueError):
            missing.append(text)
    print(json.dumps({"missing": missing}))


main()

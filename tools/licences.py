#!/usr/bin/env python3
"""Checks that every dependency has a permissive licence, by what cargo knows of it.

A licence expression passes when one of its alternatives (OR) holds only allowed licences (AND).
"""

import json
import re
import subprocess
import sys

ALLOWED = {
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
}


def permissive(expression: str) -> bool:
    """Whether an SPDX expression without nested parentheses can be met by allowed licences."""
    groups = re.findall(r"\(([^()]*)\)", expression)
    for group in groups:
        if not permissive(group):
            return False
    rest = re.sub(r"\([^()]*\)", "MIT", expression).replace("/", " OR ")
    return any(
        all(part.strip() in ALLOWED for part in alternative.split(" AND "))
        for alternative in rest.split(" OR ")
    )


def main() -> int:
    command = ["cargo", "metadata", "--format-version", "1", "--locked"]
    metadata = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    refused = [
        f"{p['name']} {p['version']}: {p['license'] or 'no licence stated'}"
        for p in metadata["packages"]
        if not permissive(p["license"] or "")
    ]
    for line in refused:
        print(line, file=sys.stderr)
    print(f"{len(metadata['packages'])} packages, {len(refused)} without a permissive licence")
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())

"""Runs the FOCUS validator over files and judges its report, as it exits 0 whatever it finds.

validate.py VENV FILE.csv [FILE.csv...], called by check.
"""

import pathlib
import re
import subprocess
import sys
import tempfile

import focus_validator

VERSION = "1.2"
# What Octroi claims to support: the rules that hang on it are to be evaluated.
SUPPORTED = """
    ACCOUNT_NAMING NEGOTIATED_PRICING PUBLIC_PRICE_LIST USAGE_MEASUREMENT UNIT_PRICING SUB_ACCOUNT
    BILLING_BASED_ON_PROVISIONED_RESOURCES RESOURCE_TYPE_ASSIGNMENT REGION AVAILABILITY_ZONE TAGGING
    MULTIPLE_PRICING_CATEGORIES MULTIPLE_SUB_ACCOUNT_TYPES MULTIPLE_BILLING_ACCOUNT_TYPES
    PRICING_BILLING_CURRENCY_DIFFERENCES
""".split()
# "InvoiceId MUST be null", without the rule's own condition: it fails for every invoice.
KNOWN_FALSE = {"InvoiceId-C-004-C"}
# Fewer passes mean that rules were skipped, not that the file is good.
LEAST_PASSES = 302


def run_validator(venv, path):
    """The exit status and all that the validator says."""
    with tempfile.TemporaryDirectory(dir=venv) as folder:
        # It opens its list of currencies relative to the working folder.
        package = pathlib.Path(focus_validator.__file__).parent
        (pathlib.Path(folder) / "focus_validator").symlink_to(package)
        done = subprocess.run(
            [
                str(pathlib.Path(sys.executable).with_name("focus-validator")),
                "--block-download", "--validate-version", VERSION, "--data-file", str(path),
                "--show-violations", "--applicability-criteria",
                ",".join(claim + "_SUPPORTED" for claim in SUPPORTED),
            ],
            cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        )
    return done.returncode, done.stdout + "\n" + done.stderr


def judge(status, report):
    """The summary of a report, and what is wrong."""
    counts = re.findall(r"Pass: *(\d+) *\| *Fail: *(\d+) *\| *Skipped: *(\d+)", report)
    if status != 0 or len(counts) != 1:
        tail = "\n".join(report.strip().splitlines()[-5:])
        return "no result", [f"the validator crashed with status {status}:\n{tail}"]
    passed, failed, skipped = map(int, counts[0])
    failures = dict(re.findall(r"^ *- *([A-Za-z]+-[A-Z]-\d{3}-[A-Z]): *(.*)$", report, re.MULTILINE))
    faults = [f"{rule}: {text:.120}" for rule, text in failures.items() if rule not in KNOWN_FALSE]
    if len(failures) != failed:
        faults.append(f"{failed} rules failed, and the report names {len(failures)}")
    if passed < LEAST_PASSES:
        faults.append(f"{passed} rules passed, where at least {LEAST_PASSES} should")
    return f"Pass {passed}, Fail {failed}, Skipped {skipped}", faults


def main(venv, paths):
    all_well = True
    for path in map(pathlib.Path, paths):
        if path.is_file():
            summary, faults = judge(*run_validator(venv, path.resolve()))
        else:
            summary, faults = "no result", ["no such file"]
        all_well = all_well and not faults
        print(f"{path}: {summary}: {'fails' if faults else 'well'}")
        for fault in faults:
            print(f"  {fault}")
    return 0 if all_well else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))

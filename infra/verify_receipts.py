"""Verify the receipts of erasures: signatures, numbers and the chain of hashes.

    python infra/verify_receipts.py receipts.jsonl receipts.pub

It imports nothing of this repository, so that whoever has the public key can run it alone; all
it needs is the package `cryptography`. The last line's hash is printed: who noted it earlier, with
its number, can see that no later receipts were cut off and written anew.
"""

import argparse
import hashlib
import json
import sys
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key


def verify_receipts(lines: list[bytes], public_key: Ed25519PublicKey) -> str:
    """Return the hash of the last receipt.

    Args:
        lines: The receipts, without line ends.
        public_key: Of whoever signed them.

    Raises:
        ValueError: If a line is no receipt, was changed, or its predecessor is not the one it had.
    """
    previous = "0" * 64
    for number, line in enumerate(lines, start=1):
        try:
            receipt = json.loads(line)
            signature = bytes.fromhex(receipt.pop("signature"))
        except (ValueError, KeyError, AttributeError) as err:
            raise ValueError(f"line {number}: is no receipt") from err
        try:
            signed = json.dumps(receipt, sort_keys=True, separators=(",", ":")).encode()
            public_key.verify(signature, signed)
        except InvalidSignature as err:
            raise ValueError(f"line {number}: the signature is not of what is there") from err
        if receipt["number"] != number or receipt["previous"] != previous:
            raise ValueError(f"line {number}: the receipt before it is missing or another one")
        previous = hashlib.sha256(line).hexdigest()
    return previous


def main() -> None:
    """Verify a file of receipts; exits with 1 if something is wrong."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("receipts", type=Path, help="the file of receipts")
    parser.add_argument("public_key", type=Path, help="the published key, PEM")
    arguments = parser.parse_args()
    key = load_pem_public_key(arguments.public_key.read_bytes())
    if not isinstance(key, Ed25519PublicKey):
        sys.exit(f"{arguments.public_key}: is no Ed25519 key")
    lines = arguments.receipts.read_bytes().splitlines()
    try:
        last = verify_receipts(lines, key)
    except ValueError as err:
        sys.exit(f"{arguments.receipts}, {err}")
    sys.stdout.write(f"{len(lines)} receipts, the last with sha256 {last}\n")


if __name__ == "__main__":
    main()

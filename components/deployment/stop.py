"""End the gateway of this machine: `python -m components.deployment.stop FOLDER`."""

import argparse
import sys
from pathlib import Path

from components.deployment.deploy import DeployError
from components.deployment.local_target import stop_gateway


def main(arguments: list[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(
        prog="python -m components.deployment.stop", description=__doc__.split(":")[0]
    )
    parser.add_argument("folder", type=Path, help="deploy.local.folder, as state/gateway")
    parser.add_argument("--drain-seconds", type=float, default=30, help="longest wait for requests")
    given = parser.parse_args(arguments)
    try:
        was_there = stop_gateway(given.folder, given.drain_seconds)
    except DeployError as err:
        sys.exit(str(err))
    sys.stdout.write("ended\n" if was_there else "there was none\n")


if __name__ == "__main__":
    main()

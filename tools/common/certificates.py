"""Authorities and certificates for tests, made with openssl."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def openssl(*arguments: str, folder: Path) -> None:
    """Run openssl in a folder; its output is captured."""
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


def make_authority(folder: Path, name: str = "ca") -> None:
    """``NAME.crt`` and ``NAME.key``: a certificate authority."""
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    openssl(
        *("req", "-x509", *key, "-days", "2", "-subj", f"/CN={name}"),
        *("-keyout", f"{name}.key", "-out", f"{name}.crt"),
        folder=folder,
    )


def make_certificate(
    folder: Path, name: str, *, ca: str = "ca", days: int = 2, address: str = "127.0.0.1"
) -> None:
    """``NAME.crt`` and ``NAME.key``, for an address; expired when ``days`` is negative."""
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    openssl(
        *("req", *key, "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr"),
        folder=folder,
    )
    (folder / "names").write_text(f"subjectAltName=IP:{address}\n")
    sign = (
        *("x509", "-req", "-in", f"{name}.csr", "-CA", f"{ca}.crt", "-CAkey", f"{ca}.key"),
        *("-CAcreateserial", "-extfile", "names", "-out", f"{name}.crt"),
    )
    try:
        openssl(*sign, "-days", str(days), folder=folder)
    except subprocess.CalledProcessError:  # OpenSSL 3.5 rejects negative days, 3.0 dates
        if days >= 0:
            raise
        dates = ("-not_before", "20200101000000Z", "-not_after", "20200102000000Z")
        openssl(*sign, *dates, folder=folder)

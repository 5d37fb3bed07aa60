"""Parts of scripts/build_deb."""

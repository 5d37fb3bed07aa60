"""Parts of scripts/prepare_sd and scripts/build_image."""

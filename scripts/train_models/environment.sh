# Sourced: an environment of its own with what training needs, as $venv.
venv=.cache/train_models/venv
if ! cmp -s scripts/train_models/requirements.txt "$venv/installed.txt"; then
    rm -rf "$venv"
    "${PYTHON:-python3}" -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check \
        --requirement scripts/train_models/requirements.txt
    cp scripts/train_models/requirements.txt "$venv/installed.txt"
fi
export PYTHONPATH=.:scripts OMP_WAIT_POLICY=PASSIVE

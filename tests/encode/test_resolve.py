import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from isogloss.encode import load_encoder, resolve
from isogloss.encode.folder import fingerprint_folder
from isogloss.errors import MissingExtra, ModelError, NetworkRefused


def into_hub_cache(folder: Path, cache: Path, name: str) -> None:
    """Lay a folder down as the hub's cache would."""
    root = cache / f"models--{name.replace('/', '--')}"
    (root / "refs").mkdir(parents=True)
    (root / "refs" / "main").write_text("0" * 40)
    shutil.copytree(folder, root / "snapshots" / ("0" * 40))


@pytest.fixture
def hub_cache(tmp_path, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    return tmp_path / "hub"


def test_a_hub_name_is_read_from_the_cache_without_a_socket(tiny, hub_cache, no_network):
    into_hub_cache(tiny("bert"), hub_cache, "someone/tiny")
    encoder = load_encoder("someone/tiny")
    assert encoder.name == "someone/tiny"
    assert encoder.encode(["a"], language="eng_Latn")[3].array.shape == (1, 16)
    assert no_network == []


def test_what_is_not_here_is_refused_without_a_socket(hub_cache, no_network):
    for name in ("someone/absent", "absent"):
        with pytest.raises(NetworkRefused, match="--network"):
            load_encoder(name)
    assert no_network == []


def test_the_network_is_used_only_when_allowed(hub_cache, monkeypatch, tiny):
    folder = tiny("bert")
    asked = []
    monkeypatch.setattr(resolve, "_download", lambda name: asked.append(name) or folder)
    assert load_encoder("someone/tiny", network=True).layers == (0, 1, 2, 3)
    assert asked == ["someone/tiny"]


def test_a_failed_download_is_one_error(hub_cache, no_network):
    with pytest.raises(ModelError, match="could not be downloaded"):
        load_encoder("someone/tiny", network=True)


@pytest.mark.parametrize("name", ["all-MiniLM-L6-v2", "sentence-transformers/all-MiniLM-L6-v2"])
def test_the_demonstration_model(name, minilm, hub_cache, no_network):
    found = resolve.find_model(name)
    assert str(found.path) == minilm
    assert (found.name, found.max_length, found.pooling) == (name, 256, "mean")


def test_a_cached_or_local_model_of_that_name_wins(minilm, tiny, hub_cache, tmp_path, monkeypatch):
    into_hub_cache(tiny("bert"), hub_cache, "sentence-transformers/all-MiniLM-L6-v2")
    assert hub_cache in resolve.find_model("all-MiniLM-L6-v2").path.parents
    monkeypatch.chdir(tmp_path)
    shutil.copytree(tmp_path / "bert", tmp_path / "all-MiniLM-L6-v2")
    assert resolve.find_model("all-MiniLM-L6-v2").path == Path("all-MiniLM-L6-v2")


def test_the_demonstration_model_is_checked(minilm, hub_cache, monkeypatch):
    monkeypatch.setattr(resolve, "_DEMO_SHA256", "0" * 64)
    with pytest.raises(ModelError, match="not the ones that were checked"):
        load_encoder("all-MiniLM-L6-v2")
    monkeypatch.setattr(resolve, "_DEMO_PACKAGE", "no_such_package")
    with pytest.raises(MissingExtra, match=r"isogloss\[demo\]"):
        load_encoder("all-MiniLM-L6-v2")


def test_pickled_weights_are_refused_by_name(tiny):
    folder = tiny("bert")
    (folder / "model.safetensors").unlink()
    with pytest.raises(ModelError, match=r"no \.safetensors"):
        load_encoder(folder)
    torch.save({}, folder / "pytorch_model.bin")
    with pytest.raises(ModelError, match=r"pytorch_model\.bin: only pickled weights") as caught:
        load_encoder(folder)
    assert "save_pretrained" in caught.value.remedy


def test_a_folders_own_code_is_never_run(tiny, rewrite, tmp_path):
    folder = tiny("bert")
    (folder / "code.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nclass Net: pass\n")
    rewrite(folder / "config.json", model_type="strange", auto_map={"AutoModel": "code.Net"})
    with pytest.raises(ModelError, match="cannot be loaded"):
        load_encoder(folder)
    assert not (tmp_path / "ran").exists()


def test_what_is_no_model(tmp_path):
    with pytest.raises(ModelError, match=r"neither config\.json nor modules\.json"):
        load_encoder(tmp_path)
    with pytest.raises(ModelError, match="no such model folder"):
        load_encoder("./absent")
    (tmp_path / "file").write_text("x")
    with pytest.raises(ModelError, match="not a model folder"):
        load_encoder(tmp_path / "file")
    (tmp_path / "config.json").write_text("{\n,")
    with pytest.raises(ModelError, match=r"config\.json:2: cannot be read as JSON"):
        load_encoder(tmp_path)


def test_the_fingerprint_names_weights_and_tokenizer_only(tiny, rewrite):
    folder = tiny("bert")
    before = fingerprint_folder(folder)
    (folder / "README.md").write_text("---\nlicense: mit\n---\n")
    assert fingerprint_folder(folder) == before == load_encoder(folder).fingerprint
    assert load_encoder(folder).licence == "mit"
    rewrite(folder / "tokenizer.json", version="1.1")
    assert fingerprint_folder(folder) != before


def test_importing_the_room_loads_nothing_heavy():
    code = (
        "import sys, isogloss.encode as e; e.load_encoder; "
        "print([m for m in ('torch', 'transformers', 'pyarrow') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(found.stdout.replace("'", '"')) == []
